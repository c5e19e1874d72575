"""Tags, transform jobs and inference components over the wire, by boto3."""

from contextlib import suppress
from typing import Any

import pytest

from local.tests.support.local_control import REGION, VARIANT, Local, arn, refused, unique

pytestmark = pytest.mark.wire
JOB: dict[str, Any] = {
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket-of-jobs/in"}},
        "ContentType": "application/jsonlines",
        "SplitType": "Line",
    },
    "TransformOutput": {
        "S3OutputPath": "s3://bucket-of-jobs/out",
        "Accept": "application/jsonlines",
        "AssembleWith": "Line",
    },
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}
SPECIFICATION: dict[str, Any] = {"ComputeResourceRequirements": {"MinMemoryRequiredInMb": 512}}


def job(local: Local, **members: Any) -> str:
    """The name of a new one, with an object to read."""
    name = unique("job")
    s3 = local.client("s3")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="bucket-of-jobs", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="bucket-of-jobs", Key="in/questions.jsonl", Body=b"{}")
    local.client("sagemaker").create_transform_job(
        **{"TransformJobName": name, "ModelName": local.model(), **JOB, **members}
    )
    return name


def test_tags_come_and_go(local: Local) -> None:
    """Those of CreateEndpoint, others over them, pages of fifty, and none when the endpoint is gone."""
    client, config, name = local.client("sagemaker"), local.config(), unique("endpoint")
    one = client.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=[{"Key": "a", "Value": "1"}])
    where = one["EndpointArn"]
    client.add_tags(ResourceArn=where, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    assert client.list_tags(ResourceArn=where)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
    client.delete_tags(ResourceArn=where, TagKeys=["b", "never"])
    client.add_tags(ResourceArn=where, Tags=[{"Key": f"k{n:02d}", "Value": "v"} for n in range(49)])
    pages = client.get_paginator("list_tags").paginate(ResourceArn=where)
    assert len([tag for page in pages for tag in page["Tags"]]) == 50
    with refused("ValidationException", "exceeds the limit of 50"):
        client.add_tags(ResourceArn=where, Tags=[{"Key": "more", "Value": "v"}])
    with refused("ValidationException", "Could not find endpoint"):
        client.list_tags(ResourceArn=arn("endpoint", "nowhere"))
    with refused("ValidationException", "Could not find resource"):
        client.add_tags(ResourceArn=arn("training-job", "x"), Tags=[])


@pytest.mark.parametrize("kind", ["model", "endpoint-config", "transform-job"])
def test_everything_that_is_made_can_be_tagged(local: Local, kind: str) -> None:
    """By the ARN that Create answers."""
    client = local.client("sagemaker")
    made = {"model": local.model, "endpoint-config": local.config, "transform-job": lambda: job(local)}[kind]()
    client.add_tags(ResourceArn=arn(kind, made), Tags=[{"Key": "k", "Value": "v"}])
    assert client.list_tags(ResourceArn=arn(kind, made))["Tags"] == [{"Key": "k", "Value": "v"}]


def test_a_job_is_started_described_and_stopped(local: Local) -> None:
    """The request comes back with its status; one that stops is not stopped again."""
    client, name = local.client("sagemaker"), job(local, MaxPayloadInMB=2, BatchStrategy="MultiRecord")
    found = client.describe_transform_job(TransformJobName=name)
    assert (found["TransformJobStatus"], found["MaxPayloadInMB"]) == ("InProgress", 2)
    assert {member: found[member] for member in ("TransformInput", "TransformOutput")} == {
        "TransformInput": JOB["TransformInput"],
        "TransformOutput": JOB["TransformOutput"],
    }
    client.stop_transform_job(TransformJobName=name)
    client.stop_transform_job(TransformJobName=name)
    assert client.describe_transform_job(TransformJobName=name)["TransformJobStatus"] == "Stopping"
    assert [order for order in local.orders.given if order[1] == name] == [("start", name), ("stop", name)]
    local.state.change("transform-job", name, {"TransformJobStatus": "Stopped"})
    client.get_waiter("transform_job_completed_or_stopped").wait(
        TransformJobName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 1}
    )
    with refused("ValidationException", "in status Stopped"):
        client.stop_transform_job(TransformJobName=name)


