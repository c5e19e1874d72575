"""Serve SageMaker's multi-model protocol as an ASGI application. Made by `wiring/`.

POST /models, GET /models, GET and DELETE /models/{name}, POST /models/{name}/invoke.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from mooring.errors import InvalidRequest, ModelError, ModelRefused, UsageError, echo
from mooring.multi.registry import Registry
from mooring.multi.requests import page
from mooring.observe.metrics import Metrics
from mooring.tasks import TASKS
from mooring.tasks.base import TaskSpec
from mooring.web.app import app_of
from mooring.web.body import read_body
from mooring.web.limits import WebLimits
from mooring.web.media import JSON
from mooring.web.no_route import SEVERAL_MODELS
from mooring.web.pages import json_response, versions
from mooring.web.protocols.hf_inference import HEALTH
from mooring.web.protocols.hf_toolkit import hf_toolkit
from mooring.web.protocols.native import (
    INDEX,
    INFO,
    LIVE,
    METRICS,
    OPENAPI,
    PAGE,
    READY,
    object_body,
)
from mooring.web.protocols.sagemaker import INVOCATIONS, PING
from mooring.web.room import Room
from mooring.web.service import Service
from mooring.web.status import ErrorBody, refuse
from mooring.web.text import read_json
from mooring.web.wire import Bodies, Endpoint, Site, WireProtocol

BODY_LIMIT = 1 << 20
"""Most bytes of a body that names a model."""


class LoadBody(msgspec.Struct):
    """The model to load."""

    model_name: str
    url: str
    """Its folder."""


class ModelEntry(msgspec.Struct, rename="camel"):
    """A loaded model."""

    model_name: str
    model_url: str


class ModelPage(msgspec.Struct, rename="camel", omit_defaults=True):
    """A page of the list."""

    models: list[ModelEntry]
    next_page_token: str | None = None


async def load(site: Site[Registry], request: Request) -> Response:
    """Load a model; answers once it is loaded."""
    fields = await _fields(site, request)
    for name in ("model_name", "url"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise InvalidRequest(f"it must be text, not {echo(fields.get(name))}.", pointer=f"/{name}")
    try:
        model = await site.life.load(fields["model_name"], fields["url"])
    except (ModelError, UsageError) as error:
        raise ModelRefused(error.message, hint=error.hint) from error
    return json_response({"status": f'Model "{model.name}" loaded', **model.described, "identity": model.identity})


async def _fields(site: Site[Registry], request: Request) -> dict[str, Any]:
    visit = site.room.visit()
    try:
        data = await read_body(request.headers, request.receive, BODY_LIMIT, site.limits.body_s, visit)
    finally:
        visit.leave()
    found = read_json(data, hint='Send {"model_name": "…", "url": "…"}.')
    if not isinstance(found, dict):
        raise InvalidRequest(f"expected an object, not {echo(found)}.")
    return found


async def listed(site: Site[Registry], request: Request) -> Response:
    """List the models, sorted by name, in pages."""
    query = request.query_params
    urls = {model.name: model.url for model in site.life.models}
    urls |= {model["modelName"]: model["modelUrl"] for model in site.life.lost}
    return json_response(page(urls, query.get("limit", ""), query.get("next_page_token", "")))


async def describe(site: Site[Registry], request: Request) -> Response:
    """Describe one model."""
    name = request.path_params["name"]
    for lost in site.life.lost:
        if lost["modelName"] == name:
            return json_response({**lost, "ready": False})
    model = site.life.get(name)
    return json_response({**model.described, **model.service.facts, "engine": model.service.snapshot()})


async def unload(site: Site[Registry], request: Request) -> Response:
    """Unload a model; answers once its memory is free."""
    name = request.path_params["name"]
    await site.life.unload(name)
    return json_response({"status": f'Model "{name}" unregistered'})


async def info(site: Site[Registry], _: Request) -> Response:
    """The loaded models."""
    models = [
        {**model.described, "identity": model.identity, "engine": model.service.snapshot()}
        for model in site.life.models
    ]
    facts = {"multi_model": True, "models": models, "ready": True, "reason": "", "degraded": site.life.lost}
    return json_response({**facts, "versions": versions()})


def _load_body(_: TaskSpec | None) -> Bodies:
    return {JSON: (LoadBody,)}


def _page_body(_: TaskSpec | None) -> Bodies:
    return {JSON: (ModelPage,)}


PAGES = {"limit": "Number of models to list, at most 100.", "next_page_token": "`nextPageToken` of the previous page."}
INVOKE = dataclasses.replace(INVOCATIONS, path="/models/{name}/invoke", summary="Run a model")
SAGEMAKER_MODELS = WireProtocol(
    "SageMaker multi-model",
    (
        INVOKE,
        Endpoint("POST", "/models", "Load a model", load, object_body, _load_body),
        Endpoint("GET", "/models", "List the models", listed, _page_body, query=PAGES),
        Endpoint("GET", "/models/{name}", "Describe a model", describe, object_body),
        Endpoint("DELETE", "/models/{name}", "Unload a model", unload, object_body),
        PING,
    ),
    refuse,
    ErrorBody,
)
WATCHED = WireProtocol(
    "Mooring",
    (INDEX, HEALTH, LIVE, READY, METRICS, OPENAPI, dataclasses.replace(INFO, summary="Models, versions", answer=info)),
    refuse,
    ErrorBody,
)


def create_multi_app(registry: Registry, metrics: Metrics, limits: WebLimits, *, behind: bool) -> Starlette:
    """The routes inside the border middleware. Any task may be loaded, so the OpenAPI document covers all."""
    toolkit = (hf_toolkit(INVOKE),) if limits.hft_errors else ()

    def find(path: Mapping[str, str]) -> Service:
        return registry.get(path["name"]).service

    protocols = (*toolkit, SAGEMAKER_MODELS, WATCHED, *((PAGE,) if limits.page else ()))
    room = Room(limits.max_in_flight, limits.max_body_bytes)
    site = Site(registry, find, lambda: list(TASKS.values()), metrics, limits, room, protocols)
    return app_of(site, SEVERAL_MODELS, behind=behind)
