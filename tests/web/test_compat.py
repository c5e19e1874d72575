"""The switches that keep closer to the stock container than is good."""

import pytest

from mooring.web.limits import WebLimits
from tests.support.asgi import Client
from tests.web.site import PAIR, Site, play


def test_a_ping_that_is_always_200() -> None:
    """As the stock server's, before and after a failure."""

    async def scene(stage: Site) -> None:
        stage.backend.fail_next = 2
        assert (await stage.ask()).status == 500
        assert (await stage.get("/ping")).status == 200
        assert (await stage.get("/info")).json["ready"] is False

    play(scene, WebLimits(ping_always_200=True))


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 415),
        ("Application/JSON", 415),
        ("", 415),
        ("application/x-ndjson", 415),
    ],
)
def test_content_types_letter_by_letter(header: str, status: int) -> None:
    """As the stock toolkit's map of them."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(PAIR, content_type=header) if header else await stage.ask(PAIR)
        assert reply.status == status

    play(scene, WebLimits(strict_content_types=True))


def test_every_error_a_400() -> None:
    """Ours, the caller's; not those of other routes."""

    async def scene(stage: Site) -> None:
        stage.backend.fail_next = 1
        for reply in (await stage.ask(), await stage.ask({"question": 1})):
            assert (reply.status, reply.json["code"], reply.json["type"]) == (400, 400, "InternalServerException")
            assert reply.json["error"] == reply.json["message"]
        bare = await Client(stage.app).call("POST", "/", [b"{"])
        assert (bare.status, bare.json["type"]) == (400, "InternalServerException")
        assert (await stage.get("/nothing")).status == 404

    play(scene, WebLimits(hft_errors=True))


@pytest.mark.parametrize(
    ("header", "kind"), [("", "text/csv"), ("*/*", "text/csv"), ("application/json", "application/json")]
)
def test_the_default_type_of_answers(header: str, kind: str) -> None:
    """SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT; whoever accepts something particular gets that."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(PAIR, accept=header) if header else await stage.ask(PAIR)
        assert reply.headers["content-type"] == kind

    play(scene, WebLimits(default_accept="text/csv"))
