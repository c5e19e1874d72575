"""Transform jobs from InProgress to their end, over fake containers in the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from local.tests.batch.documents import document
from local.tests.harbour import FAST, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from mooring.errors import RunnerError
from mooring_local.batch.job import KIND, Jobs
from mooring_local.batch.run import GROUP, Bench
from mooring_local.fleet.logbook import Logbook
from mooring_local.fleet.phases import Phases
from mooring_local.objects.store import ObjectStore
from mooring_local.runners.launch import Launcher
from mooring_local.state import State


class Quay:
    """What jobs stand on, in a folder, with a model and one object of two lines."""

    def __init__(self, folder: Path, runner: FakeRunner) -> None:
        self.runner = runner
        self.state = State(folder / "state.sqlite")
        self.store = ObjectStore(folder / "s3")
        self.logbook = Logbook(folder / "logs")
        launcher = Launcher(runner, self.store, folder / "run", FAST)
        self.jobs = Jobs(Bench(self.state, self.store, launcher, self.logbook), Phases(0))
        self.state.put("model", "model", {"ModelName": "model", "PrimaryContainer": {"Image": "mooring"}})
        self.store.create_bucket("bucket")
        self.store.put("bucket", "in/a.txt", b"1\n2\n")

    def begin(self, **members: Any) -> None:
        """As the control plane does."""
        self.state.put(KIND, "job", {**document(**members), "TransformJobStatus": "InProgress"})
        self.jobs.start("job")

    async def ended(self) -> dict[str, Any]:
        """The document when the job is over."""
        await until(lambda: self.document()["TransformJobStatus"] not in ("InProgress", "Stopping"))
        return self.document()

    def document(self) -> dict[str, Any]:
        """What DescribeTransformJob would say."""
        found = self.state.get(KIND, "job")
        assert found is not None
        return found

    def output(self, key: str = "out/a.txt.out") -> bytes | None:
        """What was written."""
        entry = self.store.get("bucket", key)
        return entry.path.read_bytes() if entry else None

    def log(self, kind: str) -> list[str]:
        """Of the stream whose name ends so, without the platform's stamp."""
        (stream,) = [one for one in self.logbook.streams(GROUP) if one.name.endswith(kind)]
        return [one.message.partition("[sagemaker logs]: ")[2] for one in self.logbook.events(GROUP, stream.name)]


@asynccontextmanager
async def quay(folder: Path, **runner: Any) -> AsyncIterator[Quay]:
    """With nothing left running in the end."""
    one = Quay(folder, FakeRunner(**runner))
    try:
        yield one
        await one.jobs.close()
        assert one.runner.living == []
        assert list((folder / "run").glob("*")) == []
    finally:
        one.state.close()


async def brackets(heard: Heard) -> Said:
    """The body in brackets; no /execution-parameters; 400 for what begins with `bad`, 500 with `ill`."""
    if heard.method == "GET":
        return Said(404)
    if heard.body.startswith((b"bad", b"ill")):
        return Said(400 if heard.body.startswith(b"bad") else 500, b"no good:\n" + heard.body)
    return Said(body=b"[" + heard.body + b"]")


def test_a_job_completes(tmp_path: Path) -> None:
    """Its output is there, its times are set, its log says how it was paced, its container knew what it is for."""

    async def work() -> None:
        async with quay(tmp_path, answer=brackets) as one:
            one.begin(BatchStrategy="SingleRecord", TransformOutput={"AssembleWith": "Line"}, Environment={"A": "1"})
            done = await one.ended()
            assert done["TransformJobStatus"] == "Completed"
            assert done["TransformStartTime"] <= done["TransformEndTime"]
            assert "FailureReason" not in done
            assert one.output() == b"[1]\n[2]\n"
            paced = "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD"
            assert one.log("data-log") == [paced]
            environment = one.runner.last.order.environment
            assert (environment["SAGEMAKER_BATCH"], environment["A"]) == ("true", "1")
            assert environment["SAGEMAKER_BATCH_STRATEGY"] == "SINGLE_RECORD"

    asyncio.run(work())


def test_the_container_says_how_it_wants_it(tmp_path: Path) -> None:
    """/execution-parameters count where the job says nothing."""

    async def answer(heard: Heard) -> Said:
        if heard.path == "/execution-parameters":
            told = b'{"MaxConcurrentTransforms": 4, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 1}'
            return Said(body=told)
        return await brackets(heard)

    async def work() -> None:
        async with quay(tmp_path, answer=answer) as one:
            one.begin()
            await one.ended()
            assert one.output() == b"[1][2]"
            assert one.log("data-log")[0].startswith("MaxConcurrentTransforms=4, MaxPayloadInMB=1")

    asyncio.run(work())


def test_a_bad_object_fails_the_job_and_the_others_are_kept(tmp_path: Path) -> None:
    """The reason says whose fault it is and what the container said; so does the data log, as the platform has it."""

    async def work() -> None:
        async with quay(tmp_path, answer=brackets) as one:
            one.store.put("bucket", "in/b.txt", b"bad\n")
            one.store.put("bucket", "in/c.txt", b"3\n")
            one.begin(ModelClientConfig={"InvocationsMaxRetries": 0})
            done = await one.ended()
            assert done["TransformJobStatus"] == "Failed"
            assert done["FailureReason"] == (
                "ClientError: See job logs for more information. s3://bucket/in/b.txt: "
                "the container returned status 400: no good: bad"
            )
            assert (one.output(), one.output("out/b.txt.out")) == (b"[1\n2\n]", None)
            assert one.output("out/c.txt.out") == b"[3\n]"
            said = [f"bucket/in/b.txt: {line}" for line in ("ClientError: 400", "", "Message:", "no good:", "bad")]
            assert one.log("data-log")[1:] == said

    asyncio.run(work())


