"""Generate the OpenAPI 3.1 document of a server from its endpoints and tasks (GET /openapi.json)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import mooring
from mooring.tasks.base import TaskSpec
from mooring.web.asking import HEADERS
from mooring.web.border import shown
from mooring.web.media import JSON
from mooring.web.wire import Asks, Bodies, Endpoint, Site, WireProtocol

Offered = Mapping[tuple[str, str], tuple[WireProtocol, Endpoint]]
"""(method, path) → (protocol, endpoint)."""
TYPES = {int: "integer", bool: "boolean", str: "string"}
"""Of headers."""


async def report(site: Site[Any], _: Request) -> Response:
    """The document of this server. Raises NotReady while its task is unknown."""
    served = [spec.name if spec is not None else "" for spec in site.specs()]
    # Made once per set of tasks: it takes 20 ms of the event loop.
    if site.described is None or site.described[0] != served:
        site.described = served, msgspec.json.encode(document(site.specs(), site.offered))
    return Response(site.described[1], media_type=JSON)


def document(specs: Sequence[TaskSpec | None], offered: Offered) -> dict[str, Any]:
    """The endpoints with their types for these tasks; shared types are described once."""
    described = Described(specs, offered)
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), (protocol, endpoint) in offered.items():
        paths.setdefault(shown(path), {})[method.lower()] = described.operation(protocol, endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mooring", "version": mooring.__version__},
        "paths": paths,
        "components": {"schemas": described.components},
    }


class Described:
    """The schemas of all types of the endpoints, generated together so that names are unique."""

    def __init__(self, specs: Sequence[TaskSpec | None], offered: Offered) -> None:
        self._specs = specs
        self._types: list[Any] = []
        for protocol, endpoint in offered.values():
            for bodies in (self._merged(endpoint.request), self._merged(endpoint.response), {JSON: [protocol.error]}):
                self._types += (one for types in bodies.values() for one in types if one not in self._types)
        self._schemas, self.components = msgspec.json.schema_components(
            self._types, ref_template="#/components/schemas/{name}"
        )

    def operation(self, protocol: WireProtocol, endpoint: Endpoint) -> dict[str, Any]:
        """An endpoint as an Operation Object."""
        answered: dict[str, Any] = {"description": "The answer.", "content": self._content(endpoint.response)}
        operation: dict[str, Any] = {
            "tags": [protocol.name],
            "summary": endpoint.summary,
            "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{shown(endpoint.path)}").rstrip("_"),
            "responses": {
                "200": answered,
                "default": {"description": "An error.", "content": {JSON: {"schema": self.schema([protocol.error])}}},
            },
        }
        if parameters := list(_parameters(endpoint)):
            operation["parameters"] = parameters
        if content := self._content(endpoint.request):
            operation["requestBody"] = {"required": True, "content": content}
            if JSON in content and (examples := self._examples(endpoint)):
                content[JSON]["examples"] = examples
        if isinstance(endpoint.answer, Asks):
            answered["headers"] = {
                name: {"description": meaning, "schema": {"type": TYPES[kind]}}
                for name, (kind, meaning) in HEADERS.items()
            }
        return operation

    def _examples(self, endpoint: Endpoint) -> dict[str, Any]:
        if endpoint.examples is not None:
            return {name: {"value": example} for name, example in endpoint.examples.items()}
        example_of = endpoint.example or (lambda spec: spec.example)
        return {spec.name: {"value": example_of(spec)} for spec in self._specs if spec is not None}

    def _merged(self, declared: Any) -> Bodies:
        """An endpoint's bodies over all served tasks."""
        found: dict[str, list[Any]] = {}
        for spec in self._specs:
            for kind, types in declared(spec).items():
                known = found.setdefault(kind, [])
                known += (one for one in types if one not in known)
        return found

    def _content(self, declared: Any) -> dict[str, Any]:
        return {kind: {"schema": self.schema(types)} for kind, types in self._merged(declared).items()}

    def schema(self, types: Sequence[Any]) -> Mapping[str, Any]:
        """The JSON Schema of a body that is of one of these types."""
        schemas = [self._schemas[self._types.index(one)] for one in types]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", shown(endpoint.path)):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name, meaning in endpoint.query.items():
        yield {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}
