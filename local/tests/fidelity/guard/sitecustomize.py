"""Loaded by every Python of a client, before anything of the client's: a connection off this machine is refused.

PYTHONPATH names this folder, GUARD_LOG a file that every refusal is noted in; a test looks into it in the end. Clients
often swallow such a refusal, and would go on as if nothing had been.
"""

import os
import sys
from typing import Any

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "", None, b"localhost", b"127.0.0.1"})
BY_NAME = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
BY_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event not in BY_NAME and event not in BY_ADDRESS:
        return
    address = args[0] if event in BY_NAME else args[-1]
    if event in BY_ADDRESS and not isinstance(address, tuple):
        return  # a Unix socket's path, such as the container engine's
    host = address[0] if isinstance(address, tuple) else address
    if host in LOOPBACK:
        return
    with open(os.environ["GUARD_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123 - as little as can be is imported
        log.write(f"{event} {address!r}\n")
    raise ConnectionRefusedError(f"{address!r} is not on this machine")


if "GUARD_LOG" in os.environ:
    sys.addaudithook(_refuse)
