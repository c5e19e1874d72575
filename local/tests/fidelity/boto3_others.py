"""boto3, every implemented operation of S3, IAM, STS and ECR, once; called by test_boto3.py, which counts them."""

import contextlib
import json
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from local.tests.fidelity.boto3_clients import Clients
from local.tests.fidelity.tap import SETTINGS

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
PART = 5 * 1024 * 1024


def objects(clients: Clients) -> None:
    """Buckets and objects."""
    s3 = clients.of("s3")
    s3.create_bucket(Bucket="quay")
    clients.wait("s3", "bucket_exists", Bucket="quay")
    s3.head_bucket(Bucket="quay")
    assert s3.get_bucket_location(Bucket="quay")["LocationConstraint"] is None
    assert "quay" in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    for number in range(3):
        s3.put_object(Bucket="quay", Key=f"a/{number}", Body=b"abc" * number)
    clients.wait("s3", "object_exists", Bucket="quay", Key="a/2")
    assert s3.head_object(Bucket="quay", Key="a/2")["ContentLength"] == 6
    sizes = s3.get_object_attributes(Bucket="quay", Key="a/2", ObjectAttributes=["ObjectSize", "ETag"])
    assert sizes["ObjectSize"] == 6
    assert s3.get_object(Bucket="quay", Key="a/2", Range="bytes=1-2")["Body"].read() == b"bc"
    s3.copy_object(Bucket="quay", Key="b/2", CopySource={"Bucket": "quay", "Key": "a/2"})
    listed = s3.list_objects_v2(Bucket="quay", Delimiter="/")
    assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["a/", "b/"]
    assert len(s3.list_objects(Bucket="quay")["Contents"]) == 4
    assert len(s3.list_object_versions(Bucket="quay")["Versions"]) == 4
    for name in ("list_objects", "list_objects_v2", "list_object_versions"):
        assert clients.pages("s3", name, size=2, Bucket="quay") == 2
    assert clients.pages("s3", "list_buckets") >= 1
    tags = {"TagSet": [{"Key": "team", "Value": "quay"}]}
    s3.put_object_tagging(Bucket="quay", Key="a/2", Tagging=tags)
    assert s3.get_object_tagging(Bucket="quay", Key="a/2")["TagSet"] == tags["TagSet"]
    s3.delete_object_tagging(Bucket="quay", Key="a/2")
    s3.put_bucket_tagging(Bucket="quay", Tagging=tags)
    assert s3.get_bucket_tagging(Bucket="quay")["TagSet"] == tags["TagSet"]
    s3.delete_bucket_tagging(Bucket="quay")
    assert s3.get_object_acl(Bucket="quay", Key="a/2")["Grants"][0]["Permission"] == "FULL_CONTROL"
    for operation in SETTINGS:
        with contextlib.suppress(ClientError):  # which has to be a 404: test_boto3.py looks at that
            getattr(s3, xform_name(operation))(Bucket="quay")
    s3.delete_object(Bucket="quay", Key="a/0")
    clients.wait("s3", "object_not_exists", Bucket="quay", Key="a/0")


def multipart(clients: Clients) -> None:
    """Two parts, one of them a copy; another upload is given up; then the bucket goes."""
    s3 = clients.of("s3")
    s3.put_object(Bucket="quay", Key="large", Body=b"x" * PART)
    upload: dict[str, Any] = {"Bucket": "quay", "Key": "joined"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    copied = s3.upload_part_copy(**upload, PartNumber=1, CopySource={"Bucket": "quay", "Key": "large"})
    sent = s3.upload_part(**upload, PartNumber=2, Body=b"end")
    assert [one["Size"] for one in s3.list_parts(**upload)["Parts"]] == [PART, 3]
    assert clients.pages("s3", "list_parts", **upload) == 2
    parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}, {"PartNumber": 2, "ETag": sent["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket="quay", Key="joined")["ContentLength"] == PART + 3

    other = s3.create_multipart_upload(Bucket="quay", Key="given-up")["UploadId"]
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket="quay")["Uploads"]] == [other]
    assert clients.pages("s3", "list_multipart_uploads", Bucket="quay") == 1
    s3.abort_multipart_upload(Bucket="quay", Key="given-up", UploadId=other)

    keys = [{"Key": one["Key"]} for one in s3.list_objects_v2(Bucket="quay")["Contents"]]
    assert len(s3.delete_objects(Bucket="quay", Delete={"Objects": keys})["Deleted"]) == len(keys)
    s3.delete_bucket(Bucket="quay")
    clients.wait("s3", "bucket_not_exists", Bucket="quay")


