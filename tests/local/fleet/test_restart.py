"""What comes back when the local SageMaker is started again."""

import asyncio
from pathlib import Path

from tests.local.harbour import harbour
from tests.support.fake_container import FakeRunner


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
