"""What `moor serve` says when it is ready: what is served, how exactly, where, and a line to try. Called by `serve.py`.

`facts` and `trial` are pure; `show` prints them, with colours on a terminal and plainly anywhere else.
"""

import contextlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

import mooring
from mooring.cli.facts import figures_of, gate_line, gate_of, quality_of, titled

EXAMPLE = {
    "inputs": {
        "question": "What holds the ship?",
        "context": "A mooring holds the ship in its place.",
    }
}
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to be recognised, not to be bound

_NAMES = (("INT8", "int8"), ("BF16", "bf16"), ("FP16", "fp16"))
"""What OpenVINO says a CPU computes natively → our words."""


def trial(url: str) -> str:
    """A curl line that works as it is, in any POSIX shell."""
    body = shlex.quote(json.dumps(EXAMPLE))
    return f"curl -s {url}/invocations -H 'Content-Type: application/json' -d {body}"


def facts(model: Mapping[str, Any], backend: Mapping[str, Any], url: str, host: str) -> list[tuple[str, str]]:
    """(name, value) of the start-up text, from the manifest and the backend's info as plain values.

    `url` is for visiting, `host` is what was listened at.
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
        ("computing", _joined(_threads(backend.get("threads")), _offered(backend.get("cpu_capabilities")))),
        ("address", _joined(url, "on every interface" if host in _EVERYWHERE else "")),
    ]
    return [(label, value) for label, value in rows if value]


def handler(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which of the model's own functions are live, and what they leave to the engine."""
    if not found:
        return []
    share = "which predicts by itself, one call at a time" if found["computes"] == "itself" else "around the engine"
    return [("code", f"{found['file']} with {', '.join(found['functions']) or 'no function'}, {share}")]


def workers(topology: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who answers behind nginx, and why so many; nothing where one process does it all."""
    if topology.get("front") != "nginx":
        return []
    count = int(topology["active"])
    spare = "one more on standby" if topology["standby"] else ""
    value = _joined(f"{count} worker{'' if count == 1 else 's'} behind nginx", spare, str(topology["reason"]))
    return [("workers", value)]


def show(rows: Sequence[tuple[str, str]], line: str, warnings: Sequence[str]) -> None:
    """Print the text on stdout at once, warnings first; colours go away by themselves without a terminal.

    A stdout that takes nothing (a full disk, a reader that has gone) is no reason not to serve.
    """
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
        click.echo(click.style("  Ctrl-C ends it.", dim=True))
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


def _offered(capabilities: object) -> str:
    """What of the fast arithmetic this CPU has; the lack of it explains a slow server."""
    if not isinstance(capabilities, (list, tuple)):
        return ""
    have = [ours for theirs, ours in _NAMES if theirs in capabilities]
    return f"this CPU has {' and '.join(have)}" if have else "this CPU has neither int8 nor bf16 arithmetic"
