"""Clients in environments of their own: where those are, and how a program is run in one.

`scripts/environments.py` makes them. A program sees the variables of the local server and nothing of this process's
environment, and cannot reach anything but this machine: guard/sitecustomize.py.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.environments import environment

FOLDER = Path(__file__).resolve().parent
PATIENCE_S = 150.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program of `clients/` has said."""

    did: Mapping[str, Any]
    """What was done → what was seen of it."""
    cannot: Mapping[str, str]
    """What failed → its words."""
    output: str
    refused: tuple[str, ...]
    """Addresses off this machine that it would have gone to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program runs: its environment, a folder of its own, and the server's variables."""

    name: str
    folder: Path
    variables: Mapping[str, str]

    def run(self, *command: str | Path, fails: bool = False) -> Ran:
        """Run a command to its end. It has to end with 0, or, if it `fails`, with anything else."""
        bin_folder = environment(self.name) / "bin"
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        refusals = self.folder / "refused"
        variables = {
            "PATH": f"{bin_folder}:/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(self.folder),
            "PYTHONPATH": str(FOLDER / "guard"),
            "GUARD_LOG": str(refusals),
            "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
            **self.variables,
        }
        first, *rest = (str(word) for word in command)
        done = subprocess.run(
            [str(bin_folder / first), *rest],
            env=variables,
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(('{"did"', '{"cannot"'))]
        return Ran(
            did={line["did"]: line["saw"] for line in lines if "did" in line},
            cannot={line["cannot"]: line["because"] for line in lines if "cannot" in line},
            output=done.stdout,
            refused=tuple(refusals.read_text().splitlines()) if refusals.exists() else (),
        )

    def program(self, name: str, *arguments: str | Path) -> Ran:
        """One of `clients/`."""
        return self.run("python", "-W", "ignore", FOLDER / "clients" / f"{name}.py", *arguments)


def version(name: str, package: str) -> str:
    """Of a package in an environment."""
    (found,) = (environment(name) / "lib").glob(f"python3*/site-packages/{package}-*.dist-info")
    return found.name.removesuffix(".dist-info").rpartition("-")[2]
