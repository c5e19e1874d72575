"""What a notebook does with SageMaker's Python SDK 2: deploy, ask, change, delete. Nothing of it knows Mooring.

A program of its own, run with the SDK's environment: see environments.py.
"""

import os

from notes import ASKED, QUESTION, by_hand, did, wait
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.huggingface import HuggingFaceModel
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer, JSONSerializer

VERSIONS = {"transformers_version": "4.51.3", "pytorch_version": "2.6.0", "py_version": "py312"}


def main() -> None:
    """The stock image by its versions, no model named: the embedded one answers."""
    model = HuggingFaceModel(role=os.environ["SAGEMAKER_ROLE"], **VERSIONS)
    predictor = model.deploy(1, "ml.m5.xlarge", endpoint_name="sdk2", wait=False)
    wait("sdk2")
    did("HuggingFaceModel.deploy", model.endpoint_name)

    did("Predictor.predict, JSON", predictor.predict(ASKED)["answer"])
    table = Predictor("sdk2", serializer=CSVSerializer(), deserializer=CSVDeserializer())
    rows = table.predict(f"question,context\n{QUESTION['question']},{QUESTION['context']}")
    did("Predictor.predict, CSV", rows)
    plain = Predictor("sdk2", serializer=JSONSerializer(), deserializer=JSONDeserializer())
    did("Predictor.predict, TargetVariant", plain.predict(ASKED, target_variant="AllTraffic")["answer"])
    did("Predictor.predict_stream", b"".join(streamed(plain)).decode())

    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.c5.large", wait=False)
    wait("sdk2")
    (variant,) = by_hand("sagemaker").describe_endpoint(EndpointName="sdk2")["ProductionVariants"]
    did("Predictor.update_endpoint", variant["CurrentInstanceCount"])
    did("Predictor.predict, after an update", predictor.predict(ASKED)["answer"])

    predictor.delete_model()
    predictor.delete_endpoint()
    wait("sdk2", "endpoint_deleted")
    did("Predictor.delete_endpoint", by_hand("sagemaker").list_endpoints(NameContains="sdk2")["Endpoints"])
    did("Predictor.delete_model", by_hand("sagemaker").list_models()["Models"])


def streamed(predictor: Predictor) -> list[bytes]:
    """All parts of a streamed answer."""
    return [bytes(part) for part in predictor.predict_stream(ASKED)]


if __name__ == "__main__":
    main()
