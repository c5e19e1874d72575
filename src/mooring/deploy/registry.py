"""ECR, the account's registry: look up images, and push local images in the format that SageMaker accepts."""

import re
from collections.abc import Callable
from typing import Any

from mooring.deploy import engine, manifest
from mooring.deploy.engine import local_facts
from mooring.deploy.faults import asked, code_of, in_words, is_hidden, is_missing
from mooring.deploy.image import Address, ImageFacts, address_of, is_registry_name
from mooring.deploy.session import Session
from mooring.deploy.spec import Push
from mooring.errors import DeployError, echo


def facts_of(image: str, session: Session | None) -> ImageFacts:
    """Facts of an image from ECR, or else from the local engine."""
    found = registry_facts(session, image) if session is not None and is_registry_name(image) else None
    return found or local_facts(image) or ImageFacts(image, "")


def registry_facts(session: Session, image: str) -> ImageFacts | None:
    """Facts of an image in ECR; None if ECR does not have it or the caller has no access.

    ECR knows architectures only for multi-platform images.
    """
    address = address_of(image)
    if address is None or address.region != session.region:
        return None
    ecr = session.client("ecr")

    def look() -> ImageFacts:
        found = _described(ecr, address)
        media_type, size = found.get("imageManifestMediaType"), found.get("imageSizeInBytes")
        index = _manifest(ecr, address, address.which) if media_type in manifest.LISTS else None
        known = tuple(sorted(manifest.architectures(index))) if index else ()
        return ImageFacts(image, "ECR", architectures=known, packed_size=size, media_type=media_type)

    return asked(f"Asking ECR about {image}", look, is_hidden)


def pushed_name(session: Session, image: str) -> tuple[str, Push | None]:
    """The name under which SageMaker will pull the image, and what must be pushed first, if anything.

    Raises DeployError if no local engine has the image.
    """
    if session.local or is_registry_name(image):
        return image, None
    facts = local_facts(image)
    if facts is None:
        raise DeployError(
            f"Image {echo(image)} not found in a local engine, and the name is not one in ECR.",
            hint="Build it with moor image, or use --image ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG.",
        )
    repository = re.sub(r"[^a-z0-9/_.-]", "-", image.rpartition("@")[0] or image.partition(":")[0]).strip("-/")
    push = Push(image, repository, facts.id[:12] or "latest")
    domain = "amazonaws.com.cn" if session.region.startswith("cn-") else "amazonaws.com"
    return f"{session.account}.dkr.ecr.{session.region}.{domain}/{repository}:{push.tag}", push


def in_registry(session: Session, push: Push) -> tuple[bool, bool]:
    """Whether the registry has the repository, and the image in a format that SageMaker accepts."""
    ecr = session.client("ecr")
    with in_words(f"Looking for the image {push.repository}:{push.tag} in ECR"):
        try:
            found = ecr.describe_images(repositoryName=push.repository, imageIds=[{"imageTag": push.tag}])
        except ecr.exceptions.ClientError as error:
            if not is_missing(error):
                raise
            return code_of(error) != "RepositoryNotFoundException", False
    return True, found["imageDetails"][0].get("imageManifestMediaType") in (None, manifest.DOCKER)


def push_image(session: Session, image: str, uri: str, tell: Callable[[str], None] = lambda _: None) -> None:
    """Push a local image to `uri`, and convert it there if SageMaker does not accept its format.

    Raises DeployError with the client's last lines, or for a manifest that cannot be converted.
    """
    with in_words("Asking ECR for a token"):
        token = session.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    facts, address = local_facts(image), address_of(uri)
    if facts is None or address is None:
        raise DeployError(f"The image {echo(image)} is no longer in the engine.", hint="Rebuild it with moor image.")
    with engine.signed_in(uri.partition("/")[0], token) as environ:
        engine.push(facts.known_by, image, uri, environ)
    _settle(session, address, facts, tell)


def _settle(session: Session, address: Address, facts: ImageFacts, tell: Callable[[str], None]) -> None:
    """Convert the pushed image to Docker's format if needed, and check the result."""
    ecr = session.client("ecr")
    with in_words(f"Checking the format of {address.repository}:{address.tag} in ECR"):
        media_type = _described(ecr, address).get("imageManifestMediaType")
        if media_type in (None, manifest.DOCKER):
            return
        tell(f"from {media_type} to Docker's format")
        found = _manifest(ecr, address, address.which)
        if media_type in manifest.LISTS:
            found = _manifest(ecr, address, {"imageDigest": _member(found, facts)})
        about = {"repositoryName": address.repository, "imageTag": address.tag}
        ecr.put_image(**about, imageManifest=manifest.as_docker(found), imageManifestMediaType=manifest.DOCKER)
        media_type = _described(ecr, address).get("imageManifestMediaType")
    if media_type not in (None, manifest.DOCKER):
        raise DeployError(
            f"The image {address.repository}:{address.tag} is {media_type} in ECR, which SageMaker does not accept.",
            hint=manifest.how_to_convert(f"{address.repository}:{address.tag}"),
        )


def _member(index: str, facts: ImageFacts) -> str:
    """Digest of the image in an index that has the local image's architecture, or of the only image in it."""
    found = manifest.architectures(index)
    wanted = next((each for each in facts.architectures if each in found), None)
    if wanted is None and len(found) != 1:
        raise DeployError(
            f"The image {echo(facts.name)} is an index of {', '.join(found) or 'no images'}, not a single image.",
            hint="Build it for one platform with moor image.",
        )
    return found[wanted] if wanted else next(iter(found.values()))


def _described(ecr: Any, address: Address) -> dict[str, Any]:
    where = {"registryId": address.account, "repositoryName": address.repository}
    found: dict[str, Any] = ecr.describe_images(**where, imageIds=[address.which])["imageDetails"][0]
    return found


def _manifest(ecr: Any, address: Address, which: dict[str, str]) -> str:
    """The manifest as it is stored. ECR converts it for clients that do not accept its media type."""
    accepted = [manifest.DOCKER, manifest.DOCKER_LIST, manifest.OCI, manifest.OCI_INDEX]
    where = {"registryId": address.account, "repositoryName": address.repository}
    answer = ecr.batch_get_image(**where, imageIds=[which], acceptedMediaTypes=accepted)
    if not answer["images"]:
        reason = (answer.get("failures") or [{}])[0].get("failureReason", "no reason given")
        raise DeployError(f"ECR did not return the manifest of {which}: {reason}.")
    return str(answer["images"][0]["imageManifest"])
