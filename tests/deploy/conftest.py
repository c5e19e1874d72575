"""A local SageMaker for the tests that deploy for real, and surroundings with nothing of AWS in them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mooring.deploy.session import Place, Session


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither the user's configuration nor a machine's role is found."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOORING_"))]:
        monkeypatch.delenv(name)
    empty = tmp_path_factory.getbasetemp() / "no-aws"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(empty / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(empty / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def local_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that waits for nothing."""
    # Here and not above: the fast tests need none of it.
    from mooring.local.server import LocalSageMaker, Options

    with LocalSageMaker(Options(tmp_path_factory.mktemp("local"), port=0, time_scale=0)) as url:
        yield url


@pytest.fixture
def session(local_url: str) -> Session:
    """Clients of it."""
    return Session(Place(endpoint_url=local_url))


@pytest.fixture(scope="session")
def artefact() -> Path:
    """The embedded model: an int8 artefact of `moor build`."""
    from mooring.model.source import EMBEDDED_FOLDER

    return EMBEDDED_FOLDER
