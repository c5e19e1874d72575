"""Endpoints come into service, or not, and stay in it, over fake containers."""

import asyncio
from pathlib import Path

from local.tests.harbour import FAST, VARIANT, harbour, until
from local.tests.support.fake_container import FakeRunner
from mooring_local.fleet.builder import Options

NO_PING = "The primary container for production variant AllTraffic did not pass the ping health check. "


def test_an_endpoint_comes_into_service(tmp_path: Path) -> None:
    """With what Describe shows of its variants; its container has the model's variables and the endpoint's log."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(words=("ready",))) as one:
            document = await one.one(Environment={"HF_TASK": "question-answering"})
            assert document["EndpointStatus"] == "InService"
            (variant,) = document["ProductionVariants"]
            assert variant["CurrentWeight"] == variant["DesiredWeight"] == 1.0
            assert variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"] == 1
            assert variant["DeployedImages"][0]["SpecifiedImage"] == "mooring"
            assert "VariantStatus" not in variant
            assert one.runner.last.order.environment["HF_TASK"] == "question-answering"
            (stream,) = one.logbook.streams("/aws/sagemaker/Endpoints/e")
            assert stream.name.startswith("AllTraffic/i-")
            assert one.log() == ["ready"]

    asyncio.run(work())


def test_a_model_that_cannot_be_served_fails_at_once(tmp_path: Path) -> None:
    """With the platform's sentence first and the container's own reason after it; nothing is tried again."""

    async def work() -> None:
        runner = FakeRunner(exits=[3], words=("moor: The folder has no config.json.", "      Name another."))
        async with harbour(tmp_path, runner=runner) as one:
            document = await one.one()
            assert document["EndpointStatus"] == "Failed"
            assert document["FailureReason"].startswith(
                f"{NO_PING}Please check CloudWatch logs for this endpoint. The container exited with code 3."
            )
            assert "moor: The folder has no config.json. | Name another." in document["FailureReason"]
            assert len(runner.started) == 1
            assert one.fleet.live("e") is None
            assert list((tmp_path / "run").iterdir()) == []

    asyncio.run(work())


def test_a_container_that_ends_by_chance_is_started_again(tmp_path: Path) -> None:
    """Its log says so."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(exits=[1, 1])) as one:
            assert (await one.one())["EndpointStatus"] == "InService"
            assert len(one.runner.started) == 3
            assert one.log() == ["The container exited with code 1. Restarting it."] * 2

    asyncio.run(work())


def test_one_that_never_passes_its_health_check_fails_when_its_window_is_over(tmp_path: Path) -> None:
    """ContainerStartupHealthCheckTimeoutInSeconds is the window."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(sick=9)) as one:
            one.model()
            one.config("c", {**VARIANT, "ContainerStartupHealthCheckTimeoutInSeconds": 0.05})
            document = await one.up()
            assert document["EndpointStatus"] == "Failed"
            assert "/ping did not return 200 within 0.05 s." in document["FailureReason"]
            assert one.runner.living == []

    asyncio.run(work())


def test_an_image_that_cannot_be_run_here_says_so(tmp_path: Path) -> None:
    """Before anything is started."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            document = await one.one(Image="refused")
            assert document["FailureReason"].endswith("No such image here.")
            assert one.runner.started == []

    asyncio.run(work())


def test_missing_model_data_is_the_reason(tmp_path: Path) -> None:
    """Whether the bucket or the object is missing."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            document = await one.one(ModelDataUrl="s3://nowhere/model.tar.gz")
            assert document["FailureReason"].startswith("Could not find model data at s3://nowhere/model.tar.gz.")
            one.model(
                "n",
                ModelDataSource={
                    "S3DataSource": {
                        "S3Uri": "s3://nowhere/folder/",
                        "S3DataType": "S3Prefix",
                        "CompressionType": "None",
                    }
                },
            )
            one.config("d", {**VARIANT, "ModelName": "n"})
            assert "NoSuchBucket" in (await one.up("f", "d"))["FailureReason"]

    asyncio.run(work())


def test_a_dead_one_is_replaced(tmp_path: Path) -> None:
    """By another instance with another name, while the endpoint stays in service."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            instance = one.live().variants["AllTraffic"].instances[0]
            first = instance.id
            one.runner.last.die(137)
            await until(lambda: len(one.runner.started) == 2 and instance.containers)
            assert instance.id != first
            assert one.document()["EndpointStatus"] == "InService"
            assert "Replacing the instance: container primary exited with code 137." in one.log()
            assert (await one.ask()).status == 200

    asyncio.run(work())


def test_one_that_does_not_answer_pings_is_replaced(tmp_path: Path) -> None:
    """After three in a row."""

    async def work() -> None:
        async with harbour(tmp_path, pulse=FAST) as one:
            await one.one()
            one.runner.last.ping = 503
            await until(lambda: len(one.runner.living) == 1 and len(one.runner.started) == 2)
            assert "Replacing the instance: container primary failed 3 health checks in a row." in one.log()

    asyncio.run(work())


def test_one_that_cannot_be_replaced_yet_is_tried_again(tmp_path: Path) -> None:
    """The disk was full, or something was in the way of its folder; the log says so."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            (tmp_path / "run").rename(tmp_path / "moved")
            (tmp_path / "run").touch()
            one.runner.last.die(137)
            await until(lambda: any("Could not replace the instance, retrying: " in line for line in one.log()))
            (tmp_path / "run").unlink()
            await until(lambda: len(one.runner.living) == 1)
            await until(lambda: one.live().variants["AllTraffic"].pick())
            assert (await one.ask()).status == 200

    asyncio.run(work())


def test_a_deleted_endpoint_leaves_none_that_was_being_replaced(tmp_path: Path) -> None:
    """Its container was told to end when the order came."""

    async def work() -> None:
        async with harbour(tmp_path, pulse=FAST) as one:
            await one.one()
            instance, last = one.live().variants["AllTraffic"].instances[0], one.runner.last
            gate, told = asyncio.Event(), asyncio.Event()
            ends = last.stop

            async def stop(patience_s: float = 0.0) -> None:
                told.set()
                await gate.wait()
                await ends(patience_s)

            last.stop = stop
            last.ping = 503
            await told.wait()
            assert instance.containers == {}
            one.fleet.delete("e")
            await asyncio.sleep(0)
            gate.set()
            assert await one.settled() == {}
            assert not last.alive()
            assert list((tmp_path / "run").iterdir()) == []

    asyncio.run(work())


def test_one_process_stands_for_all_instances_unless_more_are_asked_for(tmp_path: Path) -> None:
    """And the log says so."""

    async def work() -> None:
        async with harbour(tmp_path / "one") as one:
            one.model()
            one.config("c", {**VARIANT, "InitialInstanceCount": 4})
            document = await one.up()
            assert document["ProductionVariants"][0]["CurrentInstanceCount"] == 4
            assert len(one.runner.started) == 1
            assert "Notice: 4 instances requested, 1 started" in one.log()[-1]
        async with harbour(tmp_path / "all", options=Options(all_instances=True)) as one:
            one.model()
            one.config("c", {**VARIANT, "InitialInstanceCount": 2})
            await one.up()
            for _ in range(4):
                await one.ask()
            assert len(one.runner.started) == 2

    asyncio.run(work())


def test_failure_reasons_fit_the_api(tmp_path: Path) -> None:
    """At most 1,024 characters."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(exits=[3], words=("x" * 5000,))) as one:
            assert len((await one.one())["FailureReason"]) == 1024

    asyncio.run(work())
