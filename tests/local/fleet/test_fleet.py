"""Endpoints from Creating to gone, over fake containers: what DescribeEndpoint says, and what really runs."""

import asyncio
from pathlib import Path

from mooring.local.fleet.builder import Options
from mooring.local.runners.launch import Pulse
from tests.local.harbour import FAST, VARIANT, harbour, until
from tests.support.fake_container import FakeRunner

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
                f"{NO_PING}Please check CloudWatch logs for this endpoint. The container ended with exit code 3."
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
            assert one.log() == ["The container ended with exit code 1. It is started again."] * 2

    asyncio.run(work())


def test_one_that_never_passes_its_health_check_fails_when_its_window_is_over(tmp_path: Path) -> None:
    """ContainerStartupHealthCheckTimeoutInSeconds is the window."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(sick=9)) as one:
            one.model()
            one.config("c", {**VARIANT, "ContainerStartupHealthCheckTimeoutInSeconds": 0.05})
            document = await one.up()
            assert document["EndpointStatus"] == "Failed"
            assert "/ping was not 200 within 0.05 s." in document["FailureReason"]
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
            assert "The instance is replaced: container primary ended with exit code 137." in one.log()
            assert (await one.ask()).status == 200

    asyncio.run(work())


def test_one_that_does_not_answer_pings_is_replaced(tmp_path: Path) -> None:
    """After three in a row."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            one.runner.last.ping = 503
            await until(lambda: len(one.runner.living) == 1 and len(one.runner.started) == 2)
            assert "The instance is replaced: container primary did not pass 3 health checks in a row." in one.log()

    asyncio.run(work())


def test_an_update_serves_from_the_old_fleet_until_the_new_one_is_up(tmp_path: Path) -> None:
    """Then from the new one, and the old one is gone."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(), pulse=Pulse(5, 0.2, 3, 0.002)) as one:
            await one.one()
            old = one.runner.last
            one.model("n", Image="mooring:2")
            one.config("d", {**VARIANT, "ModelName": "n"})
            one.runner.sick = 1
            one.runner.arrived.clear()
            one.fleet.update("e", "d")
            await one.runner.arrived.wait()
            document = one.document()
            assert document["EndpointStatus"] == "Updating"
            assert document["EndpointConfigName"] == "c"
            assert document["PendingDeploymentSummary"]["EndpointConfigName"] == "d"
            assert (await one.ask()).status == 200
            assert len(old.heard) == 1
            one.runner.last.ping = 200
            document = await one.settled()
            assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "d")
            assert "PendingDeploymentSummary" not in document
            await until(lambda: not old.alive())
            await one.ask()
            assert one.runner.last.order.image == "mooring:2"
            assert len(one.runner.last.heard) == 1

    asyncio.run(work())


def test_an_update_that_fails_leaves_the_old_fleet_in_service(tmp_path: Path) -> None:
    """With the old configuration and a FailureReason."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            one.model("n")
            one.config("d", {**VARIANT, "ModelName": "n"})
            one.runner.exits = [2]
            one.fleet.update("e", "d")
            document = await one.settled()
            assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "c")
            assert "exit code 2" in document["FailureReason"]
            assert "PendingDeploymentSummary" not in document
            assert (await one.ask()).status == 200

    asyncio.run(work())


def test_variant_properties_can_be_retained(tmp_path: Path) -> None:
    """RetainAllVariantProperties: weights and counts stay as they are now."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            document = one.document()
            document["ProductionVariants"][0].update(DesiredWeight=7.0, DesiredInstanceCount=3)
            one.state.put("endpoint", "e", document)
            one.fleet.reweigh("e")
            await one.settled()
            one.config("d", VARIANT)
            one.fleet.update("e", "d", retain_variant_properties=True)
            (variant,) = (await one.settled())["ProductionVariants"]
            assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (7.0, 3)

    asyncio.run(work())


def test_weights_change_without_new_containers(tmp_path: Path) -> None:
    """And Current becomes what Desired is."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            one.model()
            one.config("c", {**VARIANT, "VariantName": "a"}, {**VARIANT, "VariantName": "b"})
            document = await one.up()
            document["ProductionVariants"][1]["DesiredWeight"] = 3.0
            one.state.put("endpoint", "e", document)
            one.fleet.reweigh("e")
            document = await one.settled()
            assert [v["CurrentWeight"] for v in document["ProductionVariants"]] == [1.0, 3.0]
            invoked = [(await one.ask()).headers["x-amzn-invoked-production-variant"] for _ in range(8)]
            assert (invoked.count("a"), invoked.count("b")) == (2, 6)
            assert len(one.runner.started) == 2

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
            assert "Notice: 4 instances were asked for; 1 stands for them here" in one.log()[-1]
        async with harbour(tmp_path / "all", options=Options(all_instances=True)) as one:
            one.model()
            one.config("c", {**VARIANT, "InitialInstanceCount": 2})
            await one.up()
            for _ in range(4):
                await one.ask()
            assert len(one.runner.started) == 2

    asyncio.run(work())


