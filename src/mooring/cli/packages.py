"""Commands of other packages, found through the entry-point group `mooring.commands`.

An entry point has the command's name and refers to a click command. Reading the entry points of an environment takes
60 ms, so `moor --help` does not: it lists the commands in `KNOWN` whose package can be imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import click

from mooring.errors import UsageError

GROUP = "mooring.commands"


@dataclass(frozen=True, slots=True)
class Package:
    """Where a command comes from, known without reading the metadata of what is installed."""

    distribution: str
    module: str
    folder: str
    """In a checkout of Mooring."""
    help: str


KNOWN: Mapping[str, Package] = {
    "local": Package("mooring-local", "mooring_local", "local", "Run a local SageMaker emulator."),
}


def installed() -> dict[str, str]:
    """Name → help of the commands in `KNOWN` that are installed."""
    return {name: package.help for name, package in KNOWN.items() if find_spec(package.module) is not None}


def load(name: str) -> click.Command | None:
    """Import the command; None if no package has it. Raises UsageError if its package is known and not installed."""
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        command = point.load()
        return command if isinstance(command, click.Command) else None
    if name not in KNOWN:
        return None
    from mooring.installation import package_hint

    package = KNOWN[name]
    raise UsageError(
        f"moor {name} is part of {package.distribution}, which is not installed.", hint=package_hint(package.folder)
    )
