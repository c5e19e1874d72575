"""SQuAD's files, which are not part of the project: in the folder that SQUAD_DIR names, or the test is skipped."""

import os
from pathlib import Path

import pytest


def squad_file(name: str) -> Path:
    """dev-v1.1.json or train-44-articles.json."""
    folder = os.environ.get("SQUAD_DIR")
    if not folder:
        pytest.skip(f"SQUAD_DIR is not set: it names the folder with {name} (make test-slow SQUAD_DIR=…)")
    path = Path(folder) / name
    if not path.is_file():
        pytest.skip(f"there is no {path}: SQUAD_DIR names the folder with {name}")
    return path
