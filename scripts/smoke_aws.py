"""Deploy, ask, update, run a batch job and remove, on real AWS. Needs an account and costs a few cents.

    python scripts/smoke_aws.py --role ARN --image ACCOUNT.dkr.ecr.REGION.amazonaws.com/mooring:TAG [--region REGION]

The project has not run it yet, for lack of an account. Please report its output in an issue, good or bad. All
resources are named mooring-smoke-… and are removed at the end, also after a failure.
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mooring.deploy import Model, Predictor
from mooring.deploy.deployment import remove, survey
from mooring.deploy.session import Place, Session
from mooring.deploy.transform import Job, model_of, run_job
from mooring.errors import InvokeError
from mooring.progress import Lines

QUESTION = {"inputs": {"question": "Who wrote it?", "context": "Ada Lovelace wrote it in 1843."}}
ANSWER = "Ada Lovelace"


@dataclass
class Smoke:
    """One run."""

    arguments: argparse.Namespace
    session: Session
    made: list[str] = field(default_factory=list)

    def model(self, name: str, **more: Any) -> Model:
        """A model under a name that is removed at the end."""
        self.made.append(name)
        options = {
            "role": self.arguments.role,
            "image_uri": self.arguments.image,
            "endpoint_url": self.arguments.endpoint_url,
        }
        place = {"region": self.arguments.region, "profile": self.arguments.profile}
        return Model(self.arguments.model, name=name, **options, **place, **more)

    def instances(self) -> None:
        """Deploy, ask, deploy again without and with a change, ask again, send an invalid request, run a batch job."""
        name = "mooring-smoke-instances"
        predictor = self.model(name).deploy(1, self.arguments.instance_type)
        assert predictor.predict(QUESTION)["answer"] == ANSWER
        before = predictor._endpoint()["LastModifiedTime"]
        self.model(name).deploy(1, self.arguments.instance_type)
        assert predictor._endpoint()["LastModifiedTime"] == before, "a second deploy changed something"
        self.model(name, env={"MOORING_LOG_LEVEL": "warning"}).deploy(1, self.arguments.instance_type)
        assert predictor.predict(QUESTION)["answer"] == ANSWER
        refusal = self.refusal(predictor)
        assert refusal is not None, "a request without a context was answered"
        assert refusal.status == 400, refusal
        self.batch(name)

    def refusal(self, predictor: Predictor) -> InvokeError | None:
        """The error for a request without a context; None if there is none."""
        try:
            predictor.predict({"inputs": {"question": "Who?"}})
        except InvokeError as error:
            return error
        return None

    def batch(self, name: str) -> None:
        """Run a batch job over three questions in S3."""
        s3 = self.session.client("s3")
        bucket = f"sagemaker-{self.session.region}-{self.session.account}"
        lines = "".join(f"{json.dumps(QUESTION)}\n" for _ in range(3))
        s3.put_object(Bucket=bucket, Key=f"mooring/{name}/batch/in/questions.jsonl", Body=lines)
        place = f"s3://{bucket}/mooring/{name}/batch"
        model = model_of(self.session, name)
        assert model is not None
        job = Job(model, f"{place}/in/", f"{place}/out", instance_type=self.arguments.instance_type)
        run_job(self.session, job, Lines())
        found = s3.list_objects_v2(Bucket=bucket, Prefix=f"mooring/{name}/batch/out")["Contents"]
        said = s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read()
        assert [json.loads(line)["answer"] for line in said.splitlines()] == [ANSWER] * 3, said
        for each in s3.list_objects_v2(Bucket=bucket, Prefix=f"mooring/{name}/batch/")["Contents"]:
            s3.delete_object(Bucket=bucket, Key=each["Key"])

    def serverless(self) -> None:
        """Ask a serverless endpoint."""
        predictor = self.model("mooring-smoke-serverless").deploy(
            serverless_inference_config={"memory_size_in_mb": 2048}
        )
        assert predictor.predict(QUESTION)["answer"] == ANSWER

    def asynchronous(self) -> None:
        """Ask an asynchronous endpoint."""
        model = self.model("mooring-smoke-async")
        predictor: Predictor = model.deploy(1, self.arguments.instance_type, async_inference_config=True)
        assert predictor.predict_async(QUESTION).result()["answer"] == ANSWER

    def clean(self) -> None:
        """Remove everything and check that nothing is left."""
        for name in dict.fromkeys(self.made):
            remove(self.session, survey(self.session, name, None), Lines())
            assert survey(self.session, name, None).actions == ()


def main() -> int:
    """Run every part, clean up, and print a line per part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for flag in ("--role", "--image", "--region", "--profile", "--endpoint-url"):
        parser.add_argument(flag)
    parser.add_argument("--model", help="folder, .tar.gz or Hub id (default: the image's model)")
    parser.add_argument("--instance-type", default="ml.c7i.large")
    parser.add_argument("--parts", nargs="*", default=["instances", "serverless", "asynchronous"])
    arguments = parser.parse_args()
    smoke = Smoke(arguments, Session(Place(arguments.region, arguments.profile, arguments.endpoint_url)))
    results = []
    for part in [*arguments.parts, "clean"]:
        work: Callable[[], None] = getattr(smoke, part)
        began = time.monotonic()
        try:
            work()
        except Exception:  # continue with the other parts and the cleanup
            traceback.print_exc()
            results.append((part, False, time.monotonic() - began))
        else:
            results.append((part, True, time.monotonic() - began))
    for part, passed, seconds in results:
        print(f"{'passed' if passed else 'FAILED':<7} {part:<13} {seconds:.1f} s")
    return 0 if all(passed for _, passed, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
