"""Serve the files of a page: documents, ES modules, styles and icons from a package's data. Used by `pages.py`.

The policy lets a page load from this server alone: no inline script or style, no other site, no frame around it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

PLAYGROUND = "mooring.web.page"
INDEX = "index.html"
SHARED = "shared/"
"""Folder of what several pages use."""

KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Browsers keep the files but ask each time whether they have changed: all modules are of one version.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file of a page."""

    body: bytes
    kind: str
    """Its media type."""
    tag: str
    """Its ETag."""

    def response(self, request: Request) -> Response:
        """The file, or 304 if the browser has it."""
        headers = {**HEADERS, "ETag": self.tag}
        # May be a list, and a proxy that compresses makes tags weak: W/"…".
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        return Response(self.body, 200, headers, f"{self.kind}; charset=utf-8")


@lru_cache
def files_of(package: str) -> Mapping[str, File]:
    """The files of a package that makes a page, by path: in its folder and in `SHARED`."""
    folder = resources.files(package)
    found: dict[str, File] = {}
    for prefix in ("", SHARED):
        inside = folder.joinpath(prefix) if prefix else folder
        if not inside.is_dir():
            continue
        for one in inside.iterdir():
            kind = KINDS.get(f".{one.name.rpartition('.')[2]}")
            if kind is not None:
                body = one.read_bytes()
                found[prefix + one.name] = File(body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
    return found
