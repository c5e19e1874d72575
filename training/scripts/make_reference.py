"""Generate training/docs/cli.md: the help of `moor distil`.

`--check` lists stale pages and exits 1.

python -m training.scripts.make_reference [--check]
"""

import sys
from pathlib import Path

import click
from scripts.make_reference import help_of, write

from mooring.cli.group import moor
from mooring_training.cli import command

FOLDER = Path(__file__).resolve().parents[1] / "docs"
NOTICE = "<!-- Written by training/scripts/make_reference.py; change the code instead, then run `make reference`. -->"


def cli_page() -> str:
    """The help of `moor distil` and its subcommands, as printed."""
    parent = click.Context(moor, info_name="moor")
    return "\n".join(["# Command line", NOTICE, "", *help_of("distil", command, parent)])


if __name__ == "__main__":
    sys.exit(write(FOLDER, {"cli.md": cli_page}, check="--check" in sys.argv[1:]))