def test_delete_takes_everything_away(tmp_path: Path) -> None:
    """Container, folder, document and tags; requests are refused at once."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            document = await one.one()
            one.state.set_tags(document["EndpointArn"], {"team": "a"})
            one.fleet.delete("e")
            assert await one.settled() == {}
            assert one.runner.living == []
            assert one.state.tags(document["EndpointArn"]) == {}
            assert list((tmp_path / "run").iterdir()) == []
            assert (await one.ask()).status == 400

    asyncio.run(work())


def test_delete_ends_an_endpoint_that_is_still_starting(tmp_path: Path) -> None:
    """Nothing of it is left."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(sick=1)) as one:
            one.model()
            one.config("c", VARIANT)
            creating = asyncio.ensure_future(one.up())
            await one.runner.arrived.wait()
            one.fleet.delete("e")
            assert await creating == {}
            await until(lambda: one.runner.living == [])

    asyncio.run(work())


def test_endpoints_come_back_after_a_restart(tmp_path: Path) -> None:
    """Also when the model and the configuration were deleted meanwhile, with the weights they had."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            document = await one.one()
            document["ProductionVariants"][0]["DesiredWeight"] = 5.0
            one.state.put("endpoint", "e", document)
            one.fleet.reweigh("e")
            await one.settled()
            one.state.delete("model", "m")
            one.state.delete("endpoint-config", "c")
        async with harbour(tmp_path) as one:
            document = await one.settled()
            assert document["EndpointStatus"] == "InService"
            assert one.live().variants["AllTraffic"].weight == 5.0
            assert (await one.ask()).status == 200

    asyncio.run(work())


def test_one_that_cannot_come_back_is_out_of_service_and_tried_again(tmp_path: Path) -> None:
    """Failed would mean that it can only be deleted."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
        async with harbour(tmp_path, runner=FakeRunner(exits=[3])) as one:
            document = await one.settled()
            assert document["EndpointStatus"] == "OutOfService"
            assert "exit code 3" in document["FailureReason"]
        async with harbour(tmp_path) as one:
            document = await one.settled()
            assert document["EndpointStatus"] == "InService"
            assert "FailureReason" not in document

    asyncio.run(work())


def test_what_a_kill_interrupted_is_taken_up(tmp_path: Path) -> None:
    """Creating goes on, Deleting is done, Updating is back to the old configuration and says so."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            await one.up("creating")
            await one.up("deleting")
            pending = {"EndpointConfigName": "d"}
            one.state.change("endpoint", "e", {"EndpointStatus": "Updating", "PendingDeploymentSummary": pending})
            one.state.change("endpoint", "creating", {"EndpointStatus": "Creating"})
            one.state.change("endpoint", "deleting", {"EndpointStatus": "Deleting"})
        async with harbour(tmp_path) as one:
            document = await one.settled()
            assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "c")
            assert "interrupted" in document["FailureReason"]
            assert (await one.settled("creating"))["EndpointStatus"] == "InService"
            assert await one.settled("deleting") == {}

    asyncio.run(work())


def test_a_model_in_an_inference_component(tmp_path: Path) -> None:
    """Put onto a variant that has none, asked by its name, and taken away."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            one.model()
            one.config("c", {key: VARIANT[key] for key in ("VariantName", "InstanceType", "InitialInstanceCount")})
            await one.up()
            assert (await one.ask()).status == 400
            one.state.put(
                "inference-component",
                "ic",
                {
                    "InferenceComponentName": "ic",
                    "EndpointName": "e",
                    "VariantName": "AllTraffic",
                    "Specification": {"ModelName": "m"},
                    "InferenceComponentStatus": "Creating",
                },
            )
            one.fleet.create_component("ic")
            await until(lambda: "ic" in one.live().components)
            assert (await one.ask(X_Amzn_SageMaker_Inference_Component="ic")).status == 200
            refused = await one.ask(X_Amzn_SageMaker_Inference_Component="other")
            assert (refused.status, refused.headers["x-amzn-errortype"]) == (400, "ValidationError")
            one.fleet.delete_component("ic")
            await until(lambda: one.state.get("inference-component", "ic") is None)
            assert one.runner.living == []

    asyncio.run(work())


def test_failure_reasons_fit_the_api(tmp_path: Path) -> None:
    """At most 1,024 characters."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(exits=[3], words=("x" * 5000,)), pulse=FAST) as one:
            assert len((await one.one())["FailureReason"]) == 1024

    asyncio.run(work())
