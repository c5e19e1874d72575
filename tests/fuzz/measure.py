"""Replay each corpus; measure branch coverage and the share of accepted inputs: `python -m tests.fuzz.measure`."""

import fnmatch
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import coverage

from tests.fuzz.corpora import CORPORA
from tests.fuzz.harnesses import HARNESSES

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "mooring"


@dataclass(frozen=True)
class Measured:
    """What one corpus reaches."""

    inputs: int
    accepted: int
    branches: int
    covered: int
    missing: tuple[str, ...]
    """"file:line->line" of branches that are not reached; a negative number leaves the function."""

    @property
    def coverage(self) -> float:
        """Share of the branches, from 0 to 1."""
        return self.covered / self.branches

    @property
    def acceptance(self) -> float:
        """Share of the inputs, from 0 to 1."""
        return self.accepted / self.inputs


def measured(name: str) -> Measured:
    """Replay the corpus of a harness. Raises what the harness does not expect."""
    harness = HARNESSES[name]
    inputs = list(CORPORA[name]())
    harness.accepts(inputs[0])  # imports and fixtures
    files = [str(SOURCE / file) for file in harness.covers]
    watch = coverage.Coverage(data_file=None, branch=True, include=files, config_file=False)
    watch.start()
    try:
        accepted = sum(harness.accepts(data) for data in inputs)
    finally:
        watch.stop()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        watch.json_report(outfile=str(report))
        found = json.loads(report.read_text())["files"]
    branches = covered = 0
    missing: list[str] = []
    for file, parts in harness.covers.items():
        functions = next(value for key, value in found.items() if key.endswith(f"mooring/{file}"))["functions"]
        own = {key: value for key, value in functions.items() if any(fnmatch.fnmatch(key, part) for part in parts)}
        own.pop("", None)  # module level, run by the import
        assert own, f"{file} has none of {parts}"
        for value in own.values():
            branches += value["summary"]["num_branches"]
            covered += value["summary"]["covered_branches"]
            missing += [f"{file}:{start}->{end}" for start, end in value["missing_branches"]]
    return Measured(len(inputs), accepted, branches, covered, tuple(missing))


def main() -> None:
    """Print a table, and the branches that are missing."""
    print(f"{'harness':14}{'inputs':>8}{'accepted':>10}{'branches':>10}{'covered':>9}")
    for name in HARNESSES:
        found = measured(name)
        print(f"{name:14}{found.inputs:8}{found.acceptance:10.0%}{found.branches:10}{found.coverage:9.1%}")
        print("   ", " ".join(found.missing))


if __name__ == "__main__":
    main()
