"""The text that `moor serve` prints when it is ready: model, accuracy, address and a command to try."""

import contextlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

import mooring
from mooring.cli.facts import figures_of, gate_line, gate_of, quality_of, titled

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound

_NAMES = (("INT8", "int8"), ("BF16", "bf16"), ("FP16", "fp16"))
"""OpenVINO's names of the precisions that it supports on a CPU → our names."""


def trial(url: str, example: object) -> str:
    """A curl command for any POSIX shell, with a body that the model can answer."""
    body = shlex.quote(json.dumps(example, ensure_ascii=False))
    return f"curl -s {url}/invocations -H 'Content-Type: application/json' -d {body}"


def facts(model: Mapping[str, Any], backend: Mapping[str, Any], url: str, host: str) -> list[tuple[str, str]]:
    """Rows (name, value) of the start-up text. `model` and `backend` are those of `/info`.

    `url` is the address to visit, `host` the one that was bound.
    """
    name, source = str(model["name"]), str(model["source"])
    shown = name if source in (name, "embedded") else f"{name} ({source})"
    origin = "embedded in Mooring" if source == "embedded" else ""
    revision = f"revision {str(model['revision'])[:12]}" if model.get("revision") else ""
    windows = f"windows of {model['max_seq_len']} tokens" if model.get("max_seq_len") else ""
    precision = str(model.get("precision") or "")
    facts = {"model": model, "backend": backend}
    rows = [
        ("model", _joined(shown, origin, revision)),
        ("task", _joined(str(model.get("task") or ""), str(model.get("family") or ""), windows)),
        ("precision", _joined(precision, gate_line(gate_of(facts)), _quality(quality_of(facts)))),
        ("cpu", _joined(_threads(backend.get("threads")), _offered(backend))),
        ("address", _joined(url, "on every interface" if host in _EVERYWHERE else "")),
    ]
    return [(label, value) for label, value in rows if value]


def models(found: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """A row for each of several models."""
    keys = ("task", "family", "precision")
    return [
        ("model", _joined(name, *(str(one["model"].get(key) or "") for key in keys))) for name, one in found.items()
    ]


def handler(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The model's own functions, and whether they or the engine compute the predictions."""
    if not found:
        return []
    share = "predicts without the engine, one call at a time" if found["computes"] == "itself" else "uses the engine"
    return [("code", f"{found['file']}, defines {', '.join(found['functions']) or 'no function'}, {share}")]


def workers(topology: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Number of workers behind nginx, and the reason for it; empty for a single process."""
    if topology.get("front") != "nginx":
        return []
    count = int(topology["active"])
    spare = "1 on standby" if topology["standby"] else ""
    value = _joined(f"{count} worker{'' if count == 1 else 's'} behind nginx", spare, str(topology["reason"]))
    return [("workers", value)]


def show(rows: Sequence[tuple[str, str]], line: str, warnings: Sequence[str]) -> None:
    """Print the text on stdout, warnings first. Ignore errors: a full disk or closed pipe must not stop a server."""
    with contextlib.suppress(OSError):
        _show(rows, line, warnings)


def _show(rows: Sequence[tuple[str, str]], line: str, warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(click.style("warning", fg="yellow") + f"     {warning}")
    click.echo(click.style(f"Mooring {mooring.__version__}", bold=True) + " is ready.")
    for label, value in rows:
        head, comma, rest = value.partition(", ")
        click.echo(f"  {click.style(f'{label:<10}', dim=True)} {click.style(head, bold=True)}{comma}{rest}")
    click.echo(f"  {click.style('try', dim=True)}        {line}")
    if sys.stdout.isatty():
        click.echo(click.style("  Press Ctrl-C to stop.", dim=True))
    sys.stdout.flush()


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _quality(quality: object) -> str:
    figures = figures_of(quality)
    if not figures or not isinstance(quality, Mapping):
        return ""
    dataset = f" on {quality['dataset']}" if quality.get("dataset") else ""
    return " and ".join(f"{titled(name)} {value:.1f}" for name, value in figures.items()) + dataset


def _threads(threads: object) -> str:
    return "" if threads is None else f"{threads} thread{'' if threads == 1 else 's'}"


def _offered(backend: Mapping[str, Any]) -> str:
    """The reduced precisions that this CPU computes fast; without them a server is slow."""
    capabilities = backend.get("cpu_capabilities")
    if not isinstance(capabilities, (list, tuple)):
        return ""
    have = [ours for theirs, ours in _NAMES if theirs in capabilities]
    if "int8" in have and backend.get("int8"):
        have[have.index("int8")] = f"int8 ({backend['int8']})"
    return f"{' and '.join(have)} supported" if have else "neither int8 nor bf16 supported"
