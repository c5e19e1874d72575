"""GET /_mooring/…: the page and its JSON API.

Read-only. The page asks endpoints through the runtime, as any client does. `app.py` keeps out pages of other sites,
here and everywhere else, by Host and Origin.
"""

from collections.abc import Callable
from urllib.parse import quote

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from mooring.web.page.files import INDEX, PLAYGROUND, SHARED, files_of
from mooring_local.page import view
from mooring_local.page.view import Sources
from mooring_local.wire.faults import Fault

ROOT = "/_mooring"
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
        "/page/{file:path}": page_file,
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


def index(request: Request) -> Response:
    """The document."""
    return files_of(__package__)[INDEX].response(request)


def page_file(request: Request) -> Response:
    """A script or a style: this page's own, or one that it shares with the page of `moor serve`."""
    name: str = request.path_params["file"]
    found = files_of(PLAYGROUND if name.startswith(SHARED) else __package__).get(name)
    if found is None:
        raise Fault("NotFound", f"The page has no file {name[:80]!r}.", 404)
    return found.response(request)


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers=_SAFE)


def _refused(_: Request, error: Exception) -> Response:
    """A `Fault` as JSON."""
    fault = error if isinstance(error, Fault) else Fault("InternalFailure", str(error), 500)
    body = msgspec.json.encode({"code": fault.code, "message": fault.message})
    return Response(body, fault.status, media_type="application/json", headers=_SAFE)
