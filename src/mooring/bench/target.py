"""A URL in; where to connect and the bytes of a request out. Called by `load.py`, `oneshot.py` and the commands."""

import json
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from mooring.errors import UsageError, echo

INVOCATIONS = "/invocations"


@dataclass(frozen=True, slots=True)
class Target:
    """A server. `path` is where questions go."""

    host: str
    port: int
    path: str
    secure: bool

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http{'s' if self.secure else ''}://{self.authority}"

    @property
    def url(self) -> str:
        """Where questions go."""
        return self.origin + self.path

    @property
    def authority(self) -> str:
        """Host and port, an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether the server surely shares this machine's cores."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def tls(self) -> ssl.SSLContext | None:
        """For https, with the system's certificates."""
        return ssl.create_default_context() if self.secure else None

    def request(self, body: bytes) -> bytes:
        """A whole HTTP/1.1 POST, ready to be written."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.authority}\r\nContent-Type: application/json\r\n"
            # Questions come again when there are fewer than requests: what is to be measured is computing.
            f"Accept: application/json\r\nCache-Control: no-cache\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


def parse_target(url: str) -> Target:
    """Read `http://host:port[/path]`; scheme and the path /invocations may be left out. Raises UsageError."""
    hint = "Name it as in http://127.0.0.1:8080."
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        (path + (host or "")).encode("ascii")
    except ValueError as error:  # a port that is no number, an open bracket, letters beyond ASCII
        raise UsageError(f"{echo(url)} is not an address.", hint=hint) from error
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() or c < " " for c in host + path):
        raise UsageError(f"{echo(url)} is not an address.", hint=hint)
    secure = parts.scheme == "https"
    return Target(host, port or (443 if secure else 80), path if path not in ("", "/") else INVOCATIONS, secure)


def body_of(question: str, context: str, parameters: dict[str, object] | None = None) -> bytes:
    """A question as the server takes it, UTF-8 JSON."""
    body: dict[str, object] = {"inputs": {"question": question, "context": context}}
    if parameters:
        body["parameters"] = parameters
    return json.dumps(body, ensure_ascii=False).encode()
