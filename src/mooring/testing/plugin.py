"""pytest fixtures: `pytest_plugins = ["mooring.testing.plugin"]` in a conftest.py at the root of the tests."""

from collections.abc import Iterator

import pytest

from mooring.testing.server import RunningServer, running_server


@pytest.fixture(scope="session")
def mooring_server() -> Iterator[RunningServer]:
    """A server with the embedded model, started on first use and shared by all tests."""
    with running_server() as server:
        yield server
