"""Write local/docs/reference/clients.md: what passed with which client, and what installing each of them pulls.

Reads what the tests of `make test-sdk` have noted in .work/clients.json, and the environments beside it.

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
"""Every environment has them."""

HEAD = """\
# Clients of the local SageMaker
<!-- Written by `make test-sdk`, from the tests of local/tests/fidelity/ that passed; do not change it by hand. -->

Clients as they are released, each in an environment of its own, unchanged, with the variables of `moor local env` and
nothing else of the caller's. A guard in their processes refuses every address that is not this machine's, and a test
fails if one was asked for. No AWS account is in this: that the real platform answers alike is not shown here.

| client | version |
| --- | --- |
"""
WORKS = """\
## What people do

Each of these was done by a program in [tests/fidelity/clients](../../tests/fidelity/clients), or by the command line,
and what it saw was right.
"""
FAILS = """\
## What fails

| client | what | its words |
| --- | --- | --- |
"""
WHY = """\
The stream fails in the SDK itself, with any server. The model builder without model data fails on AWS in the same words
(sagemaker-python-sdk issue 5588). A component is put on an endpoint that is in service: with `wait=True`, or a second
`deploy` once it is, the SDK does. A model by its name is looked up in JumpStart's bucket, which is AWS's own, before
anything is deployed. What asks STS at a fixed address is listed in [the guide](../guide.md).
"""
OPERATIONS = """\
## Operations

✓: a request for it came from this client in a test that passed, and was answered. An empty field says that no such
request came, not that it fails. boto3 calls every operation that there is, with all its paginators and waiters, and the
test fails if one is left out; S3's settings of buckets, which it calls too, are left out here.
"""
PULLS = """\
## What an install pulls

In an empty environment of Python {python}, without pip itself. None brings PyTorch, TensorFlow or CUDA. Mooring's
has a server, its engine and a model in it; the others are clients.

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
        sys.exit(f"{NOTES} is not there: make test-sdk")
    notes = json.loads(NOTES.read_text(encoding="utf-8"))
    if lacking := [name for name in COLUMNS if name not in notes]:
        sys.exit(f"{NOTES} has nothing of {', '.join(lacking)}: run all of the tests, with make test-sdk.")
    PAGE.write_text(page(notes), encoding="utf-8")
    print(PAGE.relative_to(ROOT))


def page(notes: Mapping[str, Any]) -> str:
    """All of it."""
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
    """A row of each client's own names."""
    rows = ["| client | done |", "| --- | --- |"]
    for name in (*COLUMNS[1:], LOCAL_MODE):
        did = sorted(notes[name]["did"]) if name in notes else []
        shown = ", ".join(f"`{what}`" for what in did) or "not run: there was no container engine"
        rows.append(f"| {name} | {shown} |")
    return rows


def plain(words: str) -> str:
    """For a cell, and the same at each run."""
    return re.sub(r"[0-9a-f]{32}", "…", words).replace("|", "\\|")


def operations(notes: Mapping[str, Any]) -> list[str]:
    """A table of each service."""
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
    """Of a bucket's, but for where it lies."""
    of_bucket = operation.startswith("GetBucket") and operation != "GetBucketLocation"
    return of_bucket or operation in ("GetPublicAccessBlock", "GetObjectLockConfiguration")


def install_row(label: str, folder: Path) -> str:
    """A row of the table of installs."""
    install = measured(folder)
    largest = ", ".join(f"{name} {size:.0f}" for name, size in install.largest)
    return f"| {label} | {install.packages} | {install.megabytes:.0f} | {largest} |"


def measured(folder: Path) -> Install:
    """An environment's packages: how many, and the bytes of the files that each has recorded as its own."""
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
