"""Answer requests for unknown paths (404) and wrong methods (405), naming the routes that exist.

One table for each kind of server, shared by nginx, process 1 and the workers, which each answer some routes. It is not
derived from the protocols' endpoints: process 1 would have to import the engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from mooring.errors import echo
from mooring.spelling import nearest
from mooring.web.border import REQUEST_ID, shown
from mooring.web.media import JSON
from mooring.web.status import ErrorBody

PAGE_FILES = "/page/{file:path}"
"""Files of the page for browsers; error messages leave them out."""
BODIES = ("POST", "PUT", "PATCH")
"""Methods of a client that wants inference."""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The routes of a server."""

    ask: str
    """The inference route, e.g. "POST /invocations"."""
    methods: Mapping[str, tuple[str, ...]]
    """Path (may have parameters) → methods."""
    reason: str = ""
    """Why this server lacks routes of `ONE_MODEL`, and what has them; empty if it has all of them."""

    @property
    def listed(self) -> str:
        """All routes that people call, for an error message."""
        by_method: dict[str, list[str]] = {}
        for path, methods in self.methods.items():
            if path == PAGE_FILES:
                continue
            for method in methods:
                by_method.setdefault(method, []).append(path)
        return "; ".join(f"{method} {', '.join(map(shown, paths))}" for method, paths in by_method.items())

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer the router's 404 and 405 with our error body."""
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for that class alone
        path = request.url.path
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            methods = self._methods(path) or tuple(sorted(allowed.split(", ")))
            message = f"{echo(path)} does not support {echo(request.method)}. Supported: {', '.join(methods)}."
            if request.method in BODIES:
                why = f" {self.reason}" if self.reason and request.method in ONE_MODEL._methods(path) else ""
                message += f" Send inference requests to {self.ask}.{why}"
            kind, headers = "MethodNotAllowed", {"Allow": ", ".join(methods)}
        else:
            near = nearest(path, self.methods, cutoff=0.8)
            meant = f" Did you mean {near[0]}?" if near else ""
            if self.reason and ONE_MODEL._methods(path):
                meant = f" {self.reason}"
            message = f"{echo(path)} not found.{meant} Send inference requests to {self.ask}. Routes: {self.listed}."
            kind, headers = "NotFound", {}
        body = ErrorBody(error.status_code, kind, message, request.scope[REQUEST_ID])
        return Response(msgspec.json.encode(body), body.code, headers, JSON)

    def _methods(self, path: str) -> tuple[str, ...]:
        """The methods of a path, with HEAD for GET; () for an unknown path."""
        fitting = (methods for template, methods in self.methods.items() if compile_path(template)[0].match(path))
        found = next(fitting, ())
        return (*found, "HEAD") if "GET" in found else found


ONE_MODEL = RouteTable(
    "POST /invocations",
    {
        "/invocations": ("POST",),
        "/": ("POST", "GET"),
        "/models/{id:path}/pipeline/{task}": ("POST",),
        "/models/{id:path}": ("POST",),
        "/v2": ("GET",),
        "/v2/health/live": ("GET",),
        "/v2/health/ready": ("GET",),
        # The most specific one first.
        "/v2/models/{model:path}/versions/{version}/infer": ("POST",),
        "/v2/models/{model:path}/versions/{version}/ready": ("GET",),
        "/v2/models/{model:path}/versions/{version}": ("GET",),
        "/v2/models/{model:path}/infer": ("POST",),
        "/v2/models/{model:path}/ready": ("GET",),
        "/v2/models/{model:path}": ("GET",),
        "/v1/models/{model:path}:predict": ("POST",),
        "/v1/embeddings": ("POST",),
        "/embed": ("POST",),
        "/embed_all": ("POST",),
        "/predict": ("POST",),
        "/rerank": ("POST",),
        "/v1/rerank": ("POST",),
        "/v2/rerank": ("POST",),
        "/similarity": ("POST",),
        "/tokenize": ("POST",),
        "/decode": ("POST",),
        "/v1/models": ("GET",),
        "/v1/models/{id:path}": ("GET",),
        "/ping": ("GET",),
        "/health": ("GET",),
        "/health/live": ("GET",),
        "/health/ready": ("GET",),
        "/info": ("GET",),
        "/metrics": ("GET",),
        "/execution-parameters": ("GET",),
        "/openapi.json": ("GET",),
        PAGE_FILES: ("GET",),
    },
)

SEVERAL_MODELS = RouteTable(
    "POST /models/{name}/invoke",
    {
        "/models/{name}/invoke": ("POST",),
        "/models": ("POST", "GET"),
        "/models/{name}": ("GET", "DELETE"),
        "/ping": ("GET",),
        "/health": ("GET",),
        "/health/live": ("GET",),
        "/health/ready": ("GET",),
        "/info": ("GET",),
        "/metrics": ("GET",),
        "/openapi.json": ("GET",),
        "/": ("GET",),
        PAGE_FILES: ("GET",),
    },
    # Workers share the models by name, which nginx reads from the path.
    "In multi-model mode only SageMaker's routes are served, because a request must name its model in the path. "
    "For the other APIs, start the server with its models: moor serve FOLDER1 FOLDER2.",
)
