"""Endpoint configurations and endpoints over the wire, by boto3: records, refusals, and orders to the fleet."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local.tests.support.local_control import VARIANT, Local, arn, refused, unique

pytestmark = pytest.mark.wire
BROKEN = "failed to satisfy constraint:"
MUST = f"{BROKEN} Member must"
PATTERN = f"{MUST} satisfy regular expression pattern: "
ENUM = f"{MUST} satisfy enum value set: "
SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
QUICK = {"Delay": 0, "MaxAttempts": 3}


def test_a_configuration_is_described_as_it_was_given(local: Local) -> None:
    """With the default weight."""
    client, name = local.client("sagemaker"), unique("config")
    variant = {**VARIANT, "ModelName": local.model(), "ContainerStartupHealthCheckTimeoutInSeconds": 60}
    made = client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    assert made["EndpointConfigArn"] == arn("endpoint-config", name)
    found = client.describe_endpoint_config(EndpointConfigName=name)
    assert found["ProductionVariants"] == [{**variant, "InitialVariantWeight": 1.0}]
    client.delete_endpoint_config(EndpointConfigName=name)
    with refused("ValidationException", f'Could not find endpoint configuration "{arn("endpoint-config", name)}".'):
        client.delete_endpoint_config(EndpointConfigName=name)


def test_duplicates_are_refused(local: Local) -> None:
    """Contract 3.2: duplicate, of configurations and endpoints."""
    client, config, endpoint = local.client("sagemaker"), local.config(), local.endpoint()
    variants = [{**VARIANT, "ModelName": local.model()}]
    said = f'Cannot create already existing endpoint configuration "{arn("endpoint-config", config)}".'
    with refused("ValidationException", said):
        client.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)
    with refused("ValidationException", f'Cannot create already existing endpoint "{arn("endpoint", endpoint)}".'):
        client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)


def test_what_is_missing_is_not_found(local: Local) -> None:
    """Contract 3.2: missing endpoint, configuration, model."""
    client, config = local.client("sagemaker"), local.config()
    nowhere = f'Could not find endpoint "{arn("endpoint", "nowhere")}".'
    with refused("ValidationException", nowhere):
        client.describe_endpoint(EndpointName="nowhere")
    with refused("ValidationException", nowhere):
        client.delete_endpoint(EndpointName="nowhere")
    with refused("ValidationException", nowhere):
        client.update_endpoint(EndpointName="nowhere", EndpointConfigName=config)
    with refused("ValidationException", f'Could not find endpoint configuration "{arn("endpoint-config", "none")}".'):
        client.create_endpoint(EndpointName=unique("endpoint"), EndpointConfigName="none")
    with refused("ValidationException", f'Could not find model "{arn("model", "none")}".'):
        variants = [{**VARIANT, "ModelName": "none"}]
        client.create_endpoint_config(EndpointConfigName=unique("config"), ProductionVariants=variants)


NO_INSTANCE = {"InstanceType": None, "InitialInstanceCount": None}
"""None: left out."""
MANY_CALLS = {"OutputConfig": {}, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 5000}}


@pytest.mark.parametrize(
    ("variants", "members", "said"),
    [
        ([{}, {}], {}, "Variant names must be unique"),
        ([{"InstanceType": None}], {}, "Either InstanceType or ServerlessConfig"),
        ([{"InitialInstanceCount": None}], {}, "InitialInstanceCount must be specified"),
        ([{"ModelName": None}], {}, "ModelName is required"),
        ([{"ServerlessConfig": SERVERLESS}], {}, "cannot both be specified"),
        ([{**NO_INSTANCE, "ServerlessConfig": {**SERVERLESS, "MemorySizeInMB": 1500}}], {}, "1 GB increments"),
        ([{**NO_INSTANCE, "ServerlessConfig": {**SERVERLESS, "MemorySizeInMB": 7168}}], {}, "than or equal to 6144"),
        ([{"InstanceType": "ml.none"}], {}, f"Value 'ml.none' at 'productionVariants.1.member.instanceType' {ENUM}"),
        ([{"ModelName": "a_b"}], {}, f"Value 'a_b' at 'productionVariants.1.member.modelName' {PATTERN}"),
        ([{"VariantName": f"v{n}"} for n in range(11)], {}, f"at 'productionVariants' {MUST} have length less than"),
        (
            [{}],
            {"AsyncInferenceConfig": MANY_CALLS},
            f"at 'asyncInferenceConfig.clientConfig.maxConcurrentInvocationsPerInstance' {MUST} have value less than",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    local: Local, variants: list[dict[str, Any]], members: dict[str, Any], said: str
) -> None:
    """By its shape or by what the platform demands beyond it."""
    whole = [{**VARIANT, "ModelName": local.model(), **one} for one in variants]
    given = [{name: value for name, value in one.items() if value is not None} for one in whole]
    with refused("ValidationException", said):
        local.client("sagemaker").create_endpoint_config(
            EndpointConfigName=unique("config"), ProductionVariants=given, **members
        )


def test_an_endpoint_begins_creating_and_the_fleet_is_told(local: Local) -> None:
    """And Describe has the members that the API promises."""
    client, config, name = local.client("sagemaker"), local.config(), unique("endpoint")
    made = client.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=[])
    assert made["EndpointArn"] == arn("endpoint", name)
    found = client.describe_endpoint(EndpointName=name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Creating", config)
    assert found["CreationTime"] == found["LastModifiedTime"]
    assert ("create", name) in local.orders.given


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_nothing_can_be_asked_of_an_endpoint_in_progress(local: Local, status: str) -> None:
    """Contract 3.2: update and delete while in progress."""
    client, name, config = local.client("sagemaker"), local.endpoint(status), local.config()
    said = f'Cannot update in-progress endpoint "{arn("endpoint", name)}".'
    with refused("ValidationException", said):
        client.update_endpoint(EndpointName=name, EndpointConfigName=config)
    with refused("ValidationException", said):
        client.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 2.0}]
        )
    with refused("ValidationException", said):
        client.delete_endpoint(EndpointName=name)


def test_a_failed_endpoint_can_only_be_deleted(local: Local) -> None:
    """Contract 3.3."""
    client, name, config = local.client("sagemaker"), local.endpoint("Failed", FailureReason="Because."), local.config()
    assert client.describe_endpoint(EndpointName=name)["FailureReason"] == "Because."
    with refused("ValidationException", "in status Failed"):
        client.update_endpoint(EndpointName=name, EndpointConfigName=config)
    client.delete_endpoint(EndpointName=name)
    assert client.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Deleting"
    assert ("delete", name) in local.orders.given


def test_an_update_is_ordered(local: Local) -> None:
    """Status Updating at once, the old configuration's name until it is done."""
    client, name, config = local.client("sagemaker"), local.endpoint(), local.config()
    made = client.update_endpoint(EndpointName=name, EndpointConfigName=config, RetainAllVariantProperties=True)
    assert made["EndpointArn"] == arn("endpoint", name)
    assert client.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating"
    assert ("update", name, config, True) in local.orders.given


