"""Generate nginx.conf from settings and topology, with the template `nginx.conf.in`. Pure.

nginx's own error responses have the format of the application's. Each has its own internal location: nginx cannot
enter a named one from a request whose first line it could not read.
"""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import msgspec

from mooring.container.folders import Folders
from mooring.container.models import LOAD_S
from mooring.container.registry import shares
from mooring.container.topology import Topology
from mooring.settings import Settings
from mooring.web.border import shown
from mooring.web.listen import Address
from mooring.web.no_route import ONE_MODEL, SEVERAL_MODELS, RouteTable
from mooring.web.server import connections_for
from mooring.web.status import ErrorBody

READ_MARGIN_S = 10
"""How much longer than the deadline nginx waits, so that the worker can answer 504 itself."""
BODY_TIMEOUT_S = 60
MAX_LARGE = 32
"""Maximum concurrent bodies of a megabyte or more. They are buffered in files: at most 32 × 25 MB."""
IDLE_SHARE = 0.8
"""nginx's idle timeout for connections to workers, as a fraction of the workers' own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and as whom nginx runs."""

    log: str
    """Path of the access log."""
    user: str | None
    """User of nginx's workers; None if it cannot be changed."""
    address: Address


def render(settings: Settings, topology: Topology, folders: Folders, place: Place) -> str:
    """The text of nginx.conf."""
    read = math.ceil(settings.deadline_s) + READ_MARGIN_S
    values = {
        "run": folders.run,
        "log": place.log,
        "log_requests": int(settings.log_level in ("debug", "info")),
        # Also for root: by default nginx would switch to nobody, who may not use the workers' sockets.
        "user": f"user {place.user or 'root'};\n" if os.geteuid() == 0 else "",
        "processes": min(4, max(1, len(topology.active))),
        "connections": connections_for(settings.max_in_flight),
        "drain": math.ceil(settings.drain_s),
        "listen": _listen(place.address),
        "servers": "\n".join(_servers(topology, folders)),
        "tries": max(2, len(topology.workers)),
        "keep_alive": f"{settings.keep_alive_s:g}",
        "worker_idle": f"{settings.keep_alive_s:g}",
        "upstream_idle": f"{max(1.0, IDLE_SHARE * settings.keep_alive_s):g}",
        "max_body": settings.max_body_bytes,
        "max_in_flight": settings.max_in_flight,
        "max_large": min(MAX_LARGE, settings.max_in_flight),
        "body_timeout": BODY_TIMEOUT_S,
        "read_timeout": read,
        "wait": read,
    }
    several = settings.multi_model
    table = SEVERAL_MODELS if several else ONE_MODEL
    pages = _error_pages(
        settings.max_body_bytes,
        settings.max_in_flight,
        min(MAX_LARGE, settings.max_in_flight),
        BODY_TIMEOUT_S,
        read,
        table,
    )
    values |= {
        "head_buffers": f"{LINES} {LINE_BYTES}",
        "routes": "\n".join(map(_route, table.methods)),
        "error_pages": _directives(pages),
        "errors": _locations(pages),
    }
    values |= {"holder": "$holder" if several else '""', "again": "$holder" if several else "workers"}
    split, locations = _models(settings, topology, folders) if settings.multi_model else ("", "")
    values |= {"models_split": split, "models_locations": locations}
    template = resources.files("mooring.container").joinpath("nginx.conf.in").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda name: str(values[name[1]]), template)


def _models(settings: Settings, topology: Topology, folders: Folders) -> tuple[str, str]:
    """Multi-model routes: requests go to the worker of the model's name, the rest to process 1."""
    count = len(topology.active)
    parts = [f"        {share / 100:g}% worker_{slot};" for slot, share in enumerate(shares(count), 1)]
    lines = ["    split_clients $model_name $holder {", *parts, f"        * worker_{count};", "    }"]
    for worker in topology.active:
        server = f"server unix:{folders.socket(worker.slot)}; keepalive 64;"
        lines += [f"    upstream worker_{worker.slot} {{ {server} }}"]
    locations = f"""
        location ~ ^/models/(?<model_name>[^/]+)/invoke$ {{
            limit_conn all {settings.max_in_flight};
            limit_conn large {min(MAX_LARGE, settings.max_in_flight)};
            # The model is in one worker only.
            proxy_next_upstream off;
            proxy_pass http://$holder;
        }}
        location /models {{
            proxy_read_timeout {LOAD_S + READ_MARGIN_S:g}s;
            proxy_pass http://front;
        }}"""
    return "\n".join(lines), locations


