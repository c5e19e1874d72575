"""Write local/docs/reference/ from the code: the operations of the local SageMaker, and the command `moor local`.

`--check` says what is stale, and exits 1.

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
    """The help of `moor local` and of the commands below it, as it is printed."""
    parent = click.Context(moor, info_name="moor")
    return "\n".join(["# Command line", NOTICE, "", *help_of("local", command, parent)])


def operations_page() -> str:
    """Every operation of the local SageMaker, with the first sentence of who does it, and its arguments' classes."""
    nobody: Any = None
    parts = Parts(State(Path(":memory:")), nobody, nobody, nobody)
    implemented = services(parts, Logbook(FOLDER))
    parts.state.close()
    lines = [
        "# Operations of the local SageMaker",
        NOTICE,
        "",
        "These operations are implemented. Any other operation of these services is answered with",
        "`UnknownOperationException` (404) and the name of this page; S3 answers `NotImplemented` (501), and a service",
        "that is not listed `UnknownOperationException` or `InvalidAction`. How to use them: [the guide](../guide.md).",
        "",
        "An argument is obeyed unless one of the last two columns names it. *No effect*: it is accepted, and given",
        "back by Describe, Get or List if it describes a resource. *Refused*: the request fails with the service's own",
        "error, which names the argument. An argument that botocore's model does not have is refused as well.",
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
        "Headers, and query parameters with a question mark, have their names on the wire.",
        f"These have no effect with any operation: {_names(s3.EVERYWHERE.kept)}.",
        "",
    ]
    return "\n".join(lines + _within("element of a body", s3.ELEMENTS))


RUNTIME = {
    "InvokeEndpoint": "With target variant, model, container and component, inference id, sessions, custom attributes.",
    "InvokeEndpointAsync": "S3 in, S3 out; failure objects; notifications as files.",
    "InvokeEndpointWithResponseStream": "As event stream, while the container writes.",
}


def _operations(title: str, rows: Sequence[tuple[str, str | None]], table: Mapping[str, Takes]) -> list[str]:
    head = [f"## {title}", "", "| operation | here | no effect | refused |", "| --- | --- | --- | --- |"]
    return [*head, *(f"| `{name}` | {_sentence(doc)} | {_classes(table[name])} |" for name, doc in rows), ""]


def _within(noun: str, table: Mapping[str, Takes]) -> list[str]:
    """The structures that have members without effect, or some that are refused."""
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
