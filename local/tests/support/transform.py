"""A transform job over a few lines, of a model that is deployed."""

import json
from collections.abc import Iterable
from typing import Any

from mooring.deploy.session import Session


def lines_of_a_job(session: Session, name: str, endpoint: str, requests: Iterable[object]) -> list[Any]:
    """What the model behind `endpoint` answers to each request, in order. `name` is the job's."""
    sagemaker, s3, bucket = session.client("sagemaker"), session.client("s3"), session.default_bucket
    config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    lines = "".join(f"{json.dumps(request)}\n" for request in requests)
    s3.put_object(Bucket=bucket, Key=f"in/{name}/a.jsonl", Body=lines)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/{name}/"}}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=variant["ModelName"],
        TransformInput={"DataSource": source, "ContentType": "application/jsonlines", "SplitType": "Line"},
        TransformOutput={
            "S3OutputPath": f"s3://{bucket}/out/{name}",
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    body = s3.get_object(Bucket=bucket, Key=f"out/{name}/a.jsonl.out")["Body"].read()
    return [json.loads(line) for line in body.decode().splitlines()]
