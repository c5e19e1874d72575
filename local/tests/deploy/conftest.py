"""A local SageMaker for the tests that deploy, and surroundings with nothing of AWS in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mooring.deploy.session import Place, Session
from mooring.model.source import EMBEDDED_FOLDER
from mooring_local.server import LocalSageMaker, Options
from tests.deploy.conftest import no_account as no_account


@pytest.fixture(scope="session")
def local_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that waits for nothing."""
    with LocalSageMaker(Options(tmp_path_factory.mktemp("local"), port=0, time_scale=0)) as url:
        yield url


@pytest.fixture
def session(local_url: str) -> Session:
    """Clients of it."""
    return Session(Place(endpoint_url=local_url))


@pytest.fixture(scope="session")
def artefact() -> Path:
    """The embedded model: an int8 artefact of `moor build`."""
    return EMBEDDED_FOLDER
