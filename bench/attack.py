"""Clients that waste a server's connections and memory. `python -m bench.attack KIND PORT SOCKETS PAUSE_S`.

Prints "ready" when all have connected, and runs until stdin ends. A socket that the server closes is opened again.
"""

import asyncio
import contextlib
import itertools
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

HEAD = b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BURST = 200_000
"""Bytes that a stalled upload sends before it stalls."""
WORDS = 15_000
READY_S = 60
AGAIN_S = 1.0
"""Pause before a closed connection is opened again: this is no flood."""
READERS = 10
"""One in so many sockets is a slow reader: each costs the server an answer at first."""
AT_ONCE = 200
"""Connections opened at the same time."""

READING = asyncio.Semaphore(0)
"""How many slow readers have begun to read."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Attack = Callable[[Streams, float], Awaitable[None]]


async def nothing(streams: Streams, _: float) -> None:
    """Connect, and send nothing."""
    await streams[0].read(1)


async def slow_head(streams: Streams, pause_s: float) -> None:
    """A head of a byte at a time."""
    await _drip(streams, HEAD + b"X-A: " + b"x" * 1000, pause_s)


async def slow_body(streams: Streams, pause_s: float) -> None:
    """A small body of a byte at a time."""
    streams[1].write(HEAD + b"Content-Length: 1000\r\n\r\n{")
    await _drip(streams, b" " * 998, pause_s)


async def slow_chunks(streams: Streams, pause_s: float) -> None:
    """A body of unknown length, in chunks of a byte."""
    streams[1].write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
    while True:
        await _drip(streams, b"1\r\n \r\n" * 100, pause_s)


async def slow_trailers(streams: Streams, pause_s: float) -> None:
    """A complete body, with trailers that do not end."""
    streams[1].write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
    await _drip(streams, b"X-A: x\r\n" * 100, pause_s)


async def stalled_upload(streams: Streams, pause_s: float) -> None:
    """A large body that begins fast and then goes on by a byte at a time."""
    streams[1].write(HEAD + b"Content-Length: 25000000\r\n\r\n" + b" " * BURST)
    await _drip(streams, b" " * 1000, pause_s)


async def slow_reader(streams: Streams, pause_s: float) -> None:
    """A response of a megabyte, read a little at a time."""
    body = b'{"inputs": "%s"}' % (b"a " * WORDS)
    head = b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    streams[1].write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    more = await streams[0].read(100)
    READING.release()
    while more:
        await asyncio.sleep(pause_s)
        more = await streams[0].read(100)


async def _drip(streams: Streams, data: bytes, pause_s: float) -> None:
    """Send a byte at a time until the server closes the connection."""
    gone = asyncio.ensure_future(streams[0].read(1))
    try:
        for at in range(len(data)):
            await asyncio.wait({gone}, timeout=pause_s)
            if gone.done():
                return
            streams[1].write(data[at : at + 1])
            await streams[1].drain()
    finally:
        gone.cancel()


ATTACKS: dict[str, Attack] = {
    "nothing sent": nothing,
    "slow heads": slow_head,
    "slow bodies": slow_body,
    "slow chunks": slow_chunks,
    "slow trailers": slow_trailers,
    "stalled uploads": stalled_upload,
    "slow readers": slow_reader,
}
MIXTURE = "all of them"


@contextlib.asynccontextmanager
async def _connected(port: int, slots: asyncio.Semaphore) -> AsyncIterator[Streams]:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    try:
        async with slots:
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    except BaseException:
        raw.close()
        raise
    streams = await asyncio.open_connection(sock=raw, limit=1024)
    try:
        yield streams
    finally:
        streams[1].transport.abort()


def _kinds(kind: str, sockets: int) -> list[Attack]:
    """What each socket does."""
    if kind != MIXTURE:
        return [ATTACKS[kind]] * (sockets // READERS if ATTACKS[kind] is slow_reader else sockets)
    others = itertools.cycle(one for one in ATTACKS.values() if one is not slow_reader)
    return [slow_reader if at % (READERS * 7) == 0 else next(others) for at in range(sockets)]


async def attack(kind: str, port: int, sockets: int, pause_s: float) -> None:
    """Attack until stdin ends."""
    chosen = _kinds(kind, sockets)
    sockets = len(chosen)
    slots = asyncio.Semaphore(AT_ONCE)
    open_now, all_open = 0, asyncio.Event()

    async def one(how: Attack) -> None:
        nonlocal open_now
        counted = False
        while True:
            with contextlib.suppress(OSError):
                async with _connected(port, slots) as streams:
                    if not counted:
                        counted = True
                        open_now += 1
                        if open_now == sockets:
                            all_open.set()
                    await how(streams, pause_s)
            await asyncio.sleep(AGAIN_S)

    tasks = [asyncio.ensure_future(one(how)) for how in chosen]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_S):
            await all_open.wait()
            for _ in range(chosen.count(slow_reader)):
                await READING.acquire()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
