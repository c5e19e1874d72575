"""Cuts what a container writes into lines. Used by `process.py` and `container.py`."""

import asyncio
from collections.abc import Callable

LONGEST = 64 * 1024
"""Bytes; a longer line is passed on in pieces."""


async def pass_on(reader: asyncio.StreamReader, say: Callable[[str], None]) -> None:
    """Every line until the pipe ends, without its line break; bytes that are no UTF-8 show as they can."""
    rest = b""
    while chunk := await reader.read(LONGEST):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _say(line, say)
        if len(rest) > LONGEST:
            _say(rest, say)
            rest = b""
    if rest:
        _say(rest, say)


def _say(line: bytes, say: Callable[[str], None]) -> None:
    text = line.decode("utf-8", "backslashreplace").rstrip("\r")
    if text.strip():
        say(text)
