"""Arguments without effect come back from Describe; arguments that are not implemented are refused by name."""

from typing import Any

import pytest

from local.tests.control.test_tags_jobs_components import JOB, SPECIFICATION, job
from local.tests.support.local_control import ROLE, VARIANT, Local, refused, unique
from mooring_local.arguments.sagemaker import SAGEMAKER

pytestmark = pytest.mark.wire

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
MODEL: dict[str, Any] = {"ExecutionRoleArn": ROLE, "VpcConfig": VPC, "EnableNetworkIsolation": True}
CONTAINER: dict[str, Any] = {
    "ImageConfig": {"RepositoryAccessMode": "Platform"},
    "ContainerMetricsConfig": {"MetricsEndpoints": [{"MetricsEndpointPath": "/metrics"}]},
}
CONFIG: dict[str, Any] = {
    "ExecutionRoleArn": ROLE,
    "KmsKeyId": KEY,
    "VpcConfig": VPC,
    "EnableNetworkIsolation": True,
    "MetricsConfig": {"EnableEnhancedMetrics": True},
    "CrossRegionTrafficConfig": {"MaxCrossRegionPercentPerEndpoint": 10, "MaxInvocationsPerSecondPerInstance": 5},
}
OF_VARIANT: dict[str, Any] = {
    "InstanceType": "ml.m5.large",
    "AcceleratorType": "ml.eia1.medium",
    "VolumeSizeInGB": 10,
    "ModelDataDownloadTimeoutInSeconds": 60,
    "EnableSSMAccess": True,
    "RoutingConfig": {"RoutingStrategy": "RANDOM"},
    "InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-2",
    "CapacityReservationConfig": {"CapacityReservationPreference": "capacity-reservations-only"},
    "AcceleratorPartitionLayouts": [{"AcceleratorPartitionTypes": ["mig-1g.5gb"]}],
    "VariantInstanceProvisionTimeoutInSeconds": 600,
    "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2},
}
TRANSFORM: dict[str, Any] = {
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeKmsKeyId": KEY},
    "ExperimentConfig": {"ExperimentName": "e", "TrialName": "t"},
}
COMPONENT: dict[str, Any] = {
    "InstanceType": "ml.m5.large",
    "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 512, "NumberOfCpuCoresRequired": 1},
    "DataCacheConfig": {"EnableCaching": True},
    "SchedulingConfig": {"PlacementStrategy": "SPREAD"},
}
DEPLOYMENT: dict[str, Any] = {
    "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
}


@pytest.mark.parametrize(
    ("row", "samples"),
    [
        (SAGEMAKER.operations["CreateModel"], MODEL),
        (SAGEMAKER.structures["ContainerDefinition"], CONTAINER),
        (SAGEMAKER.operations["CreateEndpointConfig"], CONFIG),
        (SAGEMAKER.structures["ProductionVariant"], OF_VARIANT),
        (SAGEMAKER.operations["CreateTransformJob"], TRANSFORM),
        (SAGEMAKER.structures["InferenceComponentSpecification"], COMPONENT),
    ],
)
def test_every_argument_that_is_stored_is_tried_below(row: Any, samples: dict[str, Any]) -> None:
    """A member that becomes `kept` needs a value here."""
    assert row.kept == set(samples)


def test_a_model_gives_back_what_has_no_effect(local: Local) -> None:
    """And so does its container."""
    client, name = local.client("sagemaker"), unique("model")
    client.create_model(ModelName=name, PrimaryContainer={"Image": "mooring", **CONTAINER}, **MODEL)
    found = client.describe_model(ModelName=name)
    assert {member: found[member] for member in MODEL} == MODEL
    assert {member: found["PrimaryContainer"][member] for member in CONTAINER} == CONTAINER


