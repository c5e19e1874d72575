"""The image is built once, from this checkout."""

import os
from pathlib import Path

import pytest

from tests.support.engine import build, needed


@pytest.fixture(scope="session", autouse=True)
def image() -> None:
    """MOORING_IMAGE names one that is there already."""
    needed()
    if "MOORING_IMAGE" not in os.environ:
        build(Path(__file__).resolve().parents[2])
