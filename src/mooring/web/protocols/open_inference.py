"""Serve the Open Inference Protocol v2 of KServe, Triton and others over REST, with Triton's binary tensor extension.

The names of tensors are in `web/tensor_forms.py`. The model's only version is the beginning of its digest.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

import mooring
from mooring.engine.health import Health
from mooring.errors import NotOffered, NotReady
from mooring.tasks.base import TaskSpec
from mooring.web import pages
from mooring.web.fleet import Fleet
from mooring.web.infer import BINARY, InferRequest, InferResponse, begin, check_version
from mooring.web.media import JSON
from mooring.web.pages import json_response
from mooring.web.reply import Reply
from mooring.web.service import ByEngine, Service
from mooring.web.status import describe, headers_of
from mooring.web.tensor_forms import BATCH_INDEX, FORMS, example_of, usual
from mooring.web.tensors import Datatype
from mooring.web.wire import Asks, Bodies, Endpoint, Site, WireProtocol


class ServerMetadata(msgspec.Struct):
    """The server."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(msgspec.Struct):
    """A tensor; -1 is any size."""

    name: str
    datatype: Datatype
    shape: list[int]


class ModelMetadata(msgspec.Struct):
    """A model, with the tensors of its own task."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(msgspec.Struct):
    """The server runs."""

    live: bool


class Ready(msgspec.Struct):
    """The server's models answer."""

    ready: bool


class ModelReady(msgspec.Struct):
    """The model answers."""

    name: str
    ready: bool


class InferError(msgspec.Struct):
    """The body of an error response."""

    error: str


# Metadata and health


async def server(_: Site[Any], __: Request) -> Response:
    """The server's name, version and extensions."""
    return json_response(ServerMetadata("mooring", mooring.__version__, ["binary_tensor_data"]))


async def live(site: Site[Any], request: Request) -> Response:
    """As /health/live."""
    await pages.live(site, request)
    return json_response(Live(True))


async def ready(site: Site[Any], request: Request) -> Response:
    """As /ping."""
    await pages.ping(site, request)
    return json_response(Ready(True))


def _service(site: Site[Any], request: Request) -> Service:
    """The model that the path names. Raises NotReady, NotLoaded."""
    name = request.path_params["model"]
    life: Service | Fleet = site.life
    found = life.named(name)
    model = found.model
    check_version(request.path_params, model.version if isinstance(model, ByEngine) else "")
    return found


async def model_ready(site: Site[Any], request: Request) -> Response:
    """200 if the model answers. Raises NotReady, NotLoaded."""
    health: Health = await _service(site, request).check()
    if not health.ready:
        raise NotReady(health.reason)
    return json_response(ModelReady(request.path_params["model"], True))


async def model(site: Site[Any], request: Request) -> Response:
    """The model's version and tensors. Raises NotReady, NotLoaded."""
    served = _service(site, request).model
    if not isinstance(served, ByEngine):
        raise NotOffered("This model has its own code.", hint="Send requests for it to POST /invocations.")
    form = FORMS[usual(served.tasks[0], served.tasks)]
    inputs = [TensorMetadata(name, "BYTES", [-1, -1] if name in form.lists else [-1]) for name in form.inputs]
    outputs = [
        TensorMetadata(name, datatype, [-1, -1] if form.wide and name != BATCH_INDEX else [-1])
        for name, datatype in form.outputs.items()
    ]
    name, versions = request.path_params["model"], [served.version]
    return json_response(ModelMetadata(name, versions, "mooring_openvino", inputs, outputs))


def refuse(error: BaseException, request_id: str) -> Reply:
    """The protocol's error body, with our statuses."""
    body = describe(error, request_id)
    return Reply(msgspec.json.encode(InferError(body.message)), JSON, body.code, headers_of(error))


def _body(*types: Any) -> Any:
    def bodies(_: TaskSpec | None) -> Bodies:
        return {JSON: types}

    return bodies


BYTES_AFTER = Annotated[str, Meta(description="JSON as for application/json, then the tensors' bytes.")]


def _infer(form: Any) -> Any:
    def bodies(_: TaskSpec | None) -> Bodies:
        return {JSON: (form,), BINARY: (BYTES_AFTER,)}

    return bodies


def _endpoints(path: str) -> tuple[Endpoint, ...]:
    """Those of a model."""
    return (
        Endpoint(
            "POST",
            f"{path}/infer",
            "Run the model on tensors",
            Asks(begin),
            _infer(InferResponse),
            _infer(InferRequest),
            example=example_of,
        ),
        Endpoint("GET", f"{path}/ready", "200 if the model answers", model_ready, _body(ModelReady), logged=False),
        Endpoint("GET", path, "Version and tensors of the model", model, _body(ModelMetadata)),
    )


MODEL = "/v2/models/{model:path}"
OPEN_INFERENCE = WireProtocol(
    "Open Inference Protocol",
    (
        Endpoint("GET", "/v2", "Name and extensions of the server", server, _body(ServerMetadata)),
        Endpoint("GET", "/v2/health/live", "As GET /health/live", live, _body(Live), logged=False),
        Endpoint("GET", "/v2/health/ready", "As GET /ping", ready, _body(Ready), logged=False),
        *_endpoints(MODEL + "/versions/{version}"),
        *_endpoints(MODEL),
    ),
    refuse,
    InferError,
)
