"""Environments that other people's packages are installed in, made by `scripts/environments.py`."""

from pathlib import Path

import pytest

WORK = Path(__file__).resolve().parents[2] / ".work"


def environment(name: str) -> Path:
    """Its folder; without it the test is skipped with what to do."""
    folder = WORK / name
    if not (folder / "made").exists():
        pytest.skip(f"there is no {folder}: scripts/environments.py makes it (make test-sdk)")
    return folder
