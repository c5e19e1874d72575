"""boto3, every implemented operation of SageMaker and its runtime, once; called by test_boto3.py, which counts them."""

import json
from typing import Any

from local.tests.fidelity.boto3_clients import Clients

QUESTION = {"question": "Where does Amina live?", "context": "My name is Amina and I live in Lisbon."}
ASKED = json.dumps({"inputs": QUESTION}).encode()
VARIANT = {"VariantName": "AllTraffic", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
SPACE: dict[str, Any] = {"ServiceNamespace": "sagemaker"}


def endpoints(clients: Clients) -> None:
    """A model, a configuration, an endpoint `qa`; asked, streamed, changed, tagged."""
    sagemaker, runtime = clients.of("sagemaker"), clients.of("sagemaker-runtime")
    sagemaker.create_model(ModelName="qa", PrimaryContainer={"Image": "mooring"}, ExecutionRoleArn=clients.role)
    assert sagemaker.describe_model(ModelName="qa")["PrimaryContainer"]["Image"] == "mooring"
    for name in ("qa", "qa-2"):
        variants = [{**VARIANT, "ModelName": "qa"}]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    assert sagemaker.describe_endpoint_config(EndpointConfigName="qa")["ProductionVariants"][0]["ModelName"] == "qa"
    arn = sagemaker.create_endpoint(EndpointName="qa", EndpointConfigName="qa")["EndpointArn"]
    clients.wait("sagemaker", "endpoint_in_service", EndpointName="qa")

    done = runtime.invoke_endpoint(EndpointName="qa", ContentType="application/json", Body=ASKED)
    assert json.loads(done["Body"].read())["answer"] == "Lisbon"
    stream = runtime.invoke_endpoint_with_response_stream(EndpointName="qa", ContentType="application/json", Body=ASKED)
    parts = [event["PayloadPart"]["Bytes"] for event in stream["Body"]]
    assert json.loads(b"".join(parts))["answer"] == "Lisbon"

    weights = [{"VariantName": "AllTraffic", "DesiredWeight": 2.0, "DesiredInstanceCount": 2}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="qa", DesiredWeightsAndCapacities=weights)
    clients.wait("sagemaker", "endpoint_in_service", EndpointName="qa")
    assert sagemaker.describe_endpoint(EndpointName="qa")["ProductionVariants"][0]["CurrentWeight"] == 2.0
    sagemaker.update_endpoint(EndpointName="qa", EndpointConfigName="qa-2")
    clients.wait("sagemaker", "endpoint_in_service", EndpointName="qa")
    assert sagemaker.describe_endpoint(EndpointName="qa")["EndpointConfigName"] == "qa-2"

    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "quay"}, {"Key": "stage", "Value": "test"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["stage"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "quay"}]
    assert [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]] == ["qa"]
    assert [one["ModelName"] for one in sagemaker.list_models()["Models"]] == ["qa"]
    configs = sagemaker.list_endpoint_configs(SortBy="Name", SortOrder="Ascending")["EndpointConfigs"]
    assert [one["EndpointConfigName"] for one in configs] == ["qa", "qa-2"]
    assert clients.pages("sagemaker", "list_endpoints") == clients.pages("sagemaker", "list_models") == 1
    assert clients.pages("sagemaker", "list_endpoint_configs") == 2
    assert clients.pages("sagemaker", "list_tags", size=None, ResourceArn=arn) == 1


def asynchronous(clients: Clients) -> None:
    """An answer at an address in S3."""
    sagemaker, s3 = clients.of("sagemaker"), clients.of("s3")
    s3.create_bucket(Bucket="later")
    s3.put_object(Bucket="later", Key="in.json", Body=ASKED)
    sagemaker.create_endpoint_config(
        EndpointConfigName="later",
        ProductionVariants=[{**VARIANT, "ModelName": "qa"}],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://later/out"}},
    )
    sagemaker.create_endpoint(EndpointName="later", EndpointConfigName="later")
    clients.wait("sagemaker", "endpoint_in_service", EndpointName="later")
    accepted = clients.of("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="later", InputLocation="s3://later/in.json", ContentType="application/json"
    )
    bucket, _, key = accepted["OutputLocation"].removeprefix("s3://").partition("/")
    clients.wait("s3", "object_exists", Bucket=bucket, Key=key)
    assert json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["answer"] == "Lisbon"
    sagemaker.delete_endpoint(EndpointName="later")
    clients.wait("sagemaker", "endpoint_deleted", EndpointName="later")


