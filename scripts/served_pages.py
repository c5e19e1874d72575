"""The generated pages about what a server serves: models and tasks, and routes."""

import json
from pathlib import Path

from mooring.cli.facts import gate_line, quality_of, titled
from mooring.families import FAMILIES
from mooring.model.source import EMBEDDED_FOLDER
from mooring.model.unsupported import KINDS
from mooring.tasks import TASKS
from mooring.web.border import shown
from mooring.web.protocols import PROTOCOLS

WITHOUT_CLASS = {"sequence": "as text-classification", "hidden": "any, with the files of sentence-transformers"}
"""Head → what decides on tasks that have no class of their own."""


def models_page(notice: str) -> str:
    """Families, tasks, what is refused by name, and the embedded model's record."""
    lines = [
        "# Supported models",
        notice,
        "",
        "A model is served if its family and its head are supported: `model_type` and `architectures` in config.json.",
        "",
        "## Families",
        "",
        ", ".join(f"`{name}`" for name in FAMILIES),
        "",
        "Refused by name: " + ", ".join(name for name in KINDS if name != "Decoder") + " and decoders.",
        "",
        "## Tasks",
        "",
        "| task | class ends in | other names | fields | example request |",
        "| --- | --- | --- | --- | --- |",
    ]
    for spec in TASKS.values():
        classes = ", ".join(f"`{name}`" for name in spec.architectures) or WITHOUT_CLASS[spec.head]
        aliases = ", ".join(f"`{name}`" for name in spec.aliases) or "–"
        columns = ", ".join(f"`{name}`" for name in spec.columns) or "–"
        example = json.dumps(spec.example, ensure_ascii=False).replace("|", "\\|")
        lines.append(f"| [{spec.name}](../tasks.md#{spec.name}) | {classes} | {aliases} | {columns} | `{example}` |")
    return "\n".join([*lines, "", "## The embedded model", "", *_embedded(), ""])


def _embedded() -> list[str]:
    """What its manifest says, for both kinds of CPUs that compute it in int8."""
    manifest = json.loads((EMBEDDED_FOLDER / "mooring.json").read_text(encoding="utf-8"))
    size = sum(path.stat().st_size for path in Path(EMBEDDED_FOLDER).iterdir())
    lines = [
        f"`{manifest['name']}`: {manifest['architecture']}, {manifest['layers']} layers, {manifest['precision']}, "
        f"{size / 1e6:.0f} MB, built {manifest['built']}. `moor serve` and `/info` show the same record.",
        "",
        "| CPU | accuracy | check |",
        "| --- | --- | --- |",
    ]
    backends: dict[str, dict[str, str]] = {"with VNNI or DotProd": {}, "with AVX2 only": {"rewritten": "pointwise"}}
    for cpu, backend in backends.items():
        facts = {"model": manifest, "backend": backend}
        gate = manifest["gate"]
        if backend and gate.get("narrow"):
            gate = {**gate, **gate["narrow"]}
        figures = quality_of(facts) or {}
        known = {name: value for name, value in figures.items() if isinstance(value, float) and "_fp32" not in name}
        said = ", ".join(f"{titled(name)} {value:.1f}" for name, value in known.items()) or "–"
        lines.append(f"| {cpu} | {said} | {gate_line(gate) or '–'} |")
    quality = manifest.get("quality") or {}
    return [*lines, "", f"On {quality['questions']:,} questions of {quality['dataset']}."] if quality else lines


def routes_page(notice: str) -> str:
    """Every route of a server with one model, by the API that it belongs to."""
    lines = [
        "# Routes",
        notice,
        "",
        "What a server with one model answers. [HTTP API](http.md) has parameters and bodies, `GET /openapi.json` the",
        "same for generated clients. [HTTP](../http.md) and [Clients](../clients.md) explain them. If two APIs share a",
        "route, the first one listed answers.",
        "",
        "| route | API | tasks | what it does |",
        "| --- | --- | --- | --- |",
    ]
    seen: set[str] = set()
    for protocol in PROTOCOLS:
        for endpoint in protocol.endpoints:
            route = f"{endpoint.method} {shown(endpoint.path)}"
            if route not in seen:
                tasks = ", ".join(endpoint.tasks) or "any"
                lines.append(f"| `{route}` | {protocol.name} | {tasks} | {endpoint.summary} |")
            seen.add(route)
    return "\n".join([*lines, ""])
