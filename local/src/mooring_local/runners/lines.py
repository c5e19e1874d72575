"""Split the output of a container into lines."""

import asyncio
from collections.abc import Callable

LONGEST = 64 * 1024
"""Bytes; longer lines are passed on in pieces."""
AT_ONCE = 50
"""Lines, which take about a millisecond."""


async def pass_on(reader: asyncio.StreamReader, say: Callable[[str], None]) -> None:
    """Pass on every line until the pipe closes, without line breaks; invalid UTF-8 is replaced.

    Yields to the event loop in between, so that a container that never stops writing blocks on its pipe.
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
