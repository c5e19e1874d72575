"""Every test of this folder logs into a string and leaves the interpreter's modules and path as they were."""

import sys
from collections.abc import Iterator

import pytest

from tests.support.captured_log import log as log


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    """Users' modules are all called inference."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.split(".")[0] in ("inference", "handler", "sagemaker_inference", "mms", "mate") or "toolkit" in name:
            del sys.modules[name]
