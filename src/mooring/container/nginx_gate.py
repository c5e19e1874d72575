"""The part of nginx.conf that bounds bodies while they arrive, before a worker sees them. Used by `nginx_conf.py`.

With the Lua module, `slow.lua` applies the rules of a server without nginx: a minimum rate, and the slowest are dropped
first when bodies are too many. nginx itself has only a timeout between two reads, and limits that count a body from
its first byte; without the module these must do.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mooring.container.nginx_errors import BUSY, FULL, SLOW
from mooring.web.pace import GRACE_S, MEMORY_S, MIN_RATE
from mooring.web.room import BODIES, FREE_BYTES, LEFT

MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
"""In the order in which nginx must load them."""
BODY_TIMEOUT_S = 10
"""Without the module, longest pause between two pieces of a body."""
MARGIN_S = 2
"""How much later than slow.lua nginx itself gives up a body, so that the client gets a 408."""
SLACK = 4
"""Without the module, factor for limits that also count what has not arrived."""
MAX_LARGE = 256
"""Without the module, concurrent bodies of a megabyte or more, or of unknown length, which are buffered in files."""


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What is bounded, for each nginx worker process."""

    body_s: float
    max_body_bytes: int
    max_in_flight: int
    connections: int

    @property
    def bytes(self) -> int:
        """Bytes of all bodies."""
        return BODIES * self.max_body_bytes


@dataclass(frozen=True, slots=True)
class Gate:
    """Pieces of the template."""

    modules: str
    """Before everything else."""
    http: str
    server: str
    counted: str
    """In locations of the workers."""
    body_timeout_s: float
    """nginx's own timeout between two pieces of a body."""


def find_lua(program: str) -> tuple[Path, ...]:
    """nginx's Lua module and the one it needs; () if they are not installed."""
    said = subprocess.run((program, "-V"), capture_output=True, text=True, check=False).stderr
    folders = [part.partition("=")[2] for part in said.split() if part.startswith("--modules-path=")]
    for folder in folders:
        found = tuple(Path(folder) / name for name in MODULES)
        if all(path.is_file() for path in found):
            return found
    return ()


def gate(modules: tuple[Path, ...], limits: GateLimits) -> Gate:
    """With the Lua module if `modules` are given."""
    if not modules:
        return _without(limits)
    options = (
        f"body_s = {limits.body_s:g}, min_rate = {MIN_RATE}, bytes = {limits.bytes}, "
        f"bodies = {limits.connections // 2}, requests = {limits.max_in_flight}, "
        f"free_bytes = {FREE_BYTES}, left = {LEFT}, grace_s = {GRACE_S:g}, memory_s = {MEMORY_S:g}, "
        f'slow = "{SLOW}", full = "{FULL}", busy = "{BUSY}"'
    )
    here = os.fspath(Path(__file__).parent)
    http = f"""    lua_package_path "{here}/?.lua;;";
    init_by_lua_block {{ slow = require "slow"; slow.init {{ {options} }} }}"""
    # nginx runs `set` again for an error page: the variables must keep what the request has been counted as.
    server = """        uninitialized_variable_warn off;
        set $body_id $body_id;
        set $counted $counted;
        access_by_lua_block { slow.body() }
        header_filter_by_lua_block { slow.answered() }
        log_by_lua_block { slow.ended() }"""
    loaded = "".join(f"load_module {path};\n" for path in modules)
    return Gate(loaded, http, server, "access_by_lua_block { slow.request() }", limits.body_s + MARGIN_S)


def _without(limits: GateLimits) -> Gate:
    http = """    # Bodies of a megabyte or more, or of unknown size, are buffered in files, so their number is limited.
    map "$http_transfer_encoding:$content_length" $large {
        "~^:[0-9]{7,}$" large;
        "~^.+:" large;
        default "";
    }
    limit_conn_zone $server_name zone=all:32k;
    limit_conn_zone $large zone=large:32k;
    limit_conn_status 429;
    limit_conn_log_level warn;"""
    counted = f"limit_conn all {SLACK * limits.max_in_flight}; limit_conn large {MAX_LARGE};"
    return Gate("", http, "", counted, min(BODY_TIMEOUT_S, limits.body_s))
