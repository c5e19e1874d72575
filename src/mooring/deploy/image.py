"""Names of images, and facts about an image."""

import re
from dataclasses import dataclass

DEFAULT_IMAGE = "mooring"
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::([^@]+))?(?:@(sha256:\w+))?")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts of an image. Unknown facts are None or empty."""

    name: str
    known_by: str
    """ "docker", "podman" or "ECR"; "" if the image was not found."""
    id: str = ""
    architectures: tuple[str, ...] = ()
    """The engines' names: amd64, arm64."""
    size: int | None = None
    """Bytes, unpacked."""
    packed_size: int | None = None
    python: tuple[int, int] | None = None
    media_type: str | None = None
    """Media type of the manifest in the registry. None for an image in an engine: it depends on the push."""


@dataclass(frozen=True, slots=True)
class Address:
    """Address of an image in ECR."""

    account: str
    region: str
    repository: str
    tag: str
    digest: str | None

    @property
    def which(self) -> dict[str, str]:
        """The image's `imageId` for ECR's operations."""
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag}


def address_of(image: str) -> Address | None:
    """The address in an image's name; None if it is not in ECR."""
    found = _ECR.fullmatch(image)
    return Address(found[1], found[2], found[3], found[4] or "latest", found[5]) if found else None


def is_registry_name(image: str) -> bool:
    """Whether SageMaker can pull the image under this name."""
    return address_of(image) is not None


def region_of(image: str) -> str | None:
    """Region of an image in ECR."""
    address = address_of(image)
    return address.region if address else None


def is_ours(image: str) -> bool:
    """Whether the image has the name that `moor image` gives, in any registry."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0] == DEFAULT_IMAGE
