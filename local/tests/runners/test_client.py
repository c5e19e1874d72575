"""The HTTP client to containers, against servers that say exactly these bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from local.tests.harbour import until
from mooring_local.runners.client import AnswerTooLarge, Asked, Client, ContainerGone, NobodyListens

ASKED = Asked("POST", "/x", [("A", "b\r\nInjected: c")], b"body")


@asynccontextmanager
async def says(*answers: bytes, closes: bool = False) -> AsyncIterator[tuple[Client, list[bytes]]]:
    """A server that gives these answers, each to one request, and what it heard."""
    heard: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while left and (head := await reader.readuntil(b"\r\n\r\n")):
                heard.append(head + await reader.readexactly(4))
                writer.write(left.pop(0))
                await writer.drain()
                if closes:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield client, heard
    finally:
        client.close()
        server.close()
        await asyncio.sleep(0)


def test_a_request_is_written_whole() -> None:
    """With its length, and header values that cannot begin a line of their own."""

    async def work() -> None:
        async with says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Y: z\r\n\r\nhi") as (client, heard):
            answer = await client.send(ASKED, timeout_s=5)
            assert (answer.status, answer.headers["x-y"], answer.body) == (200, "z", b"hi")
            first, host, *rest = heard[0].split(b"\r\n")
            assert first == b"POST /x HTTP/1.1"
            assert host.startswith(b"Host: 127.0.0.1:")
            assert rest == [b"Content-Length: 4", b"A: b  Injected: c", b"", b"body"]

    asyncio.run(work())


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it closes", b"until it closes"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_every_way_to_end_an_answer(said: bytes, body: bytes) -> None:
    """Chunks, the end of the connection, and nothing at all."""

    async def work() -> None:
        async with says(said, closes=True) as (client, _):
            assert (await client.send(ASKED, timeout_s=5)).body == body

    asyncio.run(work())


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer(said: bytes) -> None:
    """Is a container that is gone."""

    async def work() -> None:
        async with says(said, closes=True) as (client, _):
            with pytest.raises(ContainerGone):
                await client.send(ASKED, timeout_s=5)

    asyncio.run(work())


def test_nobody_listens() -> None:
    """The request was not sent: whoever asks can ask again."""

    async def work() -> None:
        async with says() as (client, _):
            pass
        with pytest.raises(NobodyListens):
            await client.send(ASKED, timeout_s=5)

    asyncio.run(work())


def test_an_answer_may_be_too_long() -> None:
    """Its status is known all the same."""

    async def work() -> None:
        async with says(b"HTTP/1.1 201 OK\r\nContent-Length: 5\r\n\r\nhello") as (client, _):
            with pytest.raises(AnswerTooLarge) as caught:
                await client.send(ASKED, timeout_s=5, most=4)
            assert caught.value.status == 201

    asyncio.run(work())


def test_connections_are_used_again_only_if_the_server_keeps_them() -> None:
    """After `Connection: close`, and after an answer that was not read to its end, there is a new one."""

    async def work() -> None:
        kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        async with says(kept, kept, kept.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), kept) as (client, _):
            for idle in (1, 1, 0):
                await client.send(ASKED, timeout_s=5)
                assert len(client._idle) == idle
            async with client.open(ASKED) as (head, _):
                assert head.status == 200
            assert client._idle == []

    asyncio.run(work())


def test_a_request_that_kills_whom_it_meets_is_sent_twice_at_most() -> None:
    """Also when there are more kept connections: each may lead to another worker."""
    heard: list[bytes] = []
    ended: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                heard.append(await reader.readexactly(4))
                if heard[-1] == b"kill":
                    break
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            await writer.wait_closed()
            ended.append(writer)

    async def work() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await asyncio.gather(*(client.send(ASKED, timeout_s=5) for _ in range(4)))
        with pytest.raises(ContainerGone):
            await client.send(Asked("POST", "/x", (), b"kill"), timeout_s=5)
        assert (heard.count(b"body"), heard.count(b"kill")) == (4, 2)
        client.close()
        server.close()
        await until(lambda: len(ended) == 5)

    asyncio.run(work())