def test_jobs_that_cannot_be_are_refused(local: Local) -> None:
    """Contract 3.2: duplicate and missing job; and what the batch service does not combine."""
    client, name = local.client("sagemaker"), job(local)
    with refused("ResourceInUse", arn("transform-job", name)):
        job(local, TransformJobName=name)
    for call in (client.describe_transform_job, client.stop_transform_job):
        with refused("ValidationException", "Could not find requested job with name: nowhere"):
            call(TransformJobName="nowhere")
    with refused("ValidationException", f'Could not find model "{arn("model", "none")}".'):
        job(local, ModelName="none")
    with refused("ValidationException", "must not exceed 100 MB"):
        job(local, MaxConcurrentTransforms=10, MaxPayloadInMB=11)
    with refused("ValidationException", "needs a SplitType"):
        job(local, BatchStrategy="MultiRecord", TransformInput={**JOB["TransformInput"], "SplitType": "None"})
    for kind in ("S3Prefix", "ManifestFile"):
        source = {"S3DataSource": {"S3DataType": kind, "S3Uri": "s3://bucket-of-jobs/nothing/"}}
        with refused("ValidationException", 'No S3 objects found under S3 URL "s3://bucket-of-jobs/nothing/"'):
            job(local, TransformInput={**JOB["TransformInput"], "DataSource": source})
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://no-such-bucket/in"}}
    with refused("ValidationException", "No S3 objects found"):
        job(local, TransformInput={**JOB["TransformInput"], "DataSource": source})
    with refused("ValidationException", "ContentType must be equal to Accept"):
        output = {**JOB["TransformOutput"], "Accept": "text/csv"}
        job(local, DataProcessing={"JoinSource": "Input"}, TransformOutput=output)


def test_a_component_is_put_onto_an_endpoint(local: Local) -> None:
    """Created on one in service; resized; in the endpoint's way until it is deleted."""
    client, endpoint, model, name = local.client("sagemaker"), local.endpoint(), local.model(), unique("component")
    given = {"EndpointName": endpoint, "VariantName": "AllTraffic", "RuntimeConfig": {"CopyCount": 1}}
    specification = {**SPECIFICATION, "ModelName": model}
    made = client.create_inference_component(InferenceComponentName=name, Specification=specification, **given)
    assert made["InferenceComponentArn"] == arn("inference-component", name)
    assert ("create_component", name) in local.orders.given
    found = client.describe_inference_component(InferenceComponentName=name)
    assert (found["InferenceComponentStatus"], found["Specification"]) == ("Creating", specification)
    with refused("ValidationException", "Cannot update in-progress inference component"):
        client.delete_inference_component(InferenceComponentName=name)
    local.state.change("inference-component", name, {"InferenceComponentStatus": "InService"})
    client.update_inference_component_runtime_config(InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": 2})
    client.update_inference_component(InferenceComponentName=name, RuntimeConfig={"CopyCount": 3})
    found = client.describe_inference_component(InferenceComponentName=name)
    assert found["RuntimeConfig"] == {"DesiredCopyCount": 3, "CurrentCopyCount": 3}
    with refused("ValidationException", name):
        client.delete_endpoint(EndpointName=endpoint)
    client.delete_inference_component(InferenceComponentName=name)
    assert ("delete_component", name) in local.orders.given


def test_components_that_cannot_be_are_refused(local: Local) -> None:
    """No endpoint in service, no variant, no model, no resources."""
    client, endpoint = local.client("sagemaker"), local.endpoint()

    def create(specification: dict[str, Any], endpoint: str = endpoint, variant: str = "AllTraffic") -> None:
        client.create_inference_component(
            InferenceComponentName=unique("component"),
            EndpointName=endpoint,
            VariantName=variant,
            Specification=specification,
            RuntimeConfig={"CopyCount": 1},
        )

    good = {**SPECIFICATION, "ModelName": local.model()}
    with refused("ValidationException", "is not InService: it is Creating"):
        create(good, local.endpoint("Creating"))
    with refused("ValidationException", 'Could not find production variant "other"'):
        create(good, variant="other")
    own = local.endpoint(
        ProductionVariants=[{"VariantName": "AllTraffic", "DeployedImages": [{"SpecifiedImage": "m"}]}]
    )
    with refused("ValidationException", "has a model of its own"):
        create(good, own)
    with refused("ValidationException", "Either ModelName or Container"):
        create(SPECIFICATION)
    with refused("ValidationException", "ComputeResourceRequirements must be specified"):
        create({"ModelName": good["ModelName"]})
    with refused("ValidationException", "Could not find inference component"):
        client.describe_inference_component(InferenceComponentName="nowhere")


def test_a_configuration_without_models_is_for_components(local: Local) -> None:
    """With a role in the models' place."""
    role = "arn:aws:iam::123456789012:role/SageMakerLocal"
    local.config(ProductionVariants=[dict(VARIANT)], ExecutionRoleArn=role)
