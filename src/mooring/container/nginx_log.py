"""Remove what clients sent from nginx's error log. Used by `proxy.py`.

nginx appends the client, the request line, Host and Referer to its messages about requests.
"""

import re

_LINE = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*)$", re.DOTALL)
_CONTEXT = re.compile(r",? (?:client|server|request|subrequest|upstream|host|referrer|login): ")
_SERIOUS = ("alert", "crit", "emerg", "error")


def without_requests(line: str) -> tuple[str, str]:
    """The level and the message of a line, without what it repeats of a request."""
    found = _LINE.match(line.rstrip("\n"))
    level, message = (found[1], found[2]) if found else ("error", line.rstrip("\n"))
    # The rest of a line is in the same order for every message: cut at the first of these.
    return level if level in _SERIOUS else "error", _CONTEXT.split(message, maxsplit=1)[0]
