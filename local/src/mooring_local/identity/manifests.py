"""Image manifests in ECR: find them by image address, and determine their media type.

Used by `ecr.py`, and by the control plane, which accepts only the types that SageMaker accepts.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from mooring_local.state import State

KIND = "ecr-repository"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OF_SAGEMAKER = frozenset(
    {
        DOCKER,
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
"""Media types that SageMaker accepts. It refuses OCI manifests and multi-platform lists."""

_OCI = "application/vnd.oci.image.manifest.v1+json"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_ADDRESS = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.[a-z0-9.-]+/(?P<name>[a-z0-9._/-]+)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def parsed(manifest: str) -> dict[str, Any] | None:
    """The parsed manifest; None if it is not a JSON object."""
    try:
        value = json.loads(manifest)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def media_type(manifest: Mapping[str, Any]) -> str:
    """Its mediaType. OCI manifests may omit it: then derived from their configuration or contents."""
    said, config = manifest.get("mediaType"), manifest.get("config")
    if isinstance(said, str):
        return said
    if isinstance(manifest.get("manifests"), list):
        return _OCI_INDEX
    of_config = config.get("mediaType") if isinstance(config, dict) else None
    return _OCI if isinstance(of_config, str) and of_config.startswith("application/vnd.oci.") else DOCKER


def find(document: Mapping[str, Any], digest: str | None, tag: str | None) -> dict[str, Any] | None:
    """The image of a repository with this digest and tag; None matches any."""
    for image in document["Images"]:
        if digest in (None, image["Digest"]) and (tag is None or tag in image["Tags"]) and (digest or tag):
            return dict(image)
    return None


def media_type_of(state: State, address: str, account: str) -> str | None:
    """Media type of the image at `ACCOUNT.dkr.ecr.REGION.…/NAME:TAG`; None if it is not in the local ECR."""
    place = _ADDRESS.fullmatch(address)
    document = state.get(KIND, place["name"]) if place and place["account"] == account else None
    if place is None or document is None:
        return None
    digest = place["digest"]
    image = find(document, digest, None if digest else place["tag"] or "latest")
    return None if image is None else image["MediaType"]
