"""Where a model's own code is led: known once the server listens."""

import asyncio

from mooring_local.surroundings import Whereabouts


def test_a_model_is_told_the_address_when_there_is_one() -> None:
    """Endpoints that come back are started before it is known, and wait for it."""

    async def work() -> None:
        found = Whereabouts(reached=True)
        waiting = asyncio.ensure_future(found("eu-west-1"))
        await asyncio.sleep(0)
        assert not waiting.done()
        found.tell("http://127.0.0.1:4567")
        told = await waiting
        assert told["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"
        assert told["AWS_REGION"] == told["AWS_DEFAULT_REGION"] == "eu-west-1"
        assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= told.keys()

    asyncio.run(work())


def test_a_container_is_told_its_region_alone() -> None:
    """An address of this machine's loopback would be its own there."""
    assert asyncio.run(_told()) == {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}


async def _told() -> dict[str, str]:
    return dict(await Whereabouts(reached=False)("eu-west-1"))
