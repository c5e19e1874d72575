"""Models over the wire, by boto3."""

from typing import Any

import pytest

from local.tests.support.local_control import ROLE, Local, arn, refused, unique

pytestmark = pytest.mark.wire
BROKEN = "failed to satisfy constraint:"
MUST = f"{BROKEN} Member must"
PATTERN = f"{MUST} satisfy regular expression pattern: "
ENUM = f"{MUST} satisfy enum value set: "


def test_a_model_is_described_as_it_was_given(local: Local) -> None:
    """Every member comes back, with the ARN and the time; tags do not."""
    client, name = local.client("sagemaker"), unique("Model")
    container = {"Image": "mooring:1", "Environment": {"HF_TASK": "question-answering"}, "ContainerHostname": "qa"}
    made = client.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["ModelArn"] == arn("model", name)
    found = client.describe_model(ModelName=name)
    assert found["PrimaryContainer"] == {**container, "Mode": "SingleModel"}
    assert (found["ExecutionRoleArn"], found["EnableNetworkIsolation"]) == (ROLE, False)
    assert found["CreationTime"].timestamp() > 1_600_000_000
    assert "Tags" not in found
    client.delete_model(ModelName=name)
    with refused("ValidationException", f'Could not find model "{arn("model", name)}".'):
        client.describe_model(ModelName=name)


def test_a_name_is_taken_once(local: Local) -> None:
    """Contract 3.2: duplicate."""
    name = local.model()
    with refused("ValidationException", f'Cannot create already existing model "{arn("model", name)}".'):
        local.client("sagemaker").create_model(ModelName=name, PrimaryContainer={"Image": "mooring"})


@pytest.mark.parametrize("operation", ["describe_model", "delete_model"])
def test_a_model_that_is_not_there_is_not_found(local: Local, operation: str) -> None:
    """Contract 3.2: missing model."""
    with refused("ValidationException", f'Could not find model "{arn("model", "nowhere")}".'):
        getattr(local.client("sagemaker"), operation)(ModelName="nowhere")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"PrimaryContainer": {"Image": "mooring"}, "Containers": [{"Image": "mooring"}]}, "Exactly one of"),
        ({}, "Exactly one of"),
        ({"PrimaryContainer": {}}, "Image must be specified"),
        (
            {"PrimaryContainer": {"ModelPackageName": "mine"}},
            "does not implement PrimaryContainer.ModelPackageName of CreateModel with the value 'mine'",
        ),
        (
            {"PrimaryContainer": {"Image": "mooring", "ModelDataUrl": "s3://no/such.tar.gz"}},
            "Could not find model data at s3://no/such.tar.gz.",
        ),
        (
            {"Containers": [{"Image": "a", "ContainerHostname": "x"}, {"Image": "b", "ContainerHostname": "x"}]},
            "must be unique",
        ),
        (
            {"Containers": [{"Image": "a"}, {"Image": "b"}], "InferenceExecutionConfig": {"Mode": "Direct"}},
            "ContainerHostname is required",
        ),
        ({"PrimaryContainer": {"Image": "a", "Environment": {f"K{n}": "v" * 1000 for n in range(40)}}}, "32768 bytes"),
    ],
)
def test_a_model_that_cannot_be_is_refused(local: Local, members: dict[str, Any], said: str) -> None:
    """What the shapes of the request allow and the platform does not."""
    with refused("ValidationException", said):
        local.client("sagemaker").create_model(ModelName=unique("model"), **members)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"ModelName": "a_b"},
            f"1 validation error detected: Value 'a_b' at 'modelName' {PATTERN}",
        ),
        (
            {"ModelName": "a" * 64},
            f"at 'modelName' {MUST} have length less than or equal to 63",
        ),
        (
            {"PrimaryContainer": {"Image": "a", "Mode": "Both"}},
            f"Value 'Both' at 'primaryContainer.mode' {ENUM}[SingleModel, MultiModel]",
        ),
        (
            {"PrimaryContainer": {"Image": "a", "ModelDataUrl": "ftp://x/y"}},
            f"Value 'ftp://x/y' at 'primaryContainer.modelDataUrl' {PATTERN}",
        ),
        (
            {"PrimaryContainer": {"Image": "a", "Environment": {"a b": "c"}}},
            f"Value '{{a b=c}}' at 'primaryContainer.environment' {BROKEN} Map keys must satisfy constraint: [",
        ),
        (
            {"Tags": [{"Key": "k" * 129, "Value": ""}]},
            f"at 'tags.1.member.key' {MUST} have length less than or equal to 128",
        ),
        (
            {"ModelName": "-", "ExecutionRoleArn": "x" * 20},
            "2 validation errors detected: Value '-' at 'modelName' failed",
        ),
    ],
)
def test_constraints_are_the_service_models(local: Local, members: dict[str, Any], said: str) -> None:
    """Contract 3.1: botocore sends these; the service refuses them in its own words."""
    given = {"ModelName": unique("model"), "PrimaryContainer": {"Image": "mooring"}, **members}
    with refused("ValidationException", said):
        local.client("sagemaker").create_model(**given)


def test_required_members_are_asked_for(local: Local) -> None:
    """botocore's own check is off here, as in other SDKs."""
    client = local.client("sagemaker", parameter_validation=False)
    said = (
        "1 validation error detected: Value null at 'modelName' failed to satisfy constraint: Member must not be null"
    )
    with refused("ValidationException", said):
        client.create_model(PrimaryContainer={"Image": "mooring"})
    with refused("SerializationException", "A number can not be converted to string."):
        client.create_model(ModelName="m", PrimaryContainer={"Image": 7})


def test_model_data_may_lie_in_s3_or_in_a_folder_here(local: Local) -> None:
    """An object that is there, a prefix of a multi-model endpoint, and file://, which the real one has not."""
    s3, bucket = local.client("s3", region="us-east-1"), unique("models")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=b"any")
    local.model(ModelDataUrl=f"s3://{bucket}/model.tar.gz")
    local.model(ModelDataUrl=f"s3://{bucket}/many/", Mode="MultiModel")
    local.model(ModelDataUrl="file:///tmp/model")
    s3.put_object(Bucket=bucket, Key="raw/config.json", Body=b"{}")
    local.model(ModelDataSource={"S3DataSource": prefix(f"s3://{bucket}/raw/")})


def test_a_prefix_of_model_data_has_objects(local: Local) -> None:
    """Or it is refused when the model is created, as the real one does, not when an endpoint starts."""
    s3, bucket = local.client("s3", region="us-east-1"), unique("models")
    s3.create_bucket(Bucket=bucket)
    for uri in (f"s3://{bucket}/raw/", "s3://no-such-bucket/raw/"):
        with refused("ValidationException", f"Could not find model data at {uri}."):
            local.model(ModelDataSource={"S3DataSource": prefix(uri)})


def prefix(uri: str) -> dict[str, str]:
    """Files as they are."""
    return {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}


def test_names_are_found_in_every_region_and_arns_carry_their_own(local: Local) -> None:
    """There is one account and one store; the ARN says where the model was made."""
    name = local.model()
    found = local.client("sagemaker", region="us-west-2").describe_model(ModelName=name)
    assert found["ModelArn"] == arn("model", name)