@pytest.mark.parametrize(
    ("excluded", "retains"),
    [([], True), (["DataCaptureConfig"], True), (["DesiredWeight", "DesiredInstanceCount"], False)],
)
def test_an_update_retains_what_is_not_excluded(local: Local, excluded: list[str], retains: bool) -> None:
    """Weights and counts together: the fleet knows no other way, and says so."""
    client, name, config = local.client("sagemaker"), local.endpoint(), local.config()
    given = {"EndpointName": name, "EndpointConfigName": config, "RetainAllVariantProperties": True}
    with refused("ValidationException", "together: exclude both or neither"):
        client.update_endpoint(**given, ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}])
    assert client.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    client.update_endpoint(**given, ExcludeRetainedVariantProperties=[{"VariantPropertyType": one} for one in excluded])
    assert ("update", name, config, retains) in local.orders.given


def test_weights_and_counts_are_wished_for(local: Local) -> None:
    """Of variants that are there."""
    client, name = local.client("sagemaker"), local.endpoint()
    with refused("ValidationException", 'The variant name(s) "other" is/are not present within endpoint configuration'):
        client.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "other", "DesiredWeight": 2.0}]
        )
    wish = {"VariantName": "AllTraffic", "DesiredWeight": 0.5, "DesiredInstanceCount": 3}
    client.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[wish])
    found = client.describe_endpoint(EndpointName=name)
    variant = found["ProductionVariants"][0]
    assert (found["EndpointStatus"], variant["CurrentWeight"], variant["DesiredWeight"]) == ("Updating", 1.0, 0.5)
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 3)
    assert ("reweigh", name) in local.orders.given


