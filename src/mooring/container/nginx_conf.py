"""Generate nginx.conf from settings and topology, with the template `nginx.conf.in`. Pure."""

import math
import os
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mooring.container.folders import Folders
from mooring.container.models import LOAD_S
from mooring.container.nginx_errors import LINES, NO_FRONT, directives, error_pages, locations
from mooring.container.nginx_gate import Gate, GateLimits, gate
from mooring.container.registry import shares
from mooring.container.topology import Topology
from mooring.settings import Settings
from mooring.web.border import shown
from mooring.web.connection import HEAD_S, LINE_BYTES
from mooring.web.heads import HOST
from mooring.web.limits import WebLimits
from mooring.web.listen import Address
from mooring.web.no_route import ONE_MODEL, SEVERAL_MODELS

READ_MARGIN_S = 10
"""How much longer than the deadline nginx waits, so that the worker can answer 504 itself."""
SEND_TIMEOUT_S = 10
"""Longest time for a client to take nothing of what nginx has buffered."""
MOST_CONNECTIONS = 16_384
"""Connections of a worker process of nginx, to clients and to workers. Each takes half a kilobyte from the start."""
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
    files: int = 65_536
    """How many files a process may open."""
    lua: tuple[Path, ...] = ()
    """nginx's modules for Lua, if it has them."""

    @property
    def connections(self) -> int:
        """Connections of a worker process of nginx. Large bodies need files as well."""
        return min(MOST_CONNECTIONS, max(64, self.files * 3 // 4))


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
        "connections": place.connections,
        "drain": math.ceil(settings.drain_s),
        "listen": _listen(place.address),
        "servers": "\n".join(_servers(topology, folders)),
        "tries": max(2, len(topology.workers)),
        "keep_alive": f"{settings.keep_alive_s:g}",
        "worker_idle": f"{settings.keep_alive_s:g}",
        "upstream_idle": f"{max(1.0, IDLE_SHARE * settings.keep_alive_s):g}",
        "max_body": settings.max_body_bytes,
        "host": HOST,
        "head_timeout": math.ceil(HEAD_S),
        "send_timeout": SEND_TIMEOUT_S,
        "no_front": NO_FRONT,
        "read_timeout": read,
        "wait": read,
    }
    several = settings.multi_model
    table = SEVERAL_MODELS if several else ONE_MODEL
    limits = GateLimits(WebLimits().body_s, settings.max_body_bytes, settings.max_in_flight, place.connections)
    door = gate(place.lua, limits)
    values |= {"modules": door.modules, "gate": door.http, "gated": door.server, "counted": door.counted}
    values["body_timeout"] = math.ceil(door.body_timeout_s)
    pages = error_pages(limits, read, table)
    values |= {
        "head_buffers": f"{LINES} {LINE_BYTES}",
        "routes": "\n".join(map(_route, table.methods)),
        "error_pages": directives(pages),
        "errors": locations(pages),
    }
    values |= {"holder": "$holder" if several else '""', "again": "$holder" if several else "workers"}
    split, routes = _models(door, topology, folders) if settings.multi_model else ("", "")
    values |= {"models_split": split, "models_locations": routes}
    template = resources.files("mooring.container").joinpath("nginx.conf.in").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda name: str(values[name[1]]), template)


def _models(door: Gate, topology: Topology, folders: Folders) -> tuple[str, str]:
    """Multi-model routes: requests go to the worker of the model's name, the rest to process 1."""
    count = len(topology.active)
    parts = [f"        {share / 100:g}% worker_{slot};" for slot, share in enumerate(shares(count), 1)]
    lines = ["    split_clients $model_name $holder {", *parts, f"        * worker_{count};", "    }"]
    for worker in topology.active:
        server = f"server unix:{folders.socket(worker.slot)}; keepalive 64;"
        lines += [f"    upstream worker_{worker.slot} {{ {server} }}"]
    routes = f"""
        location ~ ^/models/(?<model_name>[^/]+)/invoke$ {{
            {door.counted}
            # The model is in one worker only.
            proxy_next_upstream off;
            proxy_pass http://$holder;
        }}
        location /models {{
            proxy_read_timeout {LOAD_S + READ_MARGIN_S:g}s;
            proxy_pass http://front;
        }}"""
    return "\n".join(lines), routes


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
