"""SageMaker's Python SDK 3, unchanged, in an environment of its own, against the local SageMaker.

What fails is asserted with its words: when a release mends it, a test says so, and the page changes.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.tests.fidelity.book import Book
from local.tests.fidelity.environments import Place, version
from local.tests.fidelity.tap import Tap

pytestmark = pytest.mark.sdk
Places = Callable[[str], Place]


def client() -> tuple[str, str]:
    """For the book."""
    return "SageMaker SDK 3", version("sdk3", "sagemaker")


def test_resources(place: Places, book: Book, tap: Tap) -> None:
    """A model, a configuration, an endpoint, tags, weights and components as objects; their end."""
    ran = place("sdk3").program("sdk3_resources")
    assert ran.did == {
        "Model.create": "mooring",
        "Endpoint.create, wait_for_status": "InService",
        "Endpoint.invoke": "Lisbon",
        "get_all": [["three"], ["three"], ["three"]],
        "Tag.get_all": [["team", "quay"]],
        "Endpoint.update_weights_and_capacities": 2.0,
        "Endpoint.update": "InService",
        "Endpoint.delete, wait_for_delete": [],
        "InferenceComponent.create, Endpoint.invoke": "Lisbon",
        "InferenceComponent.delete": [],
        "Model.delete": [],
    }
    # The SDK takes the stream of events for a dictionary, wherever it comes from.
    assert ran.cannot == {
        "Endpoint.invoke_with_response_stream": "AttributeError: 'EventStream' object has no attribute 'get'"
    }
    assert ran.refused == ()
    book.passed(client(), tap, ran.did, ran.cannot)


def test_model_builder(place: Places, archive: Path, book: Book, tap: Tap) -> None:
    """Every kind of inference that it deploys; what it cannot do."""
    ran = place("sdk3").program("sdk3_builder", archive)
    assert ran.did == {
        "Session.upload_data": "s3://sagemaker-us-east-1-123456789012/three/model.tar.gz",
        "ModelBuilder.deploy": "Lisbon",
        "ServerlessInferenceConfig": "Lisbon",
        "AsyncInferenceConfig, Endpoint.invoke_async": "Lisbon",
        "Transformer.transform": "Lisbon",
        "ResourceRequirements, as a component": "Lisbon",
    }
    bare, by_name = ran.cannot.values()
    # The SDK names data that it has not uploaded; the real platform refuses it in the same words
    # (github.com/aws/sagemaker-python-sdk/issues/5588).
    assert "Could not find model data at s3://" in bare
    # The SDK looks for JumpStart's bucket, which is AWS's own.
    assert "(NoSuchBucket) when calling the GetObject operation" in by_name
    assert ran.refused == ()
    book.passed(client(), tap, ran.did, ran.cannot)
