"""Cuts what a container writes into lines. Used by `process.py` and `container.py`."""

import asyncio
from collections.abc import Callable

LONGEST = 64 * 1024
"""Bytes; a longer line is passed on in pieces."""
AT_ONCE = 50
"""Lines; that is about a millisecond."""


async def pass_on(reader: asyncio.StreamReader, say: Callable[[str], None]) -> None:
    """Every line until the pipe ends, without its line break; bytes that are no UTF-8 show as they can.

    Who writes without end waits at its pipe: in between, the event loop has its turn.
    """
    rest = b""
    while chunk := await reader.read(LONGEST):
        *lines, rest = (rest + chunk).split(b"\n")
        for number, line in enumerate(lines, 1):
            _say(line, say)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        if len(rest) > LONGEST:
            _say(rest, say)
            rest = b""
    if rest:
        _say(rest, say)


def _say(line: bytes, say: Callable[[str], None]) -> None:
    text = line.decode("utf-8", "backslashreplace").rstrip("\r")
    if text.strip():
        say(text)
