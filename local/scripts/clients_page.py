"""Generate local/docs/reference/clients.md: what works with which client, and what each client installs.

Reads .work/clients.json, written by `make test-sdk`, and the environments next to it.

python local/scripts/clients_page.py
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".work"
PAGE = ROOT / "local" / "docs" / "reference" / "clients.md"
NOTES = WORK / "clients.json"
COLUMNS = ("boto3", "SageMaker SDK 2", "SageMaker SDK 3", "AWS CLI")
LOCAL_MODE = "SageMaker SDK 2, local mode"
INSTALLS = {
    "mooring": "`.[aws]`, this checkout",
    "sdk2": "`sagemaker[local]<3`",
    "sdk3": "`sagemaker>=3`",
    "awscli": "`awscli`",
}
BUNDLED = ("pip", "setuptools")
"""Present in every environment."""

HEAD = """\
# Clients of the local SageMaker
<!-- Written by `make test-sdk`, from the tests of local/tests/fidelity/ that passed; do not change it by hand. -->

Released, unmodified clients, each in its own environment, with only the variables of `moor local env`. A guard in their
processes blocks all addresses outside this machine, and a test fails if a client uses one. Nothing was compared with
a real AWS account.

| client | version |
| --- | --- |
"""
WORKS = """\
## What works

Each of these was tested with a program in [tests/fidelity/clients](../../tests/fidelity/clients) or on the command
line, and gave the right result.
"""
FAILS = """\
## What fails

| client | what | error |
| --- | --- | --- |
"""
WHY = """\
The stream fails in the SDK itself, with any server. The model builder without model data fails with the same error on
AWS (sagemaker-python-sdk issue 5588). A component needs an endpoint in service: use `wait=True`, or call `deploy` again
once it is. The SDK looks up a model name in JumpStart's bucket on AWS before it deploys anything. Calls to STS at a
fixed address are listed in [the guide](../guide.md).
"""
OPERATIONS = """\
## Operations

✓: this client called the operation successfully in a passing test. An empty field means that it was not called, not
that it fails. boto3 calls every implemented operation, with all paginators and waiters, and the test fails if one is
missing. S3's bucket settings, which it calls too, are not listed.
"""
PULLS = """\
## What an install pulls

In an empty Python {python} environment, not counting pip. None installs PyTorch, TensorFlow or CUDA. Mooring
includes a server, its engine and a model; the others are clients.

| `pip install` | packages | MB on disk | largest |
| --- | ---: | ---: | --- |
"""


@dataclass(frozen=True, slots=True)
class Install:
    """One environment."""

    packages: int
    megabytes: float
    largest: Sequence[tuple[str, float]]


def main() -> None:
    """Write the page."""
    if not NOTES.exists():
        sys.exit(f"{NOTES} not found. Run make test-sdk first.")
    notes = json.loads(NOTES.read_text(encoding="utf-8"))
    if lacking := [name for name in COLUMNS if name not in notes]:
        sys.exit(f"{NOTES} has no results for {', '.join(lacking)}. Run all tests with make test-sdk.")
    PAGE.write_text(page(notes), encoding="utf-8")
    print(PAGE.relative_to(ROOT))


def page(notes: Mapping[str, Any]) -> str:
    """The whole page."""
    versions = [f"| {name} | {notes[name]['version']} |" for name in COLUMNS]
    fails = [
        f"| {name} | `{what}` | {plain(words)} |"
        for name in COLUMNS
        for what, words in sorted(notes[name]["cannot"].items())
    ]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    parts = [
        HEAD + "\n".join(versions),
        WORKS + "\n" + "\n".join(works(notes)),
        FAILS + "\n".join(fails) + "\n\n" + WHY.rstrip(),
        PULLS.format(python=python) + "\n".join(install_row(label, WORK / name) for name, label in INSTALLS.items()),
        OPERATIONS + "\n" + "\n".join(operations(notes)),
    ]
    return "\n\n".join(parts) + "\n"


def works(notes: Mapping[str, Any]) -> list[str]:
    """One row per client."""
    rows = ["| client | done |", "| --- | --- |"]
    for name in (*COLUMNS[1:], LOCAL_MODE):
        did = sorted(notes[name]["did"]) if name in notes else []
        shown = ", ".join(f"`{what}`" for what in did) or "not run: no container engine"
        rows.append(f"| {name} | {shown} |")
    return rows


def plain(words: str) -> str:
    """The text for a table cell, without values that change between runs."""
    return re.sub(r"[0-9a-f]{32}", "…", words).replace("|", "\\|")


def operations(notes: Mapping[str, Any]) -> list[str]:
    """One table per service."""
    asked = {name: set(notes[name]["operations"]) for name in COLUMNS}
    by_service: dict[str, list[str]] = {}
    for one in sorted(asked["boto3"]):
        service, _, operation = one.partition(".")
        if service != "s3" or not is_setting(operation):
            by_service.setdefault(service, []).append(operation)
    lines: list[str] = []
    for service, names in by_service.items():
        lines += [f"### `{service}`", "", f"| operation | {' | '.join(COLUMNS)} |", "| --- |" + " :-: |" * len(COLUMNS)]
        for name in names:
            marks = ["✓" if f"{service}.{name}" in asked[column] else "" for column in COLUMNS]
            lines.append(f"| `{name}` | {' | '.join(marks)} |")
        lines.append("")
    return lines[:-1]


def is_setting(operation: str) -> bool:
    """Whether it is a bucket setting other than its location."""
    of_bucket = operation.startswith("GetBucket") and operation != "GetBucketLocation"
    return of_bucket or operation in ("GetPublicAccessBlock", "GetObjectLockConfiguration")


def install_row(label: str, folder: Path) -> str:
    """One row of the table of installs."""
    install = measured(folder)
    largest = ", ".join(f"{name} {size:.0f}" for name, size in install.largest)
    return f"| {label} | {install.packages} | {install.megabytes:.0f} | {largest} |"


def measured(folder: Path) -> Install:
    """The packages of an environment: their number, and the size of their recorded files."""
    (site,) = folder.glob("lib/python*/site-packages")
    sizes: dict[str, float] = {}
    for record in site.glob("*.dist-info/RECORD"):
        name = record.parent.name.partition("-")[0]
        if name not in BUNDLED:
            paths = [site / line.rsplit(",", 2)[0].strip('"') for line in record.read_text().splitlines()]
            sizes[name] = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:3]
    return Install(len(sizes), sum(sizes.values()), largest)


if __name__ == "__main__":
    main()
