"""Arguments of STS, IAM, ECR, Logs and Application Auto Scaling: obeyed, given back, or refused by name."""

import hashlib
import json
from typing import Any

import pytest

from local.tests.support.local_control import REGION, ROLE, Local, refused, unique

pytestmark = pytest.mark.wire

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
RESERVED = "aws: prefixed tag key names are not allowed for external use."


class TestEcr:
    def repository(self, local: Local, **arguments: Any) -> Any:
        """A new one."""
        name = unique("repository")
        return local.client("ecr").create_repository(repositoryName=name, **arguments)["repository"]

    def test_a_repository_gives_back_how_it_was_made(self, local: Local) -> None:
        """Encryption, scanning, tags; AES256 if nothing is said."""
        client, tags = local.client("ecr"), [{"Key": "a", "Value": "1"}]
        encryption = {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-central-1:123456789012:key/1"}
        made = self.repository(
            local, encryptionConfiguration=encryption, imageScanningConfiguration={"scanOnPush": True}, tags=tags
        )
        found = client.describe_repositories(repositoryNames=[made["repositoryName"]])["repositories"][0]
        assert found["encryptionConfiguration"] == encryption
        assert found["imageScanningConfiguration"] == {"scanOnPush": True}
        where = made["repositoryArn"]
        assert client.list_tags_for_resource(resourceArn=where)["tags"] == tags
        client.tag_resource(resourceArn=where, tags=[{"Key": "b", "Value": "2"}])
        client.untag_resource(resourceArn=where, tagKeys=["a"])
        assert client.list_tags_for_resource(resourceArn=where)["tags"] == [{"Key": "b", "Value": "2"}]
        with refused("InvalidTagParameterException", RESERVED):
            self.repository(local, tags=[{"Key": "aws:a", "Value": ""}])
        assert self.repository(local)["encryptionConfiguration"] == {"encryptionType": "AES256"}
        with refused("InvalidParameterException", "kmsKey is 'k'"):
            self.repository(local, encryptionConfiguration={"encryptionType": "AES256", "kmsKey": "k"})
        with refused("InvalidParameterException", "imageTagMutabilityExclusionFilters of CreateRepository"):
            self.repository(local, imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "v*"}])

    def test_what_is_there_is_not_put_again(self, local: Local) -> None:
        """Nor over an immutable tag, nor by another digest, nor into another registry."""
        client, name = local.client("ecr"), self.repository(local, imageTagMutability="IMMUTABLE")["repositoryName"]
        put: dict[str, Any] = {"repositoryName": name, "imageTag": "v1"}
        client.put_image(imageManifest="{}", **put)
        with refused("ImageAlreadyExistsException", "and tag 'v1' already exists"):
            client.put_image(imageManifest="{}", **put)
        with refused("ImageTagAlreadyExistsException", "The image tag 'v1' already exists"):
            client.put_image(imageManifest='{"a": 1}', **put)
        with refused("ImageDigestDoesNotMatchException", "does not match the digest"):
            client.put_image(imageManifest="{}", repositoryName=name, imageDigest=f"sha256:{'0' * 64}")
        with refused("InvalidParameterException", "Invalid JSON syntax"):
            client.put_image(imageManifest="no json", repositoryName=name)
        for call in (client.list_images, client.describe_images, client.delete_repository):
            with refused("RepositoryNotFoundException", "in the registry with id '999999999999'"):
                call(repositoryName=name, registryId="999999999999")

    def test_images_are_filtered(self, local: Local) -> None:
        """By whether they have a tag, by status, and by the media types that the caller accepts."""
        client, name = local.client("ecr"), self.repository(local)["repositoryName"]
        client.put_image(repositoryName=name, imageManifest='{"a": 1}')
        client.put_image(repositoryName=name, imageManifest='{"a": 2}', imageTag="v1")
        for status, count in (("TAGGED", 1), ("UNTAGGED", 1), ("ANY", 2)):
            given = {"repositoryName": name, "filter": {"tagStatus": status}}
            assert len(client.list_images(**given)["imageIds"]) == count
            assert len(client.describe_images(**given)["imageDetails"]) == count
        assert client.list_images(repositoryName=name, filter={"imageStatus": "ARCHIVED"})["imageIds"] == []
        asked: dict[str, Any] = {"repositoryName": name, "imageIds": [{"imageTag": "v1"}]}
        docker = "application/vnd.docker.distribution.manifest.v2+json"
        assert client.batch_get_image(**asked, acceptedMediaTypes=[docker])["images"]
        other = client.batch_get_image(**asked, acceptedMediaTypes=["application/vnd.oci.image.manifest.v1+json"])
        assert (other["images"], other["failures"][0]["failureCode"]) == ([], "ImageNotFound")
        digest = "sha256:" + hashlib.sha256(b'{"a": 2}').hexdigest()
        assert client.list_images(repositoryName=name, filter={"tagStatus": "TAGGED"})["imageIds"] == [
            {"imageDigest": digest, "imageTag": "v1"}
        ]

    @pytest.mark.parametrize(
        ("region", "suffix"), [("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com")]
    )
    def test_addresses_are_of_the_regions_partition(self, local: Local, region: str, suffix: str) -> None:
        """China's end in .cn."""
        made = local.client("ecr", region).create_repository(repositoryName=unique("r"))["repository"]
        assert made["repositoryUri"].startswith(f"123456789012.dkr.ecr.{region}.{suffix}/")