def test_nothing_is_weighed_while_an_endpoint_is_out_of_service(local: Local) -> None:
    """The fleet has nothing to weigh: it would be Updating for ever, and could not be deleted."""
    client, name = local.client("sagemaker"), local.endpoint("OutOfService")
    with refused("ValidationException", "in status OutOfService"):
        client.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 2.0}]
        )
    assert client.describe_endpoint(EndpointName=name)["EndpointStatus"] == "OutOfService"
    client.update_endpoint(EndpointName=name, EndpointConfigName=local.config())


def test_what_runs_decides_and_not_a_configuration_that_is_gone(local: Local) -> None:
    """Real-time stays real-time, also when its configuration was deleted."""
    client, name = local.client("sagemaker"), local.endpoint()
    client.delete_endpoint_config(EndpointConfigName=client.describe_endpoint(EndpointName=name)["EndpointConfigName"])
    variant = {"VariantName": "v", "ServerlessConfig": SERVERLESS, "ModelName": local.model()}
    with refused("ValidationException", "from a real-time to a serverless"):
        client.update_endpoint(EndpointName=name, EndpointConfigName=local.config(ProductionVariants=[variant]))


def test_of_several_that_create_one_name_one_does(local: Local) -> None:
    """The others are told that it exists; the fleet is told once."""
    client, config, name = local.client("sagemaker"), local.config(), unique("endpoint")

    def create(_: int) -> str:
        try:
            return str(client.create_endpoint(EndpointName=name, EndpointConfigName=config)["EndpointArn"])
        except ClientError as error:
            return str(error.response["Error"]["Message"])

    with ThreadPoolExecutor(6) as pool:
        said = sorted(pool.map(create, range(6)))
    assert said == [f'Cannot create already existing endpoint "{arn("endpoint", name)}".'] * 5 + [arn("endpoint", name)]
    assert local.orders.given.count(("create", name)) == 1


def test_what_the_platform_does_not_combine_is_refused_when_the_endpoint_is_made(local: Local) -> None:
    """Contract 3.2: config not possible; and serverless does not follow real-time."""
    client = local.client("sagemaker")
    variant = {"VariantName": "v", "ServerlessConfig": SERVERLESS}
    bucket = unique("many")
    many = local.model(ModelDataUrl=f"s3://{bucket}/models/", Mode="MultiModel")
    impossible = local.config(ProductionVariants=[{**variant, "ModelName": many}])
    said = "One or more endpoint features are not supported using this configuration"
    with refused("ValidationException", said):
        client.create_endpoint(EndpointName=unique("endpoint"), EndpointConfigName=impossible)
    apart = unique("model")
    client.create_model(ModelName=apart, PrimaryContainer={"Image": "mooring"}, EnableNetworkIsolation=True)
    with refused("ValidationException", said):
        client.create_endpoint(
            EndpointName=unique("endpoint"),
            EndpointConfigName=local.config(ProductionVariants=[{**variant, "ModelName": apart}]),
        )
    serverless = local.config(ProductionVariants=[{**variant, "ModelName": local.model()}])
    with refused("ValidationException", "from a real-time to a serverless"):
        client.update_endpoint(EndpointName=local.endpoint(), EndpointConfigName=serverless)


def test_the_waiters_see_service_failure_and_the_end(local: Local) -> None:
    """EndpointInService and EndpointDeleted of boto3."""
    client, name = local.client("sagemaker"), local.endpoint()
    client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=QUICK)
    local.state.change("endpoint", name, {"EndpointStatus": "Failed"})
    with pytest.raises(WaiterError, match="terminal failure"):
        client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=QUICK)
    local.state.delete("endpoint", name)
    client.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=QUICK)
