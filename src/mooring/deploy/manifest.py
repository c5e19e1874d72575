"""Image manifests: the media types that SageMaker accepts, and conversion to them. Pure.

SageMaker accepts Docker's manifests (version 2, schema 2). Builders now write OCI's by default: a manifest, or an index
with one manifest and attestations. Both formats refer to the same layers and configuration, so an image is converted
by writing a new manifest. Nothing is built, pulled or uploaded.
"""

import json
from typing import Any

from mooring.errors import DeployError

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
REFUSED = (OCI, OCI_INDEX)
"""Refused by CreateModel. Docker's lists may be refused too: warned about in the user's image, converted in ours."""
LISTS = (OCI_INDEX, DOCKER_LIST)

_DOCKERS = {
    "application/vnd.oci.image.config.v1+json": "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.layer.v1.tar": "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
"""OCI media type → Docker media type of the same bytes. Docker has none for zstd."""


def as_docker(manifest: str) -> str:
    """The manifest of one image, with Docker's media types. Raises DeployError for a part that has none."""
    found = json.loads(manifest)
    made = {
        "schemaVersion": 2,
        "mediaType": DOCKER,
        "config": _part(found["config"]),
        "layers": [_part(layer) for layer in found["layers"]],
    }
    return json.dumps(made, indent=3)


def _part(descriptor: dict[str, Any]) -> dict[str, Any]:
    media_type = str(descriptor["mediaType"])
    if media_type not in (*_DOCKERS, *_DOCKERS.values()):
        raise DeployError(
            f"Docker's image format, the only one that SageMaker accepts, has no media type for {media_type}.",
            hint="Rebuild the image with gzip-compressed layers: moor image.",
        )
    return {
        "mediaType": _DOCKERS.get(media_type, media_type),
        "size": descriptor["size"],
        "digest": descriptor["digest"],
    }


def architectures(index: str) -> dict[str, str]:
    """Architecture → digest of the Linux images in an index or a list, without attestations."""
    found = {}
    for member in json.loads(index).get("manifests", ()):
        platform = member.get("platform") or {}
        if platform.get("architecture", "unknown") != "unknown" and platform.get("os", "linux") == "linux":
            found[str(platform["architecture"])] = str(member["digest"])
    return found


def how_to_convert(image: str) -> str:
    """A hint for the owner of an image in the wrong format."""
    place, slash, name = image.partition("@")[0].rpartition("/")
    repository = f"{place}{slash}{name.partition(':')[0]}"
    return (
        "Name an image in the local Docker or Podman instead: moor deploy pushes it in Docker's format. Or convert "
        f"it: skopeo copy --format v2s2 docker://{image} docker://{repository}:docker. Or build and push it with "
        "docker buildx build --provenance=false --output type=image,push=true,oci-mediatypes=false."
    )
