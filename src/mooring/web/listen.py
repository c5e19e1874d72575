"""Bind the sockets of an address, with clear errors. Called by `server.py`."""

import contextlib
import errno
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from mooring.errors import ListenError, UsageError, echo

BACKLOG = 2048
MANY = 1 << 20
SPARE_FILES = 256
"""File descriptors that are not for connections."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address to listen on: a host and a port (0: any free port), or the path of a Unix socket."""

    host: str = "127.0.0.1"
    port: int = 8080
    unix: Path | None = None

    def url(self, port: int) -> str:
        """The URL for a browser on this machine, given the `port`."""
        if self.unix is not None:
            return f"unix:{self.unix}"
        host = _LOOPBACK.get(self.host, self.host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


_LOOPBACK = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognized, not bound
"""Wildcard host → the host to visit."""


def allow_many_connections() -> None:
    """Raise the limit of open files to the maximum: each connection needs one, and 1,024 are soon used up."""
    try:
        import resource
    except ImportError:  # no such limit on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def open_files() -> int:
    """How many files this process may open."""
    try:
        import resource
    except ImportError:  # as above
        return MANY
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MANY if allowed == resource.RLIM_INFINITY else allowed


def affordable(connections: int) -> int:
    """At most so many connections: as many as the limit of open files allows, but some."""
    return min(connections, max(16, open_files() - SPARE_FILES))


def listen(address: Address) -> list[socket.socket]:
    """Bind every socket of the address. Raises UsageError for an invalid host, ListenError for a port in use."""
    if address.unix is not None:
        return [_listen_unix(address.unix)]
    bound: list[socket.socket] = []
    port = address.port
    try:
        for family, host in _resolve(address):
            bound.append(_bind(family, host, port))
            # `localhost` has two addresses, which must share the port that the kernel picks.
            port = port or bound[0].getsockname()[1]
    except OSError as error:
        for one in bound:
            one.close()
        raise _unbound(address, error) from error
    return bound


def _resolve(address: Address) -> list[tuple[int, str]]:
    hint = "Set --host to an address of this machine: 127.0.0.1 for local access only, 0.0.0.0 for all interfaces."
    try:
        found = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"Unknown host {echo(address.host)}.", hint=hint) from error
    return list(dict.fromkeys((int(family), str(place[0])) for family, _, _, _, place in found))


def _bind(family: int, host: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            # Allows an immediate restart; on Windows the option would let two programs share a port.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((host, port))
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one


def _unbound(address: Address, error: OSError) -> ListenError | UsageError:
    place = f"{address.host}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return ListenError(
            f"Port {address.port} is in use: another program listens on {place}.",
            hint=f"Stop it, or choose another port: --port {_next(address.port)}. --port 0 picks a free port.",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(
            f"{echo(address.host)} is not an address of this machine.", hint="Use --host 127.0.0.1 or 0.0.0.0."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ListenError(
            f"Permission denied to listen on {place}.",
            hint="Most systems reserve ports below 1024 for root. Try --port 8080.",
        )
    return ListenError(f"Cannot listen on {place}: {error.strerror or error}.", hint="Try another --host or --port.")


def _next(port: int) -> int:
    return port + 1 if port < 65535 else 8080


def _listen_unix(path: Path) -> socket.socket:
    if not hasattr(socket, "AF_UNIX"):
        raise UsageError("This system does not support Unix sockets.", hint="Use --host and --port.")
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            if one.connect_ex(os.fspath(path)) == 0:
                raise ListenError(f"Another program listens on {path}.", hint="Stop it, or choose another path.")
            # Left behind by a killed process; nothing listens there.
            path.unlink()
            one.close()
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.bind(os.fspath(path))
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError as error:
        one.close()
        raise ListenError(
            f"Cannot listen on {path}: {error.strerror or error}.", hint="Check that its folder exists."
        ) from error
    except ListenError:
        one.close()
        raise
    return one


def close(address: Address, bound: list[socket.socket]) -> None:
    """Close the sockets of `listen`, and remove a Unix socket's file if `listen` created it."""
    for one in bound:
        one.close()
    if bound and address.unix is not None:
        with contextlib.suppress(OSError):
            address.unix.unlink()