def roles(clients: Clients) -> None:
    """A role with policies and tags, from its creation to its end; who asks; a role that is assumed."""
    iam, sts = clients.of("iam"), clients.of("sts")
    role: dict[str, Any] = {"RoleName": "pilot"}
    inline = {**role, "PolicyName": "inline"}
    arn = iam.create_role(**role, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    clients.wait("iam", "role_exists", **role)
    iam.update_assume_role_policy(**role, PolicyDocument=TRUST)
    assert iam.get_role(**role)["Role"]["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
    assert "pilot" in [one["RoleName"] for one in iam.list_roles()["Roles"]]
    policy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam.attach_role_policy(**role, PolicyArn=policy)
    assert iam.list_attached_role_policies(**role)["AttachedPolicies"][0]["PolicyArn"] == policy
    iam.put_role_policy(**inline, PolicyDocument=TRUST)
    assert iam.list_role_policies(**role)["PolicyNames"] == ["inline"]
    assert iam.get_role_policy(**inline)["PolicyDocument"]["Statement"] == []
    iam.tag_role(**role, Tags=[{"Key": "team", "Value": "quay"}])
    assert iam.list_role_tags(**role)["Tags"] == [{"Key": "team", "Value": "quay"}]
    iam.untag_role(**role, TagKeys=["team"])
    asked = {"PolicySourceArn": arn, "ActionNames": ["sagemaker:CreateModel"]}
    assert iam.simulate_principal_policy(**asked)["EvaluationResults"][0]["EvalDecision"] == "allowed"
    clients.pages("iam", "simulate_principal_policy", **asked)
    for name in ("list_role_policies", "list_attached_role_policies", "list_role_tags"):
        clients.pages("iam", name, **role)
    clients.pages("iam", "list_roles")
    assert sts.get_caller_identity()["Account"] == "123456789012"
    assert sts.assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]["AccessKeyId"]
    assert sts.get_session_token()["Credentials"]["SessionToken"]
    iam.detach_role_policy(**role, PolicyArn=policy)
    iam.delete_role_policy(**inline)
    iam.delete_role(**role)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(**role)


def images(clients: Clients) -> None:
    """A repository with a manifest in it."""
    ecr = clients.of("ecr")
    made = ecr.create_repository(repositoryName="mooring")["repository"]
    assert made["repositoryUri"].endswith("/mooring")
    where = {"resourceArn": made["repositoryArn"]}
    ecr.tag_resource(**where, tags=[{"Key": "team", "Value": "quay"}])
    assert ecr.list_tags_for_resource(**where)["tags"] == [{"Key": "team", "Value": "quay"}]
    ecr.untag_resource(**where, tagKeys=["team"])
    assert ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": []})
    ecr.put_image(repositoryName="mooring", imageManifest=manifest, imageTag="1", imageManifestMediaType=kind)
    tagged = [{"imageTag": "1"}]
    assert ecr.batch_get_image(repositoryName="mooring", imageIds=tagged)["images"][0]["imageManifest"] == manifest
    assert ecr.describe_images(repositoryName="mooring", imageIds=tagged)["imageDetails"][0]["imageTags"] == ["1"]
    assert ecr.list_images(repositoryName="mooring")["imageIds"][0]["imageTag"] == "1"
    assert ecr.describe_repositories()["repositories"][0]["repositoryName"] == "mooring"
    assert clients.pages("ecr", "describe_repositories") == 1
    for name in ("list_images", "describe_images"):
        assert clients.pages("ecr", name, repositoryName="mooring") == 1
    with contextlib.suppress(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName="mooring")
    ecr.delete_repository(repositoryName="mooring", force=True)
    assert ecr.describe_repositories()["repositories"] == []