def test_a_configuration_gives_back_what_has_no_effect(local: Local) -> None:
    """And so do its variants."""
    client = local.client("sagemaker")
    capture = {
        "EnableCapture": False,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://bucket/captured",
        "KmsKeyId": KEY,
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    variant = {**VARIANT, **OF_VARIANT, "InitialVariantWeight": 2.0}
    name = local.config(ProductionVariants=[variant], DataCaptureConfig=capture, **CONFIG)
    found = client.describe_endpoint_config(EndpointConfigName=name)
    assert {member: found[member] for member in CONFIG} == CONFIG
    assert found["ProductionVariants"] == [variant]
    assert found["DataCaptureConfig"] == capture


def test_a_job_gives_back_what_has_no_effect(local: Local) -> None:
    """Keys and instances."""
    output = {**JOB["TransformOutput"], "KmsKeyId": KEY}
    capture = {"DestinationS3Uri": "s3://b/c", "KmsKeyId": KEY, "GenerateInferenceId": False}
    name = job(local, TransformOutput=output, DataCaptureConfig=capture, **TRANSFORM)
    found = local.client("sagemaker").describe_transform_job(TransformJobName=name)
    assert found["DataCaptureConfig"] == capture
    assert {member: found[member] for member in TRANSFORM} == TRANSFORM
    assert found["TransformOutput"] == output


def test_a_component_and_a_deployment_give_back_what_has_no_effect(local: Local) -> None:
    """Where it is put, and how an update goes."""
    client, endpoint, name = local.client("sagemaker"), local.endpoint(), unique("component")
    specification = {"ModelName": local.model(), **COMPONENT}
    client.create_inference_component(
        InferenceComponentName=name, EndpointName=endpoint, Specification=specification, RuntimeConfig={"CopyCount": 1}
    )
    assert client.describe_inference_component(InferenceComponentName=name)["Specification"] == specification
    local.state.change("inference-component", name, {"InferenceComponentStatus": "InService"})
    rolling = {
        "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}
    }
    client.update_inference_component(
        InferenceComponentName=name, RuntimeConfig={"CopyCount": 2}, DeploymentConfig=rolling
    )
    assert client.describe_inference_component(InferenceComponentName=name)["LastDeploymentConfig"] == rolling
    other = unique("endpoint")
    client.create_endpoint(EndpointName=other, EndpointConfigName=local.config(), DeploymentConfig=DEPLOYMENT)
    assert client.describe_endpoint(EndpointName=other)["LastDeploymentConfig"] == DEPLOYMENT


S3_SOURCE = {"S3Uri": "s3://b/k", "S3DataType": "S3Object", "CompressionType": "Gzip"}
CLARIFY = {"ClarifyExplainerConfig": {"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "1"}}}}


@pytest.mark.parametrize(
    ("operation", "arguments", "path"),
    [
        ("create_model", {"PrimaryContainer": {"ModelPackageName": "p"}}, "PrimaryContainer.ModelPackageName"),
        (
            "create_model",
            {"Containers": [{"Image": "a"}, {"Image": "b", "InferenceSpecificationName": "i"}]},
            "Containers[1].InferenceSpecificationName",
        ),
        (
            "create_model",
            {"PrimaryContainer": {"ModelDataSource": {"S3DataSource": {**S3_SOURCE, "ManifestS3Uri": "s3://b/m"}}}},
            "PrimaryContainer.ModelDataSource.S3DataSource.ManifestS3Uri",
        ),
        ("create_endpoint_config", {"ExplainerConfig": CLARIFY}, "ExplainerConfig"),
        (
            "create_endpoint_config",
            {"ProductionVariants": [{**VARIANT, "CoreDumpConfig": {"DestinationS3Uri": "s3://b/c"}}]},
            "ProductionVariants[0].CoreDumpConfig",
        ),
        (
            "create_endpoint_config",
            {
                "ProductionVariants": [
                    {"VariantName": "v", "InstancePools": [{"InstanceType": "ml.m5.large", "Priority": 1}]}
                ]
            },
            "ProductionVariants[0].InstancePools",
        ),
        (
            "create_transform_job",
            {"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c", "GenerateInferenceId": True}},
            "DataCaptureConfig.GenerateInferenceId",
        ),
        (
            "create_transform_job",
            {
                "TransformInput": {
                    "DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://b/m"}}
                }
            },
            "TransformInput.DataSource.S3DataSource.S3DataType",
        ),
        (
            "create_inference_component",
            {"Specification": {**SPECIFICATION, "BaseInferenceComponentName": "base"}},
            "Specification.BaseInferenceComponentName",
        ),
        ("create_inference_component", {"Specifications": [{"InstanceType": "ml.m5.large"}]}, "Specifications"),
        ("update_inference_component", {"Specification": SPECIFICATION}, "Specification"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_implemented_is_refused_by_name(
    local: Local, operation: str, arguments: dict[str, Any], path: str
) -> None:
    """In ValidationException, with the path and the value; and nothing is created."""
    client = local.client("sagemaker")
    needed: dict[str, dict[str, Any]] = {
        "create_model": {"ModelName": unique("model")},
        "create_endpoint_config": {"EndpointConfigName": unique("config"), "ProductionVariants": [dict(VARIANT)]},
        "create_transform_job": {"TransformJobName": unique("job"), "ModelName": "m", **JOB},
        "create_inference_component": {"InferenceComponentName": unique("component"), "EndpointName": "e"},
        "update_inference_component": {"InferenceComponentName": "c"},
    }
    with refused("ValidationException", f"does not implement {path} of "):
        getattr(client, operation)(**{**needed[operation], **arguments})


def test_data_capture_is_not_retained(local: Local) -> None:
    """An update that would keep it is refused, unless it says that it is to be that of the new configuration."""
    client, endpoint = local.client("sagemaker"), local.endpoint()
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/c",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    update = {
        "EndpointName": endpoint,
        "EndpointConfigName": local.config(DataCaptureConfig=capture),
        "RetainAllVariantProperties": True,
    }
    with refused("ValidationException", "Add DataCaptureConfig to ExcludeRetainedVariantProperties"):
        client.update_endpoint(**update)
    excluded = [{"VariantPropertyType": "DataCaptureConfig"}]
    client.update_endpoint(**update, ExcludeRetainedVariantProperties=excluded)


def test_scaling_of_instances_is_for_components(local: Local) -> None:
    """As SageMaker says it."""
    variant = {**VARIANT, "ModelName": local.model(), "ManagedInstanceScaling": {"Status": "ENABLED"}}
    with refused("ValidationException", "ManagedInstanceScaling is only supported for inference component endpoints."):
        local.config(ProductionVariants=[variant])


def test_names_that_are_there_twice(local: Local) -> None:
    """In every list of named things; an update of weights changes none of them then."""
    client, endpoint = local.client("sagemaker"), local.endpoint()
    wishes = [{"VariantName": "AllTraffic", "DesiredWeight": weight} for weight in (2.0, 3.0)]
    with refused("ValidationException", 'The variant name "AllTraffic" was non-unique within the request.'):
        client.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wishes)
    found = client.describe_endpoint(EndpointName=endpoint)
    assert (found["EndpointStatus"], found["ProductionVariants"][0]["DesiredWeight"]) == ("InService", 1.0)
    channel = {"ChannelName": "c", "S3DataSource": S3_SOURCE}
    with refused("ValidationException", "Channel names must be unique; 'c' occurs more than once."):
        local.model(AdditionalModelDataSources=[channel, channel])
    with refused("ValidationException", "The key 'k' occurs more than once."):
        client.create_endpoint(
            EndpointName=unique("e"), EndpointConfigName=local.config(), Tags=[{"Key": "k", "Value": v} for v in "12"]
        )


@pytest.mark.parametrize("key", ["aws:mine", "AWS:mine"])
def test_tag_keys_that_are_reserved(local: Local, key: str) -> None:
    """When something is made, when it is tagged, and when tags are taken away."""
    client, name = local.client("sagemaker"), local.model()
    where, tags = client.describe_model(ModelName=name)["ModelArn"], [{"Key": key, "Value": "v"}]
    said = f"aws: prefixed tag key names are not allowed for external use. The key is '{key}'."
    with refused("ValidationException", said):
        client.add_tags(ResourceArn=where, Tags=tags)
    with refused("ValidationException", said):
        client.delete_tags(ResourceArn=where, TagKeys=[key])
    with refused("ValidationException", said):
        client.create_model(ModelName=unique("model"), PrimaryContainer={"Image": "mooring"}, Tags=tags)
    client.add_tags(ResourceArn=where, Tags=[{"Key": "aws", "Value": "v"}])


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-3", "aws")]
)
def test_arns_are_of_the_regions_partition(local: Local, region: str, partition: str) -> None:
    """Roles of that partition are taken, and a resource is found by its ARN."""
    client, name = local.client("sagemaker", region), unique("model")
    role = f"arn:{partition}:iam::123456789012:role/SageMakerLocal"
    made = client.create_model(ModelName=name, PrimaryContainer={"Image": "mooring"}, ExecutionRoleArn=role)
    assert made["ModelArn"] == f"arn:{partition}:sagemaker:{region}:123456789012:model/{name}"
    client.add_tags(ResourceArn=made["ModelArn"], Tags=[{"Key": "k", "Value": "v"}])
    assert client.list_tags(ResourceArn=made["ModelArn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    with refused("ValidationException", f'Could not find model "arn:{partition}:sagemaker:{region}'):
        client.describe_model(ModelName="nowhere")
    assert local.client("iam", region).get_role(RoleName="SageMakerLocal")["Role"]["Arn"] == role
    identity = local.client("sts", region).get_caller_identity()
    assert identity["Arn"].startswith(f"arn:{partition}:sts::")
