"""SageMaker's Python SDK 2, unchanged, in an environment of its own, against the local SageMaker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.tests.fidelity.book import Book
from local.tests.fidelity.environments import Place, version
from local.tests.fidelity.tap import Tap

pytestmark = pytest.mark.sdk
LONG = ("Predictor.predict, CSV", "Predictor.predict_stream")
Places = Callable[[str], Place]


def client() -> tuple[str, str]:
    """For the book."""
    return "SageMaker SDK 2", version("sdk2", "sagemaker")


def test_from_deploying_to_deleting(place: Places, book: Book, tap: Tap) -> None:
    """The stock image's versions, JSON and CSV, a stream, an update; nothing is left, and nobody else was asked."""
    ran = place("sdk2").program("sdk2_deploy")
    names, (*_, answer) = ran.did["Predictor.predict, CSV"]
    assert (names, answer) == (["score", "start", "end", "answer"], "Lisbon")
    assert '"answer":"Lisbon"' in ran.did["Predictor.predict_stream"]
    assert {name: saw for name, saw in ran.did.items() if name not in LONG} == {
        "HuggingFaceModel.deploy": "sdk2",
        "Predictor.predict, JSON": "Lisbon",
        "Predictor.predict, TargetVariant": "Lisbon",
        "Predictor.update_endpoint": 2,
        "Predictor.predict, after an update": "Lisbon",
        "Predictor.delete_endpoint": [],
        "Predictor.delete_model": [],
    }
    assert ran.refused == ()
    book.passed(client(), tap, ran.did)


def test_model_data_and_code_of_the_users(place: Places, archive: Path, book: Book, tap: Tap) -> None:
    """Archives up and down, a model of the user's, an entry point that the SDK packs, two models behind an endpoint."""
    ran = place("sdk2").program("sdk2_data", archive)
    assert ran.did == {
        "Session.default_bucket": "sagemaker-us-east-1-123456789012",
        "S3Uploader.upload": True,
        "S3Downloader.download": True,
        "HuggingFaceModel(model_data=s3://)": "Lisbon",
        "HuggingFaceModel(entry_point=)": {"shouted": "LISBON"},
        "MultiDataModel.list_models": ["first.tar.gz", "second.tar.gz"],
        "MultiDataModel.deploy, predict(target_model=)": ["Lisbon", "Lisbon"],
    }
    assert ran.refused == ()
    book.passed(client(), tap, ran.did)


def test_asynchronous_serverless_and_batch(place: Places, book: Book, tap: Tap) -> None:
    """An answer at an address, a refusal at another, a serverless endpoint, a job with its logs."""
    ran = place("sdk2").program("sdk2_kinds")
    failed = ran.did["AsyncInferenceModelError"]
    assert ran.did == {
        "AsyncPredictor.predict_async": "Lisbon",
        "AsyncPredictor.predict": "Lisbon",
        "AsyncInferenceModelError": failed,
        "ServerlessInferenceConfig": "Lisbon",
        "Transformer.transform": ["Lisbon", "Lisbon"],
        "Transformer.delete_model": [],
    }
    assert "Received client error (400) from primary" in failed
    assert "MaxConcurrentTransforms=" in ran.output, "the job's logs were printed"
    assert ran.refused == ()
    book.passed(client(), tap, ran.did)
