"""A batch job whose end is told."""

import contextlib
import io

import pytest

from mooring.deploy.transform import Job, run_job
from mooring.errors import EndpointFailed
from mooring.progress import Lines
from tests.deploy.scripted import Reply, scripted

JOB = Job("qa", "s3://bucket/in/", "s3://bucket/out/", name="nightly")


@pytest.mark.parametrize(("status", "lines"), [("Completed", 1), ("Failed", 0), ("Stopped", 0)])
def test_only_a_completed_job_gets_a_tick(status: str, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed one ends with SageMaker's reason."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    job = {"TransformJobName": "nightly", "TransformJobStatus": status, "FailureReason": "No disk"}
    described = Reply(body=job | {"logStreams": []})
    stream = io.StringIO()
    with scripted(Reply(body={"TransformJobArn": "arn"}), described) as script:
        assert script.session is not None
        failure = pytest.raises(EndpointFailed, match=r"The job nightly failed: No disk\.")
        with failure if status == "Failed" else contextlib.nullcontext():
            assert run_job(script.session, JOB, Lines(stream))["TransformJobStatus"] == status
    said = stream.getvalue()
    assert said.count("✓ Waiting for the job nightly") == lines
    assert f"… Waiting for the job nightly: {status}" in said
