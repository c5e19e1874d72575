"""SageMaker takes images whose manifest is Docker's; the local one refuses others, as far as its ECR knows them."""

import json
from typing import Any

import pytest

from local.tests.support.local_control import REGION, Local, refused, unique
from mooring_local.identity.manifests import DOCKER, media_type

pytestmark = pytest.mark.wire

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def push(local: Local, manifest: dict[str, Any], tag: str = "latest") -> tuple[str, str]:
    """Address of a new repository with this image, and the image's digest."""
    client, name = local.client("ecr"), unique("repository")
    address = client.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    image = client.put_image(repositoryName=name, imageManifest=json.dumps(manifest), imageTag=tag)["image"]
    return address, image["imageId"]["imageDigest"]


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"mediaType": DOCKER}, DOCKER),
        ({"mediaType": OCI}, OCI),
        ({"config": {"mediaType": "application/vnd.oci.image.config.v1+json"}}, OCI),
        ({"manifests": []}, OCI_INDEX),
        ({"config": {"mediaType": "application/vnd.docker.container.image.v1+json"}}, DOCKER),
        ({"mediaType": DOCKER_LIST, "manifests": []}, DOCKER_LIST),
        ({"schemaVersion": 1}, DOCKER),
    ],
)
def test_what_a_manifest_is(manifest: dict[str, Any], expected: str) -> None:
    """OCI's own often do not say it."""
    assert media_type(manifest) == expected


@pytest.mark.parametrize("kind", [OCI, OCI_INDEX, DOCKER_LIST])
def test_an_image_of_another_kind_is_refused(local: Local, kind: str) -> None:
    """In AWS's words; by tag, by digest, and by the tag that is meant where none is said."""
    address, digest = push(local, {"mediaType": kind, "schemaVersion": 2})
    for image in (address, f"{address}:latest", f"{address}@{digest}", f"{address}:latest@{digest}"):
        with refused(
            "ValidationException",
            f"Unsupported manifest media type {kind} for image {image}. "
            "Ensure that valid manifest media type is used for specified image.",
        ):
            local.model(Image=image)


def test_an_image_of_a_component_is_looked_at_too(local: Local) -> None:
    """It needs no model."""
    address, _ = push(local, {"mediaType": OCI})
    specification = {"Container": {"Image": address}, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 512}}
    with refused("ValidationException", f"Unsupported manifest media type {OCI}"):
        local.client("sagemaker").create_inference_component(
            InferenceComponentName=unique("component"), EndpointName=local.endpoint(), Specification=specification
        )


def test_all_others_are_taken(local: Local) -> None:
    """Docker's, and those of which the local ECR knows nothing: images are run by their name."""
    address, digest = push(local, {"mediaType": DOCKER, "schemaVersion": 2}, "v1")
    oci, _ = push(local, {"mediaType": OCI}, "other")
    for image in (
        f"{address}:v1",
        f"{address}@{digest}",
        f"{oci}:unknown",
        f"123456789012.dkr.ecr.{REGION}.amazonaws.com/nobody:latest",
        oci.replace("123456789012", "763104351884"),
        "mooring",
    ):
        local.model(Image=image)
