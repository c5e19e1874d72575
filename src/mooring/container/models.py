"""The management routes of the multi-model contract: each call is passed to the worker of its model.

Inference requests go from nginx to the worker directly.
"""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import h11
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mooring.container.asking import Reply, ask
from mooring.container.registry import LoadedModels
from mooring.errors import InvalidRequest, NotReady, echo
from mooring.multi.lost import Held
from mooring.multi.requests import check_name, page
from mooring.web.body import read_body
from mooring.web.media import JSON

LOAD_S = 360.0
"""The platform's time limit for loading a model."""
BODY_LIMIT = 1 << 20
BODY_S = 30.0


class ModelsFront:
    """One method per route. Workers' answers are passed on unchanged."""

    def __init__(self, models: LoadedModels, socket_of: Callable[[int], Path]) -> None:
        self._models = models
        self._socket_of = socket_of

    @property
    def routes(self) -> list[Route]:
        """The routes that nginx sends here."""
        return [
            Route("/models", self.load, methods=["POST"]),
            Route("/models", self.list, methods=["GET"]),
            Route("/models/{name}", self.describe, methods=["GET"]),
            Route("/models/{name}", self.unload, methods=["DELETE"]),
        ]

    async def load(self, request: Request) -> Response:
        """Load a model into its worker, and remember it for a replacement of that worker."""
        body = await read_body(request.headers, request.receive, BODY_LIMIT, BODY_S)
        name, url = _named(body)
        reply = await self._pass(request, "POST", "/models", self._models.slot(name), body)
        if reply.status == 200:
            self._models.clear(name)
            self._models.held[name] = Held(url, json.loads(reply.body).get("identity", {}))
        return _as_is(reply)

    async def list(self, request: Request) -> Response:
        """List the models of all workers."""
        query = request.query_params
        found = page(self._models.urls, query.get("limit", ""), query.get("next_page_token", ""))
        return Response(json.dumps(found), media_type=JSON)

    async def describe(self, request: Request) -> Response:
        """Describe a model."""
        name = request.path_params["name"]
        return _as_is(await self._pass(request, "GET", f"/models/{quote(name, safe='')}", self._models.slot(name)))

    async def unload(self, request: Request) -> Response:
        """Unload a model from its worker. It is kept if the worker does not answer."""
        name = request.path_params["name"]
        reply = await self._pass(request, "DELETE", f"/models/{quote(name, safe='')}", self._models.slot(name))
        if reply.status in (200, 404):
            self._models.held.pop(name, None)
            self._models.clear(name)
        return _as_is(reply)

    async def _pass(self, request: Request, method: str, target: str, slot: int, body: bytes = b"") -> Reply:
        request_id = request.headers.get("x-request-id", "")
        try:
            return await ask(self._socket_of(slot), method, target, LOAD_S, body, {"X-Request-Id": request_id})
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            raise NotReady(f"Worker {slot} is not available.", hint="Try again.") from error


def _named(body: bytes) -> tuple[str, str]:
    """Name and folder of the model. The worker checks the folder."""
    try:
        found = json.loads(body)
        name, url = found["model_name"], found["url"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidRequest('The body must be an object {"model_name": …, "url": …}.') from error
    if not isinstance(name, str) or not isinstance(url, str):
        raise InvalidRequest(f"model_name and url must be strings, not {echo(name)} and {echo(url)}.")
    return check_name(name), url


def _as_is(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.content_type)
