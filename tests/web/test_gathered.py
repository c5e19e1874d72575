"""Writes of one turn leave together."""

import asyncio

from mooring.web.gathered import Gathered


class Transport(asyncio.Transport):
    """Remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As asyncio's."""
        assert not self.closed
        self.sent.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        """As asyncio's."""
        return 0

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
        gathered = Gathered(transport, asyncio.get_running_loop())
        gathered.write(b"head ")
        gathered.write(b"body")
        assert transport.sent == []
        await asyncio.sleep(0)
        assert transport.sent == [b"head body"]
        gathered.write(b"more")
        await asyncio.sleep(0)
        assert transport.sent == [b"head body", b"more"]

    asyncio.run(scene())


def test_closing_sends_what_was_written_before() -> None:
    """And what was written to a connection that is gone is dropped."""

    async def scene() -> None:
        transport = Transport()
        gathered = Gathered(transport, asyncio.get_running_loop())
        gathered.write(b"last words")
        gathered.close()
        assert (transport.sent, transport.closed, gathered.is_closing()) == ([b"last words"], True, True)
        gathered.write(b"too late")
        await asyncio.sleep(0)
        assert transport.sent == [b"last words"]

    asyncio.run(scene())
