"""The generated page about the HTTP API: each route with its parameters and bodies, and each type with its fields."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mooring.tasks import TASKS
from mooring.web.asking import HEADERS
from mooring.web.border import shown
from mooring.web.media import JSON
from mooring.web.openapi import Described
from mooring.web.protocols import PROTOCOLS
from mooring.web.wire import Asks, Endpoint, WireProtocol

INTRODUCTION = """# HTTP API
{notice}

Parameters and bodies of every route, for servers of every task. `GET /openapi.json` describes those of your server.
[HTTP](../http.md) explains them, and [Routes](routes.md) lists the task that each route needs.

Routes that run the model answer with these headers:

| header | meaning |
| --- | --- |
{headers}
"""
PLAIN = {"integer": "integer", "number": "number", "string": "text", "boolean": "boolean", "null": "null"}
BOUNDS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "exclusiveMinimum": "> {}",
    "exclusiveMaximum": "< {}",
    "minItems": "≥ {} items",
    "maxItems": "≤ {} items",
}


def http_page(notice: str) -> str:
    """Every route and type, as GET /openapi.json describes them."""
    offered: dict[tuple[str, str], tuple[WireProtocol, Endpoint]] = {}
    for protocol in PROTOCOLS:
        for endpoint in protocol.endpoints:
            if endpoint.listed:
                offered.setdefault((endpoint.method, endpoint.path), (protocol, endpoint))
    described = Described(list(TASKS.values()), offered)
    headers = "\n".join(f"| `{name}` | {meaning} |" for name, (_, meaning) in HEADERS.items())
    lines = [INTRODUCTION.format(notice=notice, headers=headers)]
    tables: dict[str, str] = {}
    for protocol in PROTOCOLS:
        lines += [f"## {protocol.name}", "", f"Errors: {words(described.schema([protocol.error]))}.", ""]
        for known, endpoint in offered.values():
            if known is protocol:
                route = f"{endpoint.method} {shown(endpoint.path)}"
                lines += [f"### `{route}`", "", *_route(endpoint, described, tables, route), ""]
    lines += ["## Types", ""]
    for name, schema in sorted(described.components.items(), key=lambda item: titled(item[0])):
        lines += [f"### {titled(name)}", "", *_fields(schema), ""]
    return "\n".join(lines)


def _route(endpoint: Endpoint, described: Described, tables: dict[str, str], route: str) -> Iterator[str]:
    yield f"{endpoint.summary}."
    yield ""
    for name in re.findall(r"{(\w+)}", shown(endpoint.path)):
        yield f"- path: `{name}`"
    for name, meaning in endpoint.query.items():
        yield f"- query: `{name}`: {meaning}"
    specs = [spec for name, spec in TASKS.items() if not endpoint.tasks or name in endpoint.tasks]
    rows: dict[str, tuple[str, str]] = {}
    for spec in specs:
        asked, answered = endpoint.request(spec).get(JSON), endpoint.response(spec).get(JSON)
        rows[spec.name] = (
            words(described.schema(asked)) if asked else "",
            words(described.schema(answered)) if answered else "",
        )
    others = {
        side: sorted({f"`{kind}`" for spec in specs for kind in bodies(spec) if kind != JSON})
        for side, bodies in (("request", endpoint.request), ("response", endpoint.response))
    }
    if len(set(rows.values())) == 1:
        asked_words, answered_words = rows[specs[0].name]
        if asked_words:
            yield f"- request: {asked_words}"
        if answered_words:
            yield f"- response: {answered_words}"
    for side, kinds in others.items():
        if kinds:
            yield f"- {side}, other media types: {', '.join(kinds)}"
    if isinstance(endpoint.answer, Asks):
        yield "- with the headers above"
    if len(set(rows.values())) > 1:
        yield from _by_task(rows, tables, route)


def _by_task(rows: Mapping[str, tuple[str, str]], tables: dict[str, str], route: str) -> Iterator[str]:
    table = "\n".join(f"| {task} | {asked} | {answered} |" for task, (asked, answered) in rows.items())
    if known := tables.get(table):
        yield f"- request and response: as `{known}`"
        return
    tables[table] = route
    yield ""
    yield "| task | request | response |"
    yield "| --- | --- | --- |"
    yield table


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    if text := schema.get("description"):
        yield " ".join(text.split())
        yield ""
    if not schema.get("properties"):
        yield words(schema)
        return
    yield "| field | type | required | default |"
    yield "| --- | --- | --- | --- |"
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        default = field.get("default")
        said = "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"
        yield f"| `{name}` | {words(field)} | {'yes' if name in required else ''} | {said} |"


def titled(name: str) -> str:
    """A type's name; msgspec calls types that share one by their module: mooring.tasks.fill_mask.Prediction."""
    module, _, own = name.rpartition(".")
    return module.rpartition(".")[2].title().replace("_", "") + own


def words(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in words, with links to the types that it names."""
    return " or ".join(dict.fromkeys(_alternatives(schema)))


def _alternatives(schema: Mapping[str, Any]) -> Iterator[str]:
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            # A default of null says only that the field may be absent.
            if one != {"type": "null"} or "default" not in schema:
                yield from _alternatives(one)
    elif "$ref" in schema:
        name = titled(schema["$ref"].rpartition("/")[2])
        yield f"[{name}](#{name.lower()})"
    elif "enum" in schema:
        yield from (f"`{json.dumps(value)}`" for value in schema["enum"])
    else:
        bounds = [form.format(schema[key]) for key, form in BOUNDS.items() if key in schema]
        yield _plain(schema) + (f" ({', '.join(bounds)})" if bounds else "")


def _plain(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        inner: Sequence[str] = list(dict.fromkeys(_alternatives(schema.get("items", {}))))
        return f"list of ({' or '.join(inner)})" if len(inner) > 1 else f"list of {inner[0]}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"object of {words(values)}" if isinstance(values, dict) and values else "object"
    return PLAIN.get(str(kind), "any value")
