"""SageMaker's Python SDK 3, its ModelBuilder: real-time, serverless, asynchronous, batch, components.

A program of its own, run with the SDK's environment. Its argument: a model.tar.gz.
"""

import json
import logging
import os
import sys
import tempfile
from typing import Any

from botocore.exceptions import ClientError
from notes import ASKED, cannot, did, there
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.inference_config import AsyncInferenceConfig, ResourceRequirements, ServerlessInferenceConfig
from sagemaker.core.resources import Endpoint, InferenceComponent, TransformJob
from sagemaker.serve import ModelBuilder
from sagemaker.serve.batch_inference.batch_transform_inference_config import BatchTransformInferenceConfig

logging.disable(logging.WARNING)
KNOWN: dict[str, Any] = {
    "role_arn": os.environ["SAGEMAKER_ROLE"],
    "instance_type": "ml.m5.large",
    "model_path": tempfile.mkdtemp(),  # else below /tmp, where it stays
}
BODY: dict[str, Any] = {"body": json.dumps(ASKED), "content_type": "application/json"}
OFTEN = {"poll": 1, "timeout": 60}


def main() -> None:
    """One kind of inference after the other."""
    session = Session()
    bucket = session.default_bucket()
    data = session.upload_data(sys.argv[1], key_prefix="three")
    asked = session.upload_string_as_file_body(json.dumps(ASKED), bucket, "in/asked.json")
    did("Session.upload_data", data)

    def built(name: str, **more: Any) -> ModelBuilder:
        given = {"image_uri": "mooring", **KNOWN}
        builder = ModelBuilder(sagemaker_session=session, s3_model_data_url=data, **given, **more)
        builder.build(model_name=name)
        return builder

    endpoint = ready(built("plain").deploy(endpoint_name="plain", wait=False))
    did("ModelBuilder.deploy", json.loads(endpoint.invoke(**BODY).body.read())["answer"])
    endpoint.delete()

    config = ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=2)
    endpoint = ready(built("less").deploy(endpoint_name="less", inference_config=config, wait=False))
    did("ServerlessInferenceConfig", json.loads(endpoint.invoke(**BODY).body.read())["answer"])
    endpoint.delete()

    config = AsyncInferenceConfig(output_path=f"s3://{bucket}/out", failure_path=f"s3://{bucket}/failed")
    endpoint = ready(built("later").deploy(endpoint_name="later", inference_config=config, wait=False))
    accepted = endpoint.invoke_async(input_location=asked, content_type="application/json")
    did("AsyncInferenceConfig, Endpoint.invoke_async", json.loads(there(accepted.output_location))["answer"])
    endpoint.delete()

    config = BatchTransformInferenceConfig(
        instance_count=1, instance_type="ml.m5.large", output_path=f"s3://{bucket}/batch"
    )
    transformer = built("batch").deploy(inference_config=config)
    transformer.transform(asked, content_type="application/json", wait=False)
    (job,) = TransformJob.get_all()
    job.wait(poll=1)
    did("Transformer.transform", json.loads(there(f"s3://{bucket}/batch/asked.json.out"))["answer"])

    components(built("parts"))
    refused(session)


def components(builder: ModelBuilder) -> None:
    """A model as a component of an endpoint, which has to be in service before."""
    needs = ResourceRequirements(requests={"num_cpus": 1, "memory": 512, "copies": 1})
    builder.inference_component_name = "part"

    def deploy() -> Endpoint:
        return builder.deploy(endpoint_name="parts", inference_config=needs, wait=False)

    # The first call makes the endpoint and asks for the component at once, which the endpoint may be too young for.
    try:
        endpoint = deploy()
    except ClientError as error:
        if "is not InService" not in str(error):
            raise
        ready(Endpoint.get("parts"))
        endpoint = deploy()
    component = InferenceComponent.get("part")
    component.wait_for_status("InService", **OFTEN)
    answer = endpoint.invoke(**BODY, inference_component_name="part")
    did("ResourceRequirements, as a component", json.loads(answer.body.read())["answer"])


def refused(session: Session) -> None:
    """What fails, and where."""
    given = {"image_uri": "mooring", "sagemaker_session": session, **KNOWN}
    cannot("ModelBuilder(image_uri=) without model data", lambda: ModelBuilder(**given).build(model_name="bare"))
    named = {"sagemaker_session": session, **KNOWN}
    cannot(
        'ModelBuilder(model="org/name")',
        lambda: ModelBuilder(model="distilbert/distilbert-base-cased-distilled-squad", **named).build(),
    )


def ready(endpoint: Endpoint) -> Endpoint:
    """The SDK's own waiting looks every 30 s."""
    endpoint.wait_for_status("InService", **OFTEN)
    return endpoint


if __name__ == "__main__":
    main()
