"""Data capture of transform jobs: manifests of inputs and outputs, in the form that a job reads."""

import asyncio
import json
from pathlib import Path

import pytest

from local.tests.batch.test_job import brackets, quay
from mooring_local.batch.capture import manifest


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["s3://b/in/a"], [{"prefix": "s3://b/in/"}, "a"]),
        (["s3://b/in/ab/1", "s3://b/in/ac/1"], [{"prefix": "s3://b/in/"}, "ab/1", "ac/1"]),
        (["s3://b/1", "s3://b/2"], [{"prefix": "s3://b/"}, "1", "2"]),
    ],
)
def test_a_manifest_begins_with_the_folder_of_all(addresses: list[str], expected: list[object]) -> None:
    """Never with a part of a name."""
    assert json.loads(manifest(addresses)) == expected


def test_a_jobs_inputs_and_outputs_are_listed(tmp_path: Path) -> None:
    """By the hour, when all of them are there; a job could read the manifest of inputs again."""

    async def work() -> None:
        async with quay(tmp_path, answer=brackets) as one:
            one.store.put("bucket", "in/b.txt", b"3\n")
            one.begin(DataCaptureConfig={"DestinationS3Uri": "s3://bucket/captured/"})
            assert (await one.ended())["TransformJobStatus"] == "Completed"
            found = {entry.key: json.loads(entry.path.read_bytes()) for entry in one.store.list("bucket", "captured/")}
            assert sorted(found.values(), key=str) == [
                [{"prefix": "s3://bucket/in/"}, "a.txt", "b.txt"],
                [{"prefix": "s3://bucket/out/"}, "a.txt.out", "b.txt.out"],
            ]
            assert [key.split("/")[1] for key in found] == ["input", "output"]
            assert all(key.count("/") == 6 for key in found)

    asyncio.run(work())


def test_a_bucket_that_is_not_there_fails_the_job(tmp_path: Path) -> None:
    """Its outputs stay."""

    async def work() -> None:
        async with quay(tmp_path, answer=brackets) as one:
            one.begin(DataCaptureConfig={"DestinationS3Uri": "s3://no-such-bucket/x"})
            document = await one.ended()
            assert document["TransformJobStatus"] == "Failed"
            assert "Could not write captured data to s3://no-such-bucket/x/input/" in document["FailureReason"]
            assert one.output() is not None

    asyncio.run(work())
