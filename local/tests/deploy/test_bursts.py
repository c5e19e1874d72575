"""Twenty requests at once through every path of a deployment: none is refused, because nobody would send it again."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.tests.support.transform import lines_of_a_job
from mooring.cli import run
from mooring.client import Client
from mooring.deploy import Predictor
from mooring.deploy.session import Session
from mooring.errors import ClientError
from mooring.testing import running_server
from tests.support.tiny_models import write_tiny_distilbert

pytestmark = pytest.mark.wire
AT_ONCE = 20
SIZE: dict[str, Any] = {"dim": 128, "hidden_dim": 256, "n_layers": 4, "n_heads": 8, "max_position_embeddings": 2048}
"""A text of 2,000 tokens takes some 0.2 s with one thread: attention is quadratic. The weights stay small."""


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that computes long for its size."""
    return write_tiny_distilbert(tmp_path_factory.mktemp("heavy") / "model", head="sequence", **SIZE)


def texts() -> list[str]:
    """All different, so that none shares the computation of another."""
    return [" ".join([str(number % 10), *["the river"] * 990]) for number in range(AT_ONCE)]


def test_a_server_on_its_own_refuses_some_of_them(heavy: Path) -> None:
    """So the other test can fail: they wait for longer than the default of a second."""

    def ask(url: str, text: str) -> int:
        with Client(url) as client:
            try:
                client.ask(text)
            except ClientError as error:
                return error.status
        return 200

    with running_server(str(heavy), "--threads", "1") as server, ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda text: ask(server.url, text), texts()))
    assert {200, 429} == set(found)


def test_a_deployment_answers_all_of_them(heavy: Path, local_url: str, session: Session) -> None:
    """At a real-time endpoint, at an asynchronous one, and in a transform job."""
    place = ("--endpoint-url", local_url)
    deploy = ["deploy", str(heavy), "--env", "MOORING_THREADS=1", *place]
    assert run([*deploy, "--name", "burst"]) == 0
    assert run([*deploy, "--name", "burst-async", "--async"]) == 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = list(
            pool.map(
                lambda text: session.client("sagemaker-runtime").invoke_endpoint(
                    EndpointName="burst", ContentType="application/json", Body=json.dumps({"inputs": text})
                )["ResponseMetadata"]["HTTPStatusCode"],
                texts(),
            )
        )
    assert answered == [200] * AT_ONCE
    predictor = Predictor("burst-async", session)
    pending = [predictor.predict_async({"inputs": text}) for text in texts()]
    assert [len(one.result()) for one in pending] == [1] * AT_ONCE
    lines = lines_of_a_job(session, "burst", "burst", ({"inputs": text} for text in texts()))
    assert ["label" in line for line in lines] == [True] * AT_ONCE
    for name in ("burst", "burst-async"):
        assert run(["destroy", name, *place]) == 0