class TestIam:
    def test_a_role_gives_back_how_it_was_made(self, local: Local) -> None:
        """Its boundary and its sessions; a list of roles leaves the boundary out, as IAM's does."""
        iam, name = local.client("iam"), unique("role")
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=BOUNDARY, MaxSessionDuration=7200
        )
        role = iam.get_role(RoleName=name)["Role"]
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
        assert role["MaxSessionDuration"] == 7200
        listed = {
            one["RoleName"]: one for one in iam.get_paginator("list_roles").paginate().build_full_result()["Roles"]
        }
        assert "PermissionsBoundary" not in listed[name]

    def test_lists_come_in_pages(self, local: Local) -> None:
        """Of the size that is asked for, and only with tokens of their own."""
        iam, name = local.client("iam"), unique("role")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        for n in range(3):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{n}", PolicyDocument="{}")
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/a{n}")
            iam.tag_role(RoleName=name, Tags=[{"Key": f"k{n}", "Value": "v"}])
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/b")
        for operation, member, count in (
            ("list_role_policies", "PolicyNames", 3),
            ("list_attached_role_policies", "AttachedPolicies", 4),
            ("list_role_tags", "Tags", 3),
        ):
            first = getattr(iam, operation)(RoleName=name, MaxItems=2)
            assert (len(first[member]), first["IsTruncated"]) == (2, True)
            rest = getattr(iam, operation)(RoleName=name, Marker=first["Marker"])
            assert len(rest[member]) == count - 2
            with refused("ValidationError", "Invalid Marker 'none of ours'"):
                getattr(iam, operation)(RoleName=name, Marker="none of ours")
        below = iam.list_attached_role_policies(RoleName=name, PathPrefix="/service-role/")["AttachedPolicies"]
        assert [one["PolicyName"] for one in below] == ["b"]

    def test_tags_that_are_not_taken(self, local: Local) -> None:
        """Keys that differ in case only are one; reserved ones, and more than fifty."""
        iam, name = local.client("iam"), unique("role")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        with refused("InvalidInput", "Duplicate tag keys found."):
            iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])
        with refused("InvalidInput", RESERVED):
            iam.tag_role(RoleName=name, Tags=[{"Key": "aws:a", "Value": ""}])
        iam.tag_role(RoleName=name, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
        with refused("LimitExceeded", "it would have 51", 409):
            iam.tag_role(RoleName=name, Tags=[{"Key": "more", "Value": ""}])

    def test_policies_are_not_simulated(self, local: Local) -> None:
        """Everything is allowed, so that what would forbid something is refused; and the role has to exist."""
        iam = local.client("iam")
        asked: dict[str, Any] = {"PolicySourceArn": ROLE, "ActionNames": ["s3:GetObject"]}
        assert iam.simulate_principal_policy(**asked)["EvaluationResults"][0]["EvalDecision"] == "allowed"
        with refused("ValidationError", "does not implement PolicyInputList of SimulatePrincipalPolicy"):
            iam.simulate_principal_policy(**asked, PolicyInputList=["{}"])
        with refused("NoSuchEntity", "cannot be found", 404):
            iam.simulate_principal_policy(**{**asked, "PolicySourceArn": f"{ROLE}-of-nobody"})


def test_a_session_has_its_callers_identity(local: Local) -> None:
    """Policies of a session protect nothing here and are accepted; its identity comes back."""
    sts = local.client("sts")
    made = sts.assume_role(RoleArn=ROLE, RoleSessionName="me", SourceIdentity="alice", Policy="{}", ExternalId="12")
    assert made["SourceIdentity"] == "alice"
    with refused("ValidationError", "does not implement MinimumSessionTokenSize of AssumeRole"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="me", MinimumSessionTokenSize=2048)


def test_scalable_targets_are_tagged(local: Local) -> None:
    """When they are registered, and later."""
    client, endpoint = local.client("application-autoscaling"), local.endpoint()
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    made = client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2, Tags={"a": "1"})
    where = made["ScalableTargetARN"]
    client.tag_resource(ResourceARN=where, Tags={"b": "2"})
    client.untag_resource(ResourceARN=where, TagKeys=["a"])
    assert client.list_tags_for_resource(ResourceARN=where)["Tags"] == {"b": "2"}
    with refused("ValidationException", RESERVED):
        client.tag_resource(ResourceARN=where, Tags={"aws:a": ""})
    with refused("ValidationException", "only be set on a new scalable target"):
        client.register_scalable_target(**target, Tags={"c": "3"})
    with refused("ValidationException", "Minimum capacity cannot be greater than maximum capacity: 3 > 2"):
        client.register_scalable_target(**target, MinCapacity=3)
    client.deregister_scalable_target(**target)
    with refused("ResourceNotFoundException", where):
        client.list_tags_for_resource(ResourceARN=where)
    with refused("InvalidNextTokenException", "'none of ours'"):
        client.describe_scaling_activities(ServiceNamespace="sagemaker", NextToken="none of ours")


def test_logs_that_are_not_here(local: Local) -> None:
    """No group is of another class; other accounts and orders are refused."""
    logs = local.client("logs")
    local.logbook.append("/aws/sagemaker/Endpoints/arguments", "one", "line")
    assert logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"] == []
    assert logs.describe_log_groups(logGroupClass="STANDARD")["logGroups"]
    with refused("InvalidParameterException", "does not implement includeLinkedAccounts"):
        logs.describe_log_groups(includeLinkedAccounts=True)
    with refused("InvalidParameterException", "Only one of logGroupNamePrefix and logGroupNamePattern"):
        logs.describe_log_groups(logGroupNamePrefix="/aws", logGroupNamePattern="aws")
    group = {"logGroupName": "/aws/sagemaker/Endpoints/arguments"}
    with refused("InvalidParameterException", "earliest events first"):
        logs.filter_log_events(**group, startFromHead=False)
    assert logs.filter_log_events(**group, startFromHead=True, interleaved=True)["events"]
    arn = logs.describe_log_groups(logGroupNamePrefix=group["logGroupName"])["logGroups"][0]["logGroupArn"]
    assert arn == f"arn:aws:logs:{REGION}:123456789012:log-group:{group['logGroupName']}"
