"""Refuse requests that a web page of another site makes its visitor's browser send. Used by `border.py`.

A page can send requests to any address that its visitor's browser reaches, also on the visitor's own machine. Browsers
keep it from reading the answers, which is enough where asking changes nothing. Two things remain: routes that change
something, and names that a page's owner lets point at this server, so that browsers take its answers for their own
(DNS rebinding).
"""

from collections.abc import Collection, Iterable

from starlette.types import Scope

from mooring.errors import CallerRefused, UnsupportedMediaType, echo
from mooring.web.media import split_type

CHANGING = frozenset({("POST", "/models"), ("DELETE", "/models/{name}")})
"""Method and route of what changes something."""
SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
"""Content types that a page may send to another site without its consent."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FOREIGN = (b"cross-site", b"same-site")


def allowed_hosts(given: str | None, bound: str) -> frozenset[str] | None:
    """The names by which the server may be called; None for any.

    By default any, unless only this machine can reach the server: `bound` is then a loopback address.
    """
    named = [part.strip().lower().strip("[]") for part in (given or "").split(",") if part.strip()]
    if "*" in named or (not named and bound.lower() not in LOOPBACK):
        return None
    return frozenset((*named, *LOOPBACK, bound.lower()))


class Callers:
    """Checks heads of requests."""

    def __init__(self, hosts: Iterable[str] | None = None, changing: Collection[tuple[str, str]] = ()) -> None:
        """`hosts` as from `allowed_hosts`; `changing` of `CHANGING`, if the server has these routes."""
        self._hosts = None if hosts is None else frozenset(hosts)
        self._changing = changing

    @property
    def choosy(self) -> bool:
        """Whether any request may be refused."""
        return self._hosts is not None or bool(self._changing)

    def check(self, scope: Scope, route: str) -> None:
        """Raise CallerRefused or UnsupportedMediaType."""
        if self._hosts is not None:
            host = _first(scope, b"host").decode("latin-1")
            if host and host_name(host) not in self._hosts:
                raise CallerRefused(
                    f"This server may not be called by the name {echo(host)}.",
                    hint="Call it by localhost, or start it with --allowed-host NAME.",
                )
        if (scope["method"], route) in self._changing:
            _check_changing(scope)


def _check_changing(scope: Scope) -> None:
    host, origin = _first(scope, b"host"), _first(scope, b"origin")
    if _first(scope, b"sec-fetch-site") in FOREIGN or (origin and not _same(origin.lower(), host.lower())):
        raise CallerRefused(
            "A web page of another site sent this request.",
            hint="Send it from a program such as curl, or from a page that this server serves.",
        )
    kind = _first(scope, b"content-type").decode("latin-1")
    if split_type(kind)[0] in SIMPLE:
        raise UnsupportedMediaType(
            f"Unsupported Content-Type {echo(kind)}.", hint="Send -H 'Content-Type: application/json'."
        )


def _same(origin: bytes, host: bytes) -> bool:
    """Whether a page of that origin is this server's. A proxy may have removed the port from Host."""
    place = origin.partition(b"://")[2]
    return place == host or (host_name(place.decode("latin-1")) == host.decode("latin-1").strip("[]") != "")


def host_name(host: str) -> str:
    """The name or address in a Host header, without port and brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _first(scope: Scope, wanted: bytes) -> bytes:
    return next((bytes(value) for name, value in scope["headers"] if name == wanted), b"")
