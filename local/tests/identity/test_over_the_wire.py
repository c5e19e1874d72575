"""STS, IAM, ECR, Logs and Application Auto Scaling, by boto3."""

import base64
import json
from typing import Any

import pytest

from local.tests.support.local_control import ROLE, Local, refused, unique

pytestmark = pytest.mark.wire
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def test_every_caller_is_the_same_account_in_the_role_that_is_there(local: Local) -> None:
    """GetCallerIdentity, and the role that its ARN names."""
    found = local.client("sts").get_caller_identity()
    assert (found["Account"], found["Arn"].split("/")[1]) == ("123456789012", "SageMakerLocal")
    role = local.client("iam").get_role(RoleName="SageMakerLocal")["Role"]
    assert role["Arn"] == ROLE
    trusted = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    assert trusted == "sagemaker.amazonaws.com"


def test_roles_are_assumed(local: Local) -> None:
    """With keys that are as good as any."""
    sts = local.client("sts")
    made = sts.assume_role(RoleArn=ROLE, RoleSessionName="me", DurationSeconds=900)
    assert made["AssumedRoleUser"]["Arn"].endswith(":assumed-role/SageMakerLocal/me")
    assert made["Credentials"]["SessionToken"]
    assert sts.get_session_token()["Credentials"]["Expiration"].year > 2025
    with refused(
        "ValidationError", "at 'durationSeconds' failed to satisfy constraint: Member must have value greater"
    ):
        local.client("sts", parameter_validation=False).assume_role(
            RoleArn=ROLE, RoleSessionName="me", DurationSeconds=1
        )


def test_a_role_that_does_not_exist_is_no_such_entity(local: Local) -> None:
    """As the SDKs and `moor deploy` look for it."""
    iam = local.client("iam")
    with refused("NoSuchEntity", "The role with name nobody cannot be found.", 404):
        iam.get_role(RoleName="nobody")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.list_attached_role_policies(RoleName="nobody")


def test_a_role_lives_with_its_policies(local: Local) -> None:
    """Made, given policies, refused to go while it has them, gone."""
    iam, name = local.client("iam"), unique("role")
    made = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=TRUST,
        Path="/made/",
        Tags=[{"Key": "a", "Value": "b"}],
        Description="b & <c>",
    )
    assert made["Role"]["Arn"] == f"arn:aws:iam::123456789012:role/made/{name}"
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "a", "Value": "b"}]
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "b & <c>"
    with refused("EntityAlreadyExists", f"Role with name {name} already exists.", 409):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    with refused("MalformedPolicyDocument", "invalid Json"):
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument="{")
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": ["x % y"]}))
    assert iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"] == {"Statement": ["x % y"]}
    full = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam.attach_role_policy(RoleName=name, PolicyArn=full)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"][0]["PolicyArn"] == full
    with refused("DeleteConflict", "must delete policies first", 409):
        iam.delete_role(RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.detach_role_policy(RoleName=name, PolicyArn=full)
    iam.delete_role(RoleName=name)
    assert name not in [one["RoleName"] for one in iam.list_roles()["Roles"]]


def test_everything_is_allowed(local: Local) -> None:
    """What SDK 3 asks before it deploys."""
    found = local.client("iam").simulate_principal_policy(
        PolicySourceArn=ROLE, ActionNames=["sagemaker:CreateModel", "s3:GetObject"]
    )
    assert [one["EvalDecision"] for one in found["EvaluationResults"]] == ["allowed", "allowed"]


def test_an_image_is_a_manifest_with_tags(local: Local) -> None:
    """Put, found by tag and digest, listed, missed; a repository with images goes only by force."""
    ecr, name = local.client("ecr"), unique("mine/image")
    made = ecr.create_repository(repositoryName=name)["repository"]
    assert made["repositoryUri"] == f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/{name}"
    with refused("RepositoryAlreadyExistsException", "already exists"):
        ecr.create_repository(repositoryName=name)
    manifest = json.dumps({"schemaVersion": 2, "layers": [{"size": 40}, {"size": 2}]})
    put = ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="1")["image"]
    ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="latest")
    detail = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "latest"}])["imageDetails"][0]
    assert (detail["imageTags"], detail["imageSizeInBytes"]) == (["1", "latest"], 42)
    assert detail["imageDigest"] == put["imageId"]["imageDigest"]
    both = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1"}, {"imageTag": "2"}])
    assert (both["images"][0]["imageManifest"], both["failures"][0]["failureCode"]) == (manifest, "ImageNotFound")
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "2"}])
    assert (
        len(
            [one for page in ecr.get_paginator("list_images").paginate(repositoryName=name) for one in page["imageIds"]]
        )
        == 2
    )
    with refused("RepositoryNotEmptyException", "still contains images"):
        ecr.delete_repository(repositoryName=name)
    ecr.delete_repository(repositoryName=name, force=True)
    with refused("RepositoryNotFoundException", f"The repository with name '{name}' does not exist"):
        ecr.describe_repositories(repositoryNames=[name])


