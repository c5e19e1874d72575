"""What comes back when the local SageMaker is started again."""

import asyncio
from pathlib import Path

from local.tests.harbour import VARIANT, Harbour, harbour, until
from local.tests.support.fake_container import FakeRunner


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
            assert "exited with code 3" in document["FailureReason"]
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
            assert "stopped during the update" in document["FailureReason"]
            assert (await one.settled("creating"))["EndpointStatus"] == "InService"
            assert await one.settled("deleting") == {}

    asyncio.run(work())


def test_an_update_that_had_taken_over_is_not_called_interrupted(tmp_path: Path) -> None:
    """Killed while traffic shifts, it comes back as the new one, variants and all."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            before = one.document()
            one.model("n", Image="mooring:2")
            one.config("d", {**VARIANT, "VariantName": "New", "ModelName": "n", "InitialVariantWeight": 3.0})
            one.fleet.update("e", "d")
            await one.settled()
            kept = one.state.get("fleet", "e") or {}
            pending = {"EndpointConfigName": "d", "StartTime": kept["Deployment"]}
            shifting = {**before, "EndpointStatus": "Updating", "PendingDeploymentSummary": pending}
            one.state.put("endpoint", "e", shifting)
        async with harbour(tmp_path) as one:
            document = await one.settled()
            assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "d")
            (variant,) = document["ProductionVariants"]
            assert (variant["VariantName"], variant["CurrentWeight"]) == ("New", 3.0)
            assert not {"FailureReason", "PendingDeploymentSummary"} & document.keys()
            assert one.runner.last.order.image == "mooring:2"

    asyncio.run(work())


def test_an_interrupted_update_is_told_also_after_a_second_kill(tmp_path: Path) -> None:
    """While it was coming back."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            pending = {"PendingDeploymentSummary": {"EndpointConfigName": "d", "StartTime": 9.0}}
            one.state.change("endpoint", "e", {"EndpointStatus": "Updating", **pending})
        async with harbour(tmp_path, runner=FakeRunner(sick=1)) as one:
            await one.runner.arrived.wait()
            assert one.document()["EndpointStatus"] == "SystemUpdating"
        async with harbour(tmp_path) as one:
            assert "stopped during the update" in (await one.settled())["FailureReason"]
            assert "PendingDeploymentSummary" not in one.document()

    asyncio.run(work())


def test_components_share_their_endpoints_fate(tmp_path: Path) -> None:
    """Out of service with it, back with it, and not in service before they are."""
    bare = {key: VARIANT[key] for key in ("VariantName", "InstanceType", "InitialInstanceCount")}

    def component(one: Harbour) -> tuple[str, str]:
        found = one.state.get("inference-component", "ic") or {}
        return found["InferenceComponentStatus"], found.get("FailureReason", "")

    async def work() -> None:
        async with harbour(tmp_path) as one:
            one.model()
            one.config("c", bare, {**VARIANT, "VariantName": "Own"})
            await one.up()
            document = {"InferenceComponentName": "ic", "EndpointName": "e", "VariantName": "AllTraffic"}
            specification = {"Specification": {"ModelName": "m"}, "InferenceComponentStatus": "Creating"}
            one.state.put("inference-component", "ic", {**document, **specification})
            one.fleet.create_component("ic")
            await until(lambda: component(one)[0] == "InService")
        async with harbour(tmp_path, runner=FakeRunner(exits=[3])) as one:
            assert component(one) == ("Creating", "")
            assert (await one.settled())["EndpointStatus"] == "OutOfService"
            assert component(one) == (
                "Failed",
                "The endpoint is out of service. The inference component restarts with it.",
            )
        async with harbour(tmp_path) as one:
            await one.settled()
            await until(lambda: component(one) == ("InService", ""))
            assert "ic" in one.live().components

    asyncio.run(work())
