"""InvokeEndpointWithResponseStream over fake containers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from local.tests.harbour import harbour, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from tests.support.asgi import Client

PREFIX = "X-Amzn-SageMaker-"


def answering(said: Said) -> FakeRunner:
    """Containers that say the same to everybody."""

    async def answer(_: Heard) -> Said:
        return said

    return FakeRunner(answer)


def test_a_stream_comes_in_parts(tmp_path: Path) -> None:
    """As event-stream messages, each as soon as the container has sent it."""
    second = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await second.wait()
        yield b"two"

    async def work() -> None:
        runner = answering(Said(pieces=pieces(), headers={"Content-Type": "text/event-stream"}))
        async with harbour(tmp_path, runner=runner) as one:
            await one.one()
            from botocore.eventstream import EventStreamBuffer

            client = Client(one.runtime)
            asking = asyncio.ensure_future(
                client.call("POST", "/endpoints/e/invocations-response-stream", (b"{}",), {f"{PREFIX}Accept": "x/y"})
            )
            buffer = EventStreamBuffer()
            await until(lambda: len(client.sent) == 2)
            second.set()
            reply = await asking
            assert reply.headers["content-type"] == "application/vnd.amazon.eventstream"
            assert reply.headers["x-amzn-sagemaker-content-type"] == "text/event-stream"
            buffer.add_data(reply.body)
            assert [event.payload for event in buffer] == [b"one", b"two"]
            assert one.runner.last.heard[-1].headers["accept"] == "x/y"

    asyncio.run(work())


def test_a_stream_that_fails_before_it_begins_is_refused_as_usual(tmp_path: Path) -> None:
    """424 and JSON."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(400, b"no"))) as one:
            await one.one()
            reply = await one.ask("/endpoints/e/invocations-response-stream")
            assert (reply.status, reply.json["OriginalMessage"]) == (424, "no")

    asyncio.run(work())


def test_a_caller_who_leaves_is_not_streamed_to(tmp_path: Path) -> None:
    """The container's connection is closed, which is how it learns of it."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(pieces=pieces()))) as one:
            await one.one()
            client = Client(one.runtime)
            asking = asyncio.ensure_future(client.call("POST", "/endpoints/e/invocations-response-stream", (b"{}",)))
            await until(lambda: len(client.sent) == 2)
            client.left.set()
            await asking
            assert one.live().variants["AllTraffic"].in_flight == 0

    asyncio.run(work())
