"""GET /_mooring/…: the page and its JSON API.

Read-only. The page asks endpoints through the runtime, as any client does. `app.py` keeps out pages of other sites,
here and everywhere else, by Host and Origin.
"""

import base64
import hashlib
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from urllib.parse import quote

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from mooring_local.page import view
from mooring_local.page.view import Sources
from mooring_local.wire.faults import Fault

ROOT = "/_mooring"
STYLES = ("ground.css", "frame.css", "parts.css")
SCRIPTS = ("dom.js", "snippets.js", "ask.js", "endpoints.js", "lists.js", "buckets.js", "main.js")
"""Concatenated in this order."""
_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def routes(sources: Sources) -> Starlette:
    """The application for paths that begin with /_mooring."""

    def overview(_: Request) -> Response:
        return _json(view.overview(sources))

    def endpoint_log(request: Request) -> Response:
        return _json(view.endpoint_log(sources, request.path_params["name"]))

    def job_log(request: Request) -> Response:
        return _json(view.job_log(sources, request.path_params["name"]))

    def bucket(request: Request) -> Response:
        query = request.query_params
        name = request.path_params["name"]
        return _json(view.bucket(sources, name, query.get("prefix", ""), query.get("after", "")))

    def download(request: Request) -> Response:
        name, key = request.path_params["name"], request.query_params.get("key", "")
        entry = sources.store.get(name, key)
        if entry is None:
            raise Fault("NoSuchKey", f"Object {key!r} not found in bucket {name}.", 404)
        # Always download: an object may be HTML with scripts, which would run at this origin.
        headers = {
            **_SAFE,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(key.rpartition('/')[2] or key)}",
        }
        return FileResponse(entry.path, media_type="application/octet-stream", headers=headers)

    table: dict[str, Callable[[Request], Response]] = {
        "/": index,
        "/api/overview": overview,
        "/api/endpoints/{name}/log": endpoint_log,
        "/api/jobs/{name}/log": job_log,
        "/api/buckets/{name}": bucket,
        "/api/buckets/{name}/object": download,
    }
    return Starlette(
        routes=[
            Route(ROOT, lambda _: RedirectResponse(f"{ROOT}/")),
            *(Route(f"{ROOT}{path}", answer, methods=["GET"]) for path, answer in table.items()),
        ],
        exception_handlers={Fault: _refused},
    )


def index(_: Request) -> Response:
    """The page: one document with inline style and script. Its policy blocks all other sources."""
    body, policy = _page()
    return Response(body, media_type="text/html", headers={**_SAFE, "Content-Security-Policy": policy})


@lru_cache(maxsize=1)
def _page() -> tuple[bytes, str]:
    here = files(__package__)
    style, script = ("".join(here.joinpath(name).read_text("utf-8") for name in names) for names in (STYLES, SCRIPTS))
    document = here.joinpath("page.html").read_text("utf-8")
    document = document.replace("/*style*/", style).replace("/*script*/", script)
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return document.encode(), policy


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers=_SAFE)


def _refused(_: Request, error: Exception) -> Response:
    """A `Fault` as JSON."""
    fault = error if isinstance(error, Fault) else Fault("InternalFailure", str(error), 500)
    body = msgspec.json.encode({"code": fault.code, "message": fault.message})
    return Response(body, fault.status, media_type="application/json", headers=_SAFE)
