"""The address of a server, as people write it."""

import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from mooring.errors import UsageError, echo

INVOCATIONS = "/invocations"
ADDRESS_HINT = "A server's address looks like http://127.0.0.1:8080."


@dataclass(frozen=True, slots=True)
class Target:
    """The address of a server."""

    host: str
    port: int
    path: str
    """Where inputs are posted. /info and /ping are always at the root."""
    secure: bool

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http{'s' if self.secure else ''}://{self.authority}"

    @property
    def url(self) -> str:
        """Where inputs are posted."""
        return self.origin + self.path

    @property
    def authority(self) -> str:
        """Host and port, with an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def model(self) -> str | None:
        """The model that the address names with `?model=NAME`, of a server with several."""
        return parse_qs(urlsplit(self.path).query).get("model", [None])[0]

    @property
    def is_local(self) -> bool:
        """Whether the server certainly shares this machine's cores."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def tls(self) -> ssl.SSLContext | None:
        """For https; None for http."""
        return ssl.create_default_context() if self.secure else None


def parse_target(url: str) -> Target:
    """Read `http://host:port[/path]`. Raises UsageError.

    The scheme defaults to http and the path to /invocations. User and password are left out: they are neither sent nor
    shown in messages.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        (path + (host or "")).encode("ascii")
    except ValueError as error:  # a port that is not a number, an open bracket, characters beyond ASCII
        raise UsageError(f"Invalid address {echo(url)}.", hint=ADDRESS_HINT) from error
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() or c < " " for c in host + path):
        raise UsageError(f"Invalid address {echo(url)}.", hint=ADDRESS_HINT)
    secure = parts.scheme == "https"
    return Target(host, port or (443 if secure else 80), path if path not in ("", "/") else INVOCATIONS, secure)