@pytest.mark.parametrize(
    ("service", "operation", "given", "code"),
    [
        ("ecr", "describe_repositories", {"nextToken": "9" * 5000}, "InvalidParameterException"),
        ("logs", "describe_log_groups", {"nextToken": "9" * 5000}, "InvalidParameterException"),
        (
            "application-autoscaling",
            "describe_scalable_targets",
            {"ServiceNamespace": "sagemaker", "NextToken": "9" * 5000},
            "InvalidNextTokenException",
        ),
    ],
)
def test_tokens_that_were_made_up_are_refused(
    local: Local, service: str, operation: str, given: dict[str, str], code: str
) -> None:
    """By each service's own word for it."""
    with refused(code, "nvalid"):
        getattr(local.client(service), operation)(**given)


def test_docker_may_log_in(local: Local) -> None:
    """GetAuthorizationToken has the form that clients take apart."""
    data = local.client("ecr").get_authorization_token()["authorizationData"][0]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")


def scaled(local: Local) -> dict[str, Any]:
    """What names a variant of a new endpoint."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{local.endpoint()}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def test_a_variant_is_registered_with_its_policy(local: Local) -> None:
    """Register, put, describe, delete, deregister; a second time there is nothing to delete."""
    client, target = local.client("application-autoscaling"), scaled(local)
    with refused("ObjectNotFoundException", "No scalable target found"):
        client.put_scaling_policy(PolicyName="p", PolicyType="TargetTrackingScaling", **target)
    client.register_scalable_target(MinCapacity=1, MaxCapacity=4, **target)
    tracking = {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    put = client.put_scaling_policy(
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
        **target,
    )
    found = client.describe_scaling_policies(**target)["ScalingPolicies"]
    assert [one["PolicyARN"] for one in found] == [put["PolicyARN"]]
    assert found[0]["TargetTrackingScalingPolicyConfiguration"] == tracking
    client.register_scalable_target(MaxCapacity=8, **target)
    registered = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])
    assert [(one["MinCapacity"], one["MaxCapacity"]) for one in registered["ScalableTargets"]] == [(1, 8)]
    client.deregister_scalable_target(**target)
    assert client.describe_scaling_policies(**target)["ScalingPolicies"] == []
    with refused("ObjectNotFoundException", target["ResourceId"]):
        client.deregister_scalable_target(**target)


def test_what_cannot_be_scaled_is_refused(local: Local) -> None:
    """No such endpoint, no such variant, less at most than at least."""
    client, target = local.client("application-autoscaling"), scaled(local)
    with refused("ValidationException", "endpoint nowhere not found"):
        client.register_scalable_target(
            MinCapacity=1, MaxCapacity=2, **{**target, "ResourceId": "endpoint/nowhere/variant/AllTraffic"}
        )
    with refused("ValidationException", "has no variant other"):
        other = target["ResourceId"].replace("AllTraffic", "other")
        client.register_scalable_target(MinCapacity=1, MaxCapacity=2, **{**target, "ResourceId": other})
    with refused("ValidationException", "cannot be greater than"):
        client.register_scalable_target(MinCapacity=3, MaxCapacity=2, **target)


def test_events_are_read_from_either_end(local: Local) -> None:
    """The last ones first; forwards with the token until it stays the same; new ones come with it."""
    client, group = local.client("logs"), f"/aws/sagemaker/Endpoints/{unique('endpoint')}"
    for number in range(5):
        local.logbook.append(group, "AllTraffic/i-1", f"line {number}", at=100.0 + number // 2)
    where = {"logGroupName": group, "logStreamName": "AllTraffic/i-1", "limit": 2}

    def texts(found: dict[str, Any]) -> list[str]:
        return [event["message"] for event in found["events"]]

    last = client.get_log_events(**where)
    assert texts(last) == ["line 3", "line 4"]
    before = client.get_log_events(nextToken=last["nextBackwardToken"], **where)
    assert texts(before) == ["line 1", "line 2"]
    first = client.get_log_events(startFromHead=True, **where)
    assert texts(first) == ["line 0", "line 1"]
    second = client.get_log_events(nextToken=first["nextForwardToken"], **where)
    third = client.get_log_events(nextToken=second["nextForwardToken"], **where)
    assert (texts(second), texts(third)) == (["line 2", "line 3"], ["line 4"])
    end = client.get_log_events(nextToken=third["nextForwardToken"], **where)
    assert (texts(end), end["nextForwardToken"]) == ([], third["nextForwardToken"])
    local.logbook.append(group, "AllTraffic/i-1", "line 5", at=200.0)
    assert texts(client.get_log_events(nextToken=end["nextForwardToken"], **where)) == ["line 5"]
    within = client.get_log_events(
        startTime=101_000, endTime=102_000, logGroupName=group, logStreamName=where["logStreamName"]
    )
    assert texts(within) == ["line 2", "line 3"]


def test_groups_and_streams_are_found(local: Local) -> None:
    """By prefix and pattern; by name, or by the time of the last event."""
    client, name = local.client("logs"), unique("found")
    group = f"/aws/sagemaker/Endpoints/{name}"
    for number in (2, 1, 3):
        local.logbook.append(group, f"v/i-{number}", "hello", at=float(number))
    groups = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/sagemaker/Endpoints/")
    assert group in [one["logGroupName"] for page in groups for one in page["logGroups"]]
    assert client.describe_log_groups(logGroupNamePattern=name.upper())["logGroups"][0]["arn"].endswith(f"{group}:*")
    pages = client.get_paginator("describe_log_streams").paginate(logGroupName=group, PaginationConfig={"PageSize": 2})
    assert [one["logStreamName"] for page in pages for one in page["logStreams"]] == ["v/i-1", "v/i-2", "v/i-3"]
    with refused("ResourceNotFoundException", "The specified log group does not exist."):
        client.describe_log_streams(logGroupName="/nowhere")
    with refused("ResourceNotFoundException", "The specified log stream does not exist."):
        client.get_log_events(logGroupName=group, logStreamName="none")


def test_pages_of_several_streams_have_each_event_once(local: Local) -> None:
    """Though they are of the same time, and though more are said meanwhile."""
    client, group = local.client("logs"), f"/aws/sagemaker/Endpoints/{unique('endpoint')}"
    for number in range(6):
        local.logbook.append(group, f"v/i-{number % 2}", f"line {number}", at=5.0 + number // 4)
    seen: list[tuple[str, str]] = []
    token: dict[str, str] = {}
    while token or not seen:
        page = client.filter_log_events(logGroupName=group, startTime=1, limit=2, **token)
        seen += [(event["message"], event["eventId"]) for event in page["events"]]
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
        local.logbook.append(group, "v/i-2", "later", at=900.0) if len(seen) == 2 else None
    said = [message for message, _ in seen]
    assert said == ["line 0", "line 2", "line 1", "line 3", "line 4", "line 5", "later"]
    assert len({event for _, event in seen}) == 7
    with refused("InvalidParameterException", "nextToken is invalid"):
        client.filter_log_events(logGroupName=group, nextToken="12")


def test_events_are_filtered_by_words(local: Local) -> None:
    """All words, one of several, none of them, a phrase; other patterns are refused, not misread."""
    client, group = local.client("logs"), f"/aws/sagemaker/Endpoints/{unique('endpoint')}"
    for place, line in enumerate(("GET /ping 200", "POST /invocations 500", "POST /invocations 200", 'said "no"')):
        local.logbook.append(group, f"s/{place % 2}", line, at=float(place))

    def found(pattern: str) -> list[str]:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=pattern, PaginationConfig={"PageSize": 1}
        )
        return [event["message"] for page in pages for event in page["events"]]

    assert len(found("")) == 4
    assert found("POST 500") == ["POST /invocations 500"]
    assert found("?GET ?500") == ["GET /ping 200", "POST /invocations 500"]
    assert found("invocations -500") == ["POST /invocations 200"]
    assert found('"/invocations 200"') == ["POST /invocations 200"]
    with refused("InvalidParameterException", "only filters by words"):
        found("{ $.status = 500 }")