def components(clients: Clients) -> None:
    """An endpoint without a model of its own, and one that is put on it."""
    sagemaker = clients.of("sagemaker")
    sagemaker.create_endpoint_config(
        EndpointConfigName="parts", ProductionVariants=[VARIANT], ExecutionRoleArn=clients.role
    )
    sagemaker.create_endpoint(EndpointName="parts", EndpointConfigName="parts")
    clients.wait("sagemaker", "endpoint_in_service", EndpointName="parts")
    needs = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 512}
    sagemaker.create_inference_component(
        InferenceComponentName="part",
        EndpointName="parts",
        VariantName="AllTraffic",
        Specification={"ModelName": "qa", "ComputeResourceRequirements": needs},
        RuntimeConfig={"CopyCount": 1},
    )
    name = {"InferenceComponentName": "part"}
    in_service: Any = clients.until(
        lambda: sagemaker.describe_inference_component(**name),
        lambda found: found["InferenceComponentStatus"] == "InService",
    )
    assert in_service["EndpointName"] == "parts"
    done = clients.of("sagemaker-runtime").invoke_endpoint(
        EndpointName="parts", ContentType="application/json", Body=ASKED, InferenceComponentName="part"
    )
    assert json.loads(done["Body"].read())["answer"] == "Lisbon"
    sagemaker.update_inference_component(**name, RuntimeConfig={"CopyCount": 2})
    sagemaker.update_inference_component_runtime_config(**name, DesiredRuntimeConfig={"CopyCount": 1})
    runtime_config = sagemaker.describe_inference_component(**name)["RuntimeConfig"]
    assert runtime_config["DesiredCopyCount"] == 1
    assert clients.pages("sagemaker", "list_inference_components") == 1
    sagemaker.delete_inference_component(**name)
    clients.until(lambda: sagemaker.list_inference_components()["InferenceComponents"], lambda found: found == [])
    sagemaker.delete_endpoint(EndpointName="parts")
    clients.wait("sagemaker", "endpoint_deleted", EndpointName="parts")


def jobs(clients: Clients) -> None:
    """One that ends, one that is stopped; their logs."""
    sagemaker, s3, logs = clients.of("sagemaker"), clients.of("s3"), clients.of("logs")
    s3.create_bucket(Bucket="batch")
    s3.put_object(Bucket="batch", Key="in/two.jsonl", Body=b"\n".join([json.dumps(QUESTION).encode()] * 2))
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://batch/in/"}}
    job = {
        "ModelName": "qa",
        "TransformInput": {"DataSource": source, "ContentType": "application/jsonlines", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": "s3://batch/out", "Accept": "application/jsonlines"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for name in ("ends", "stopped"):
        sagemaker.create_transform_job(TransformJobName=name, **job)
    sagemaker.stop_transform_job(TransformJobName="stopped")
    for name in ("ends", "stopped"):
        clients.wait("sagemaker", "transform_job_completed_or_stopped", TransformJobName=name)
    found = sagemaker.list_transform_jobs(SortBy="Name", SortOrder="Ascending")["TransformJobSummaries"]
    assert [(one["TransformJobName"], one["TransformJobStatus"]) for one in found] == [
        ("ends", "Completed"),
        ("stopped", "Stopped"),
    ]
    assert clients.pages("sagemaker", "list_transform_jobs") == 2
    assert sagemaker.describe_transform_job(TransformJobName="ends")["TransformJobStatus"] == "Completed"

    group = "/aws/sagemaker/TransformJobs"
    assert group in [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]]
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="ends/")["logStreams"]
    first = {"logGroupName": group, "logStreamName": streams[0]["logStreamName"]}
    assert any("is ready" in event["message"] for event in logs.get_log_events(**first)["events"])
    assert logs.filter_log_events(logGroupName=group, filterPattern='"is ready"')["events"]
    assert clients.pages("logs", "describe_log_groups") >= 2
    assert clients.pages("logs", "describe_log_streams", logGroupName=group) >= 2
    assert clients.pages("logs", "filter_log_events", size=5, logGroupName=group) >= 2


def scaling(clients: Clients) -> None:
    """Of the endpoint `qa`."""
    autoscaling = clients.of("application-autoscaling")
    dimension = "sagemaker:variant:DesiredInstanceCount"
    target = {**SPACE, "ScalableDimension": dimension, "ResourceId": "endpoint/qa/variant/AllTraffic"}
    made = autoscaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    where = {"ResourceARN": made["ScalableTargetARN"]}
    autoscaling.tag_resource(**where, Tags={"team": "quay"})
    assert autoscaling.list_tags_for_resource(**where)["Tags"] == {"team": "quay"}
    autoscaling.untag_resource(**where, TagKeys=["team"])
    kind = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    autoscaling.put_scaling_policy(
        **target,
        PolicyName="busy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 70.0, "PredefinedMetricSpecification": kind},
    )
    assert autoscaling.describe_scalable_targets(**SPACE)["ScalableTargets"][0]["MaxCapacity"] == 4
    assert autoscaling.describe_scaling_policies(**SPACE)["ScalingPolicies"][0]["PolicyName"] == "busy"
    assert autoscaling.describe_scaling_activities(**SPACE)["ScalingActivities"] == []
    for name in ("describe_scalable_targets", "describe_scaling_policies", "describe_scaling_activities"):
        assert clients.pages("application-autoscaling", name, **SPACE) == 1
    autoscaling.delete_scaling_policy(**target, PolicyName="busy")
    autoscaling.deregister_scalable_target(**target)
    assert autoscaling.describe_scalable_targets(**SPACE)["ScalableTargets"] == []


def the_end(clients: Clients) -> None:
    """Of what `endpoints` has made."""
    sagemaker = clients.of("sagemaker")
    sagemaker.delete_endpoint(EndpointName="qa")
    clients.wait("sagemaker", "endpoint_deleted", EndpointName="qa")
    for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]:
        sagemaker.delete_endpoint_config(EndpointConfigName=one["EndpointConfigName"])
    sagemaker.delete_model(ModelName="qa")
    assert sagemaker.list_models()["Models"] == []
