"""What the control plane orders of an endpoint that lives: updates, weights, components, its end."""

import asyncio
from pathlib import Path

from local.tests.harbour import VARIANT, harbour, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from mooring_local.fleet.builder import Options


def test_an_update_serves_from_the_old_fleet_until_the_new_one_is_up(tmp_path: Path) -> None:
    """Then from the new one, and the old one is gone."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner()) as one:
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
            assert "exited with code 2" in document["FailureReason"]
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


def test_a_model_in_an_inference_component(tmp_path: Path) -> None:
    """Put onto a variant that has none, asked by its name, back after a restart, and taken away."""

    async def create() -> None:
        async with harbour(tmp_path) as one:
            one.model()
            one.config("c", {key: VARIANT[key] for key in ("VariantName", "InstanceType", "InitialInstanceCount")})
            await one.up()
            assert (await one.ask()).status == 400
            document = {
                "InferenceComponentName": "ic",
                "EndpointName": "e",
                "VariantName": "AllTraffic",
                "Specification": {"ModelName": "m"},
                "InferenceComponentStatus": "Creating",
            }
            one.state.put("inference-component", "ic", document)
            one.fleet.create_component("ic")
            await until(lambda: "ic" in one.live().components)
            assert (await one.ask(X_Amzn_SageMaker_Inference_Component="ic")).status == 200
            refused = await one.ask(X_Amzn_SageMaker_Inference_Component="other")
            assert (refused.status, refused.headers["x-amzn-errortype"]) == (400, "ValidationError")

    async def again() -> None:
        async with harbour(tmp_path) as one:
            await one.settled()
            await until(lambda: "ic" in one.live().components)
            one.fleet.delete_component("ic")
            await until(lambda: one.state.get("inference-component", "ic") is None)
            assert one.runner.living == []

    asyncio.run(create())
    asyncio.run(again())


def test_a_component_that_cannot_be_served(tmp_path: Path) -> None:
    """Has the reason, and the endpoint goes on."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(exits=[3])) as one:
            one.model()
            one.config("c", {key: VARIANT[key] for key in ("VariantName", "InstanceType", "InitialInstanceCount")})
            await one.up()
            document = {"InferenceComponentName": "ic", "EndpointName": "e", "VariantName": "AllTraffic"}
            status = {"Specification": {"ModelName": "m"}, "InferenceComponentStatus": "Creating"}
            one.state.put("inference-component", "ic", {**document, **status})
            one.fleet.create_component("ic")
            await until(lambda: "FailureReason" in (one.state.get("inference-component", "ic") or {}))
            found = one.state.get("inference-component", "ic") or {}
            assert found["InferenceComponentStatus"] == "Failed"
            assert "exited with code 3" in found["FailureReason"]

    asyncio.run(work())


def test_a_fault_of_ours_is_the_endpoints_failure(tmp_path: Path) -> None:
    """It does not stay Creating for ever."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            one.state.put("model", "m", {"ModelName": "m", "Unreadable": True})
            one.config("c", VARIANT)
            document = await one.up()
            assert document["EndpointStatus"] == "Failed"
            assert document["FailureReason"].startswith("Internal error of the local SageMaker")

    asyncio.run(work())


def test_an_order_that_comes_to_nothing_leaves_no_endpoint_updating(tmp_path: Path) -> None:
    """New weights, or another configuration, for one that is out of service: it can be updated or deleted again."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
        async with harbour(tmp_path, runner=FakeRunner(exits=[3, 3])) as one:
            assert (await one.settled())["EndpointStatus"] == "OutOfService"
            one.fleet.reweigh("e")
            assert (await one.settled())["EndpointStatus"] == "OutOfService"
            one.fleet.update("e", "c")
            document = await one.settled()
            assert (document["EndpointStatus"], "exited with code 3" in document["FailureReason"]) == (
                "OutOfService",
                True,
            )
            one.fleet.update("e", "c")
            assert (await one.settled())["EndpointStatus"] == "InService"

    asyncio.run(work())


def test_instances_that_cannot_be_added_are_not_counted(tmp_path: Path) -> None:
    """The endpoint goes on with those that it has, and says why."""

    async def work() -> None:
        async with harbour(tmp_path, options=Options(all_instances=True)) as one:
            document = await one.one()
            document["ProductionVariants"][0]["DesiredInstanceCount"] = 2
            one.state.put("endpoint", "e", document)
            one.runner.exits = [3]
            one.fleet.reweigh("e")
            document = await one.settled()
            assert document["EndpointStatus"] == "InService"
            assert "exited with code 3" in document["FailureReason"]
            (variant,) = document["ProductionVariants"]
            assert (variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]) == (1, 1)
            assert (await one.ask()).status == 200

    asyncio.run(work())


def test_a_request_that_takes_long_outlives_an_update(tmp_path: Path) -> None:
    """The old fleet waits for it; what comes meanwhile goes to the new one."""
    gate = asyncio.Event()

    async def slowly(heard: Heard) -> Said:
        if heard.body == b"slow":
            await gate.wait()
        return Said(body=heard.body)

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(slowly)) as one:
            await one.one()
            old = one.runner.last
            asking = asyncio.ensure_future(one.ask("/endpoints/e/invocations", b"slow"))
            await until(lambda: old.heard)
            one.fleet.update("e", "c")
            await one.settled()
            assert (await one.ask()).status == 200
            assert len(one.runner.last.heard) == 1
            assert old.alive()
            gate.set()
            assert (await asking).body == b"slow"
            await until(lambda: not old.alive())

    asyncio.run(work())
