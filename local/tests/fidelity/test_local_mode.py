"""The SDK's own local mode with our image: no local SageMaker of ours is in it, only the container."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.tests.fidelity.book import Book
from local.tests.fidelity.environments import Place, version
from local.tests.fidelity.tap import Tap
from mooring_local.surroundings import variables, write_sdk_configuration
from tests.support.engine import IMAGE, engine, needed

pytestmark = [pytest.mark.container, pytest.mark.sdk]


@pytest.fixture
def image() -> str:
    """One that is there; the test builds none."""
    needed()
    if shutil.which("docker-compose") is None:
        pytest.skip("the SDK's local mode needs docker-compose (Debian: apt-get install docker-compose)")
    for name in (IMAGE, "mooring"):
        if engine("images", "-q", name).strip():
            return name
    pytest.skip(f"there is no image {IMAGE} or mooring here: make image")


@pytest.fixture
def compose() -> Iterator[None]:
    """The SDK leaves its stopped containers and its network."""
    before = containers()
    yield
    for left in containers() - before:
        engine("rm", "-f", left)
    engine("network", "rm", "sagemaker-local", check=False)


def containers() -> set[str]:
    """On the SDK's network."""
    return set(engine("ps", "-aq", "--filter", "network=sagemaker-local").split())


@pytest.mark.usefixtures("compose")
def test_it_deploys_our_image(image: str, archive: Path, tmp_path: Path, book: Book) -> None:
    """The SDK unpacks the model, starts the container, waits for /ping and asks; afterwards nothing runs."""
    for name in ("model", "root"):
        (tmp_path / name).mkdir()
    shutil.copy(archive, tmp_path / "model")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    # Nobody listens at that address: local mode asks nothing of SageMaker.
    surroundings = variables("http://127.0.0.1:9", "us-east-1", write_sdk_configuration(tmp_path, "us-east-1"))
    place = Place("sdk2", tmp_path, surroundings)
    ran = place.program("sdk2_local_mode", image, tmp_path / "model", tmp_path / "root", str(port))
    assert ran.did == {"LocalSession, Model.deploy": "Lisbon", "Predictor.delete_endpoint": "ended"}
    assert ran.refused == ()
    assert not engine("ps", "-q", "--filter", "network=sagemaker-local").split()
    book.passed(("SageMaker SDK 2, local mode", version("sdk2", "sagemaker")), Tap(), ran.did)