def test_several_failures_are_counted(tmp_path: Path) -> None:
    """The first is told, the platform's word is that of its fault."""

    async def work() -> None:
        async with quay(tmp_path, answer=brackets) as one:
            one.store.put("bucket", "in/a.txt", b"ill\n")
            one.store.put("bucket", "in/b.txt", b"bad\n")
            one.begin(ModelClientConfig={"InvocationsMaxRetries": 0}, MaxConcurrentTransforms=2)
            reason = (await one.ended())["FailureReason"]
            assert reason.startswith("AlgorithmError: See job logs for more information. s3://bucket/in/a.txt: ")
            assert reason.endswith("1 more of 2 objects failed.")

    asyncio.run(work())


def test_a_model_of_several_containers(tmp_path: Path) -> None:
    """Each answers what the one before it said, with the content type of that."""

    async def work() -> None:
        async with quay(tmp_path, answer=brackets) as one:
            containers = [{"Image": "mooring"}, {"Image": "mooring"}]
            one.state.put("model", "model", {"ModelName": "model", "Containers": containers})
            one.begin(BatchStrategy="SingleRecord", TransformInput={"ContentType": "text/csv"})
            await one.ended()
            assert one.output() == b"[[1]][[2]]"
            first, second = (container.heard[-1] for container in one.runner.started)
            assert (first.headers["content-type"], second.headers["content-type"]) == ("text/csv", "application/json")

    asyncio.run(work())


def test_what_cannot_begin_says_why(tmp_path: Path) -> None:
    """No input, a filter that is none, a model that is gone, a container that does not start."""

    async def work() -> None:
        async with quay(tmp_path, exits=[3], words=("moor: no config.json",)) as one:
            for members, said in (
                ({"TransformOutput": {"S3OutputPath": "s3://none/out"}}, "ClientError: The specified bucket does not"),
                ({"DataProcessing": {"OutputFilter": "?"}}, "ClientError: DataProcessing needs JSON"),
                ({"ModelName": "gone"}, "ClientError: The model gone was deleted"),
                ({}, "AlgorithmError: The container exited with code 3. Last log lines: moor: no config.json"),
            ):
                one.begin(**members)
                done = await one.ended()
                assert done["TransformJobStatus"] == "Failed"
                assert done["FailureReason"].startswith(said)
            one.runner.fails = RunnerError("No engine.", hint="Start one.")
            one.begin()
            assert (await one.ended())["FailureReason"] == "AlgorithmError: No engine. Start one."

    asyncio.run(work())


def test_a_fault_of_ours_ends_the_job_too(tmp_path: Path) -> None:
    """It does not stay InProgress for ever."""

    async def work() -> None:
        async with quay(tmp_path) as one:
            one.begin(TransformInput={"DataSource": {}})
            assert (await one.ended())["FailureReason"].startswith("InternalServerError: KeyError.")

    asyncio.run(work())


def test_a_job_is_stopped(tmp_path: Path) -> None:
    """In the middle of a request: Stopping, Stopped, the container gone, nothing written."""
    asked = asyncio.Event()

    async def never(heard: Heard) -> Said:
        if heard.method == "POST":
            asked.set()
            await asyncio.Event().wait()
        return Said(404)

    async def work() -> None:
        async with quay(tmp_path, answer=never) as one:
            one.begin()
            await asyncio.wait_for(asked.wait(), 5)
            one.state.change(KIND, "job", {"TransformJobStatus": "Stopping"})
            one.jobs.stop("job")
            done = await one.ended()
            assert done["TransformJobStatus"] == "Stopped"
            assert "FailureReason" not in done
            assert one.output() is None
            await until(lambda: one.runner.living == [])

    asyncio.run(work())


def test_jobs_do_not_outlive_the_server(tmp_path: Path) -> None:
    """One that runs when it stops has failed; those that a killed life left are ended at the next start."""

    async def never(heard: Heard) -> Said:
        if heard.method == "POST":
            await asyncio.Event().wait()
        return Said(404)

    async def work() -> None:
        async with quay(tmp_path, answer=never) as one:
            one.begin()
            await until(lambda: bool(one.runner.started and one.runner.last.heard))
            one.state.put(KIND, "left", {**document(), "TransformJobName": "left", "TransformJobStatus": "Stopping"})
            await one.jobs.close()
            assert one.document()["TransformJobStatus"] == "Failed"
            assert "was stopped while the job ran" in one.document()["FailureReason"]
            left = one.state.get(KIND, "left")
            assert left is not None
            assert left["TransformJobStatus"] == "Stopped"

    asyncio.run(work())


def test_an_object_that_is_deleted_meanwhile_fails_by_its_name(tmp_path: Path) -> None:
    """It is no fault of the server, and the outputs of the others are kept."""

    async def work() -> None:
        async def take_away(heard: Heard) -> Said:
            if heard.method == "POST":
                one.store.delete("bucket", "in/b.txt")
            return await brackets(heard)

        async with quay(tmp_path, answer=take_away) as one:
            one.store.put("bucket", "in/b.txt", b"3\n")
            one.begin()
            ended = await one.ended()
            assert ended["TransformJobStatus"] == "Failed"
            assert ended["FailureReason"].startswith("ClientError: ")
            assert "Could not read s3://bucket/in/b.txt or write its output" in ended["FailureReason"]
            assert one.output() is not None
            assert one.output("out/b.txt.out") is None

    asyncio.run(work())