def _route(path: str) -> str:
    """The line of nginx's map that gives a route its name in the log."""
    pattern = re.sub(r"\\{\w+:path\\}", "[^?]+", re.escape(path))
    pattern = re.sub(r"\\{\w+\\}", "[^/?]+", pattern)
    return f'        "~^{pattern}(\\?|$)" "{shown(path)}";'


def _listen(address: Address) -> str:
    """The address in nginx's notation."""
    host = address.host or "0.0.0.0"  # noqa: S104 - asked for
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"


def _servers(topology: Topology, folders: Folders) -> list[str]:
    # No bans (max_fails=0): a socket without a listener refuses at once, and some worker must remain after kills.
    several = ["        least_conn;"] if len(topology.active) > 1 else []
    lines = [f"        server unix:{folders.socket(worker.slot)} max_fails=0;" for worker in topology.active]
    if topology.standby is not None:
        lines.append(f"        server unix:{folders.socket(topology.standby.slot)} max_fails=0 backup;")
    return several + lines


NAME = "$name"
"""nginx's variable for the request's id."""
LINE_BYTES = 8192
"""Maximum length of the request line and of each header."""
LINES = 8
"""How many of them may have the maximum length."""


@dataclass(frozen=True, slots=True)
class Page:
    """An error response."""

    codes: str
    """nginx's status codes that lead to it."""
    status: int
    type: str
    message: str
    """May contain nginx variables."""
    headers: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Path of its location."""
        return f"/-/{self.status}-{self.codes.split()[0]}"


def _error_pages(
    max_body: int, in_flight: int, large: int, body_s: int, answer_s: int, table: RouteTable
) -> tuple[Page, ...]:
    """All error responses. Sizes in bytes, times in seconds; `large` is the limit of bodies of a megabyte or more."""
    head = (
        f"The request line or headers are too long: each may have {LINE_BYTES} bytes, and at most {LINES} may be that "
        "long. Send fewer or shorter headers, or a shorter URL."
    )
    nothing = f"Not found. Send inference requests to {table.ask}. Routes: {table.listed}."
    slow = f"No data of the body arrived for {body_s} s. Send it faster, or in smaller requests."
    coding = "Unsupported Transfer-Encoding. Send the body with a Content-Length, or chunked."
    return (
        Page("400", 400, "InvalidRequest", "Invalid HTTP request."),
        Page("404", 404, "NotFound", nothing),
        Page("405", 405, "MethodNotAllowed", f"Method not allowed. Send inference requests to {table.ask}."),
        Page("408", 408, "BodyTooSlow", slow),
        Page(
            "413",
            413,
            "PayloadTooLarge",
            f"The body has $size; the limit is {max_body}. Split it, or raise the server's --max-body-bytes.",
        ),
        Page("414 494", 431, "InvalidRequest", head),
        Page(
            "429",
            429,
            "QueueFull",
            f"Too many concurrent requests: the limit is {in_flight}, and {large} with a body of a megabyte or more. "
            "Try again in 1 s.",
            ("Retry-After 1",),
        ),
        Page("500", 500, "InternalError", "nginx failed, most likely because the disk is full. See the server's log."),
        Page("501", 501, "InvalidRequest", coding),
        Page("504", 504, "DeadlineExceeded", f"The answer was not ready within {answer_s} s."),
        Page("505", 505, "InvalidRequest", "Unsupported HTTP version. Use HTTP/1.1."),
    )


def _directives(found: Sequence[Page]) -> str:
    """The error_page directives."""
    return "\n".join(f"        error_page {page.codes} ={page.status} {page.path};" for page in found)


def _locations(found: Sequence[Page]) -> str:
    """The location blocks."""
    return "\n".join(_location(page) for page in found)


def _location(page: Page) -> str:
    body = msgspec.json.encode(ErrorBody(page.status, page.type, page.message, NAME)).decode()
    # Inside nginx's quotes, where it would unescape what JSON has escaped.
    quoted = body.replace("\\", "\\\\").replace("'", "\\'")
    headers = "".join(f"\n            add_header {header} always;" for header in ("X-Request-Id $name", *page.headers))
    return f"""        location = {page.path} {{
            internal;{headers}
            return {page.status} '{quoted}';
        }}"""
