"""What a notebook does with SageMaker's Python SDK 2: deploy, ask, change, delete. Nothing of it knows Mooring.

A program of its own, run with the SDK's environment: see environments.py.
"""

import json
import os
from typing import Any

import boto3
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.huggingface import HuggingFaceModel
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, JSONSerializer

ASKED = {"question": "Where does Amina live?", "context": "My name is Amina and I live in Lisbon."}
PATIENCE = {"Delay": 1, "MaxAttempts": 60}
VERSIONS = {"transformers_version": "4.51.3", "pytorch_version": "2.6.0", "py_version": "py312"}
SAGEMAKER = boto3.client("sagemaker")


def did(what: str, saw: Any) -> None:
    """A line for the test."""
    print(json.dumps({"did": what, "saw": saw}), flush=True)


def wait(name: str, for_what: str = "endpoint_in_service") -> None:
    """The SDK's own waiting sleeps for 30 s before it looks for the first time."""
    SAGEMAKER.get_waiter(for_what).wait(EndpointName=name, WaiterConfig=PATIENCE)


def main() -> None:
    """The stock image by its versions, no model named: the embedded one answers."""
    model = HuggingFaceModel(role=os.environ["SAGEMAKER_ROLE"], **VERSIONS)
    predictor = model.deploy(1, "ml.m5.xlarge", endpoint_name="sdk2", wait=False)
    wait("sdk2")
    did("HuggingFaceModel.deploy", model.endpoint_name)

    did("Predictor.predict, JSON", predictor.predict({"inputs": ASKED})["answer"])
    table = Predictor("sdk2", serializer=CSVSerializer(), deserializer=CSVDeserializer())
    rows = table.predict(f"question,context\n{ASKED['question']},{ASKED['context']}")
    did("Predictor.predict, CSV", rows)
    plain = Predictor("sdk2", serializer=JSONSerializer(), deserializer=JSONDeserializer())
    did("Predictor.predict, TargetVariant", plain.predict({"inputs": ASKED}, target_variant="AllTraffic")["answer"])
    did("Predictor.predict_stream", b"".join(streamed(plain)).decode())

    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.c5.large", wait=False)
    wait("sdk2")
    (variant,) = SAGEMAKER.describe_endpoint(EndpointName="sdk2")["ProductionVariants"]
    did("Predictor.update_endpoint", variant["CurrentInstanceCount"])
    did("after update_endpoint", predictor.predict({"inputs": ASKED})["answer"])

    predictor.delete_model()
    predictor.delete_endpoint()
    wait("sdk2", "endpoint_deleted")
    did("Predictor.delete_endpoint", SAGEMAKER.list_endpoints(NameContains="sdk2")["Endpoints"])
    did("Predictor.delete_model", SAGEMAKER.list_models()["Models"])


def streamed(predictor: Predictor) -> list[bytes]:
    """All parts of a streamed answer."""
    return [bytes(part) for part in predictor.predict_stream({"inputs": ASKED})]


if __name__ == "__main__":
    main()
