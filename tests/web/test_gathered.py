"""Writes of one turn leave together."""

import asyncio

import pytest

from mooring.web.gathered import SEND_S, Gathered


class Transport(asyncio.Transport):
    """Remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False
        self.aborted = False
        self.unsent = 0
        self.full = False
        """The client reads nothing, so that what is written stays in the buffer."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As asyncio's."""
        assert not self.closed
        self.sent.append(bytes(data))
        self.unsent += len(data) if self.full else 0

    def get_write_buffer_size(self) -> int:
        """As asyncio's."""
        return self.unsent

    def abort(self) -> None:
        """As asyncio's."""
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        """As asyncio's."""
        return self.closed

    def close(self) -> None:
        """As asyncio's."""
        self.closed = True


def test_head_and_body_are_one_write_and_the_next_turn_another() -> None:
    """Nothing is held back longer than a turn."""

    async def scene() -> None:
        transport = Transport()
        connection = Gathered(transport, asyncio.get_running_loop())
        connection.write(b"head ")
        connection.write(b"body")
        assert transport.sent == []
        await asyncio.sleep(0)
        assert transport.sent == [b"head body"]
        connection.write(b"more")
        await asyncio.sleep(0)
        assert transport.sent == [b"head body", b"more"]

    asyncio.run(scene())


def test_closing_sends_what_was_written_before() -> None:
    """And what was written to a connection that is gone is dropped."""

    async def scene() -> None:
        transport = Transport()
        connection = Gathered(transport, asyncio.get_running_loop())
        connection.write(b"last words")
        connection.close()
        assert (transport.sent, transport.closed, connection.is_closing()) == ([b"last words"], True, True)
        connection.write(b"too late")
        await asyncio.sleep(0)
        assert transport.sent == [b"last words"]

    asyncio.run(scene())


@pytest.mark.parametrize("reads", [True, False])
def test_a_reader_is_judged_by_the_present_response(reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a response that it has read to the end before: the next one has its own time."""

    async def scene() -> Transport:
        loop, now = asyncio.get_running_loop(), 0.0
        monkeypatch.setattr(loop, "time", lambda: now)
        transport = Transport()
        transport.full = True
        connection = Gathered(transport, loop)
        for data in (b"first", b"second"):
            connection.write(data)
            await asyncio.sleep(0)
            now += 0.6 * SEND_S
            for _ in range(2):  # timers that are due run after this task
                await asyncio.sleep(0)
            assert transport.aborted is (data == b"second" and not reads)
            if reads:
                transport.unsent = 0
        connection.lost()
        return transport

    asyncio.run(scene())
