"""Other kinds of inference with SageMaker's Python SDK 2: asynchronous, serverless, batch.

A program of its own, run with the SDK's environment.
"""

import json
import os
from typing import Any

from notes import ASKED, OFTEN, QUESTION, by_hand, did, wait
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import JSONDeserializer, StringDeserializer
from sagemaker.exceptions import AsyncInferenceModelError
from sagemaker.huggingface import HuggingFaceModel
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.serializers import JSONSerializer
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.session import Session

KNOWN: dict[str, Any] = {"image_uri": "mooring", "role": os.environ["SAGEMAKER_ROLE"]}
JSON_LINES = "application/jsonlines"


def main() -> None:
    """One after the other."""
    session = Session()
    asynchronous()
    serverless()
    batch(session)


def asynchronous() -> None:
    """Data in, an answer at an address; a refusal at another."""
    model = HuggingFaceModel(**KNOWN)
    config = AsyncInferenceConfig()
    predictor = model.deploy(1, "ml.m5.xlarge", endpoint_name="later", async_inference_config=config, wait=False)
    wait("later")
    predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
    # Of its two threads, one for the answer and one for a failure, the SDK lets the other one wait to its end.
    often = WaiterConfig(max_attempts=10, delay=1)
    answer = predictor.predict_async(ASKED)
    did("AsyncPredictor.predict_async", answer.get_result(often)["answer"])
    did("AsyncPredictor.predict", predictor.predict(ASKED, waiter_config=often)["answer"])
    # What lies there is words, and the SDK gives it to the predictor's deserializer.
    predictor.predictor.deserializer = StringDeserializer()
    try:
        predictor.predict_async({"inputs": {"question": ""}}).get_result(often)
    except AsyncInferenceModelError as error:
        did("AsyncInferenceModelError", str(error))
    predictor.delete_endpoint()


def serverless() -> None:
    """By memory, not by instances."""
    model = HuggingFaceModel(**KNOWN)
    config = ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=5)
    predictor = model.deploy(endpoint_name="less", serverless_inference_config=config, wait=False)
    wait("less")
    did("ServerlessInferenceConfig", predictor.predict(ASKED)["answer"])
    predictor.delete_endpoint()


def batch(session: Session) -> None:
    """Two lines; then its logs, as `wait=True` prints them, which looks for the first time after 10 s."""
    lines = "\n".join([json.dumps(QUESTION)] * 2)
    data = S3Uploader.upload_string_as_file_body(
        lines, f"s3://{session.default_bucket()}/batch/in/two.jsonl", sagemaker_session=session
    )
    model = HuggingFaceModel(**KNOWN)
    transformer = model.transformer(1, "ml.m5.xlarge", strategy="SingleRecord", assemble_with="Line", accept=JSON_LINES)
    transformer.transform(data, content_type=JSON_LINES, split_type="Line", wait=False)
    job = transformer.latest_transform_job.name
    by_hand("sagemaker").get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=job, WaiterConfig=OFTEN)
    session.logs_for_transform_job(job, wait=True, poll=1)
    (made,) = S3Downloader.list(transformer.output_path, sagemaker_session=session)
    text = S3Downloader.read_file(made, sagemaker_session=session)
    did("Transformer.transform", [json.loads(line)["answer"] for line in text.splitlines()])
    transformer.delete_model()
    did("Transformer.delete_model", by_hand("sagemaker").list_models(NameContains=transformer.model_name)["Models"])


if __name__ == "__main__":
    main()
