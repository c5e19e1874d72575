"""What users send reaches no log and no metric, and an error repeats at most 80 characters of it."""

import asyncio
import io
import json

from mooring.errors import ECHO_LIMIT
from tests.support.asgi import Client
from tests.web.site import JSON, Site, play

CANARY = "canary-7f3a"
LONG = f"{CANARY} " * 100
"""Far longer than what may be repeated."""

BODIES: tuple[tuple[object, str], ...] = (
    ({"question": LONG, "context": LONG}, "application/json"),
    ({"inputs": [{"question": LONG, "context": LONG}] * 3}, "application/json"),
    ({"question": LONG}, "application/json"),
    ({"question": [LONG], "context": {LONG: LONG}}, "application/json"),
    ({"inputs": LONG}, "application/json"),
    ({"inputs": {"question": "q", "context": "c"}, "parameters": {"top_k": LONG}}, "application/json"),
    ({"question": "q", "context": "crash " + LONG}, "application/json"),
    (LONG.encode(), "application/json"),
    (b'{"question": "' + LONG.encode(), "application/json"),
    (b'{"question": "' + LONG.encode() + b'\xff"}', "application/json"),
    (LONG.encode(), "text/csv"),
    (b"question,context\n" + LONG.encode() + b"\n", "text/csv"),
    (b"question,context\nq," + LONG.encode() + b"\n", "text/csv"),
    (b'{"question": "' + LONG.encode() + b"\n", "application/jsonlines"),
    (LONG.encode(), LONG),
)


def test_a_canary_is_found_nowhere(log: io.StringIO) -> None:
    """In good and bad bodies, in headers, in paths, in requests that are left and in batches that fail."""

    async def scene(stage: Site) -> None:
        for body, content_type in BODIES:
            stage.backend.fail_next = 0
            reply = await stage.ask(body, content_type=content_type)
            if reply.status != 200:
                assert reply.json["message"].count(CANARY) <= ECHO_LIMIT // len(CANARY)
                assert reply.json["error"] == reply.json["message"]
        stage.backend.fail_next = 2
        assert (await stage.ask({"question": LONG, "context": LONG})).status == 500
        assert (await stage.get("/ping")).status == 503
        await stage.get(f"/{LONG}", {"Accept": LONG, "X-Else": LONG})
        assert (await stage.ask(accept=LONG)).status == 406
        await _leave(stage)
        for path in ("/metrics", "/info", "/ping"):
            assert CANARY.encode() not in (await stage.get(path)).body
        assert CANARY not in log.getvalue()
        assert log.getvalue().count('"event":"request"') > len(BODIES)

    play(scene)


async def _leave(stage: Site) -> None:
    stage.backend.gate.close()
    client = Client(stage.app)
    body = json.dumps({"question": LONG, "context": LONG}).encode()
    asking = asyncio.ensure_future(client.call("POST", "/invocations", [body], JSON))
    await asyncio.to_thread(stage.backend.gate.wait_held)
    client.left.set()
    assert (await asking).status == 0
    stage.backend.gate.open()
