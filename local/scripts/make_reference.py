"""Generate local/docs/reference/: the operations of the local SageMaker, and the help of `moor local`.

`--check` lists stale pages and exits 1.

python -m local.scripts.make_reference [--check]
"""

import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from scripts.make_reference import help_of, write

from mooring.cli.group import moor
from mooring_local.arguments import s3
from mooring_local.arguments.sagemaker import RUNTIME as ARGUMENTS
from mooring_local.cli import command
from mooring_local.control.parts import Parts
from mooring_local.fleet.logbook import Logbook
from mooring_local.objects.api import ROUTES
from mooring_local.server import services
from mooring_local.state import State
from mooring_local.wire.arguments import Takes

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
NOTICE = "<!-- Written by local/scripts/make_reference.py; change the code instead, then run `make reference`. -->"


def cli_page() -> str:
    """The help of `moor local` and its subcommands, as printed."""
    parent = click.Context(moor, info_name="moor")
    return "\n".join(["# Command line", NOTICE, "", *help_of("local", command, parent)])


def operations_page() -> str:
    """Every operation, with the first paragraph of its handler's docstring, and the classes of its arguments."""
    nobody: Any = None
    parts = Parts(State(Path(":memory:")), nobody, nobody, nobody)
    implemented = services(parts, Logbook(FOLDER))
    parts.state.close()
    lines = [
        "# Operations of the local SageMaker",
        NOTICE,
        "",
        "These operations are implemented. Other operations of these services fail with `UnknownOperationException`",
        "(404) and the name of this page, or with `NotImplemented` (501) in S3. Services that are not listed fail with",
        "`UnknownOperationException` or `InvalidAction`. See [the guide](../guide.md) for how to use them.",
        "",
        "An argument is obeyed unless one of the last two columns lists it. *No effect*: it is accepted and, if it",
        "describes a resource, returned by Describe, Get or List. *Refused*: the request fails with the service's own",
        "error, which names the argument. Arguments that are not in botocore's model are refused, too.",
        "",
    ]
    for name, service in implemented.items():
        rows = [(operation, inspect.getdoc(service.handlers[operation])) for operation in sorted(service.handlers)]
        lines += _operations(f"`{name}`", rows, service.arguments.operations)
        lines += _within("structure", service.arguments.structures)
    lines += _operations("`sagemaker-runtime`", sorted(RUNTIME.items()), ARGUMENTS.operations)
    objects = {route.name: route.says or inspect.getdoc(route.run) for route in ROUTES.values()}
    lines += _operations("`s3`, path style", sorted(objects.items()), s3.OPERATIONS)
    lines += [
        "Headers have their names on the wire; query parameters start with a question mark.",
        f"No effect with any operation: {_names(s3.EVERYWHERE.kept)}.",
        "",
    ]
    return "\n".join(lines + _within("element of a body", s3.ELEMENTS))


RUNTIME = {
    "InvokeEndpoint": "Invoke an endpoint; by variant, model, container or component, with sessions and attributes.",
    "InvokeEndpointAsync": "Queue a request whose input and output are S3 objects; notifications are written as files.",
    "InvokeEndpointWithResponseStream": "Stream the response as events while the container writes it.",
}


def _operations(title: str, rows: Sequence[tuple[str, str | None]], table: Mapping[str, Takes]) -> list[str]:
    head = [f"## {title}", "", "| operation | here | no effect | refused |", "| --- | --- | --- | --- |"]
    return [*head, *(f"| `{name}` | {_sentence(doc)} | {_classes(table[name])} |" for name, doc in rows), ""]


def _within(noun: str, table: Mapping[str, Takes]) -> list[str]:
    """The structures with members that have no effect or are refused."""
    rows = [f"| `{name}` | {_classes(takes)} |" for name, takes in table.items() if takes.kept or takes.refused]
    return [f"| {noun} | no effect | refused |", "| --- | --- | --- |", *rows, ""] if rows else []


def _classes(takes: Takes) -> str:
    limited = [f"`{name}` except {' or '.join(sorted(values))}" for name, values in sorted(takes.only.items())]
    refused = "; ".join(filter(None, [_names(takes.refused), *limited]))
    return f"{_names(takes.kept)} | {refused}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _sentence(doc: str | None) -> str:
    return " ".join((doc or "").split("\n\n")[0].split()).replace("|", "\\|")


PAGES = {"cli.md": cli_page, "operations.md": operations_page}


if __name__ == "__main__":
    sys.exit(write(FOLDER, PAGES, check="--check" in sys.argv[1:]))
