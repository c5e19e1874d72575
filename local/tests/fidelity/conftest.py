"""A local SageMaker with a tap on it, model data to deploy, and the book of what passed."""

import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import mooring
import mooring_local
from local.tests.fidelity.book import Book
from local.tests.fidelity.environments import Place
from local.tests.fidelity.tap import Tap, Tapped
from mooring_local import server
from mooring_local.app import Doors, LocalApp
from mooring_local.started import Started
from mooring_local.wire.service import Service
from tests.support.environments import WORK

BOOK = Book()
EMBEDDED = Path(mooring.__file__).parent / "_embedded" / "minilm-squad"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tests of nothing but some of these write what they have: `make test-sdk` runs all, then makes the page."""
    if BOOK.clients:
        BOOK.write(WORK / "clients.json")


@pytest.fixture
def book() -> Book:
    """One for all tests."""
    return BOOK


@pytest.fixture
def tap() -> Tap:
    """What the server of this test is asked."""
    return Tap()


@pytest.fixture
def local(tmp_path: Path, tap: Tap, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """A new one, as `moor local` starts it, with its statuses' usual pace."""

    def tapped(services: Mapping[str, Service], doors: Doors, hosts: frozenset[str] | None) -> Any:
        tap.services = services
        return Tapped(LocalApp(services, doors, hosts), tap)

    monkeypatch.setattr(server, "LocalApp", tapped)
    with mooring_local.start(tmp_path / "data") as one:
        yield one


@pytest.fixture
def place(tmp_path: Path, local: Started) -> Callable[[str], Place]:
    """By the name of an environment."""
    return lambda name: Place(name, tmp_path, local.environment())


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model as a model.tar.gz."""
    path = tmp_path_factory.mktemp("archive") / "model.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        tar.add(EMBEDDED, ".")
    return path
