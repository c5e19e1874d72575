"""An image's name in, what is known of it out: architecture, size, Python. And images into the account's registry.

Asked of this machine's engine (Docker or Podman) and of ECR. What nobody knows is None, never an error. Called by
`deployment.py`, `observe.py`, `apply.py` and `doctor.py`.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.deploy.faults import code_of, in_words, is_denied, is_missing
from mooring.deploy.session import Session
from mooring.deploy.spec import Push
from mooring.errors import DeployError, echo

DEFAULT_IMAGE = "mooring"
ENGINES = ("docker", "podman")
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::([^@]+))?(?:@(sha256:\w+))?")
_INSPECT_S = 20.0
_INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image."""

    name: str
    known_by: str
    """ "docker", "podman" or "ECR"; "" if nobody knows it."""
    id: str = ""
    architectures: tuple[str, ...] = ()
    """As the engines say it: amd64, arm64."""
    size: int | None = None
    """Bytes, unpacked."""
    packed_size: int | None = None
    python: tuple[int, int] | None = None


def is_registry_name(image: str) -> bool:
    """Whether SageMaker can pull it as it is."""
    return _ECR.fullmatch(image) is not None


def region_of(image: str) -> str | None:
    """Of an image in ECR."""
    found = _ECR.fullmatch(image)
    return found[2] if found else None


def is_ours(image: str) -> bool:
    """Whether it is named as `moor image` names it, wherever it lies. What others have in theirs, nobody knows."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0] == DEFAULT_IMAGE


def local_facts(image: str) -> ImageFacts | None:
    """What this machine's engine says; None if there is no engine, or no such image in it."""
    for engine in ENGINES:
        program = shutil.which(engine)
        if program is None:
            continue
        try:
            command = [program, "image", "inspect", image]
            said = subprocess.run(command, capture_output=True, timeout=_INSPECT_S, check=False)
            found = json.loads(said.stdout)[0] if said.returncode == 0 else None
        except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
            continue
        if isinstance(found, dict):
            return _of_engine(image, engine, found)
    return None


def _of_engine(image: str, engine: str, found: dict[str, Any]) -> ImageFacts:
    environment = (found.get("Config") or {}).get("Env") or []
    version = next((each.partition("=")[2] for each in environment if each.startswith("PYTHON_VERSION=")), "")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return ImageFacts(
        image,
        engine,
        id=str(found.get("Id", "")).removeprefix("sha256:"),
        architectures=(str(found["Architecture"]),) if found.get("Architecture") else (),
        size=found.get("Size"),
        python=(int(numbers[1]), int(numbers[2])) if numbers else None,
    )


def registry_facts(session: Session, image: str) -> ImageFacts | None:
    """What ECR says; None if it has no such image, or the caller may not ask.

    Of an image for several architectures all are known; of one for a single one ECR does not say which it is.
    """
    found = _ECR.fullmatch(image)
    if found is None:
        return None
    account, region, repository, tag, digest = found.groups()
    which = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    about = {"registryId": account, "repositoryName": repository, "imageIds": [which]}
    if region != session.region:
        return None
    ecr = session.client("ecr")
    with in_words(f"Asking ECR about {image}"):
        try:
            size = ecr.describe_images(**about)["imageDetails"][0].get("imageSizeInBytes")
            images = ecr.batch_get_image(**about, acceptedMediaTypes=list(_INDEX_TYPES)).get("images", [])
        except ecr.exceptions.ClientError as error:
            if is_missing(error) or is_denied(error):
                return None
            raise
    return ImageFacts(image, "ECR", architectures=_of_index(images), packed_size=size)


def _of_index(images: list[dict[str, Any]]) -> tuple[str, ...]:
    if not images:
        return ()
    try:
        members = json.loads(images[0]["imageManifest"]).get("manifests", ())
        found = {str(member["platform"]["architecture"]) for member in members}
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(sorted(found - {"unknown"}))


def facts_of(image: str, session: Session | None) -> ImageFacts:
    """The best there is."""
    found = registry_facts(session, image) if session is not None and is_registry_name(image) else None
    return found or local_facts(image) or ImageFacts(image, "")


def pushed_name(session: Session, image: str) -> tuple[str, Push | None]:
    """The name by which SageMaker will pull it, and what is to be pushed for that; nothing where it needs no pushing.

    Raises DeployError if no engine here has the image.
    """
    if session.local or is_registry_name(image):
        return image, None
    facts = local_facts(image)
    if facts is None:
        raise DeployError(
            f"There is no image {echo(image)} in an engine on this machine, and it is no ECR name.",
            hint="Build it: moor image; or name one in ECR: --image ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG.",
        )
    repository = re.sub(r"[^a-z0-9/_.-]", "-", image.rpartition("@")[0] or image.partition(":")[0]).strip("-/")
    push = Push(image, repository, facts.id[:12] or "latest")
    return f"{session.account}.dkr.ecr.{session.region}.amazonaws.com/{repository}:{push.tag}", push


def in_registry(session: Session, push: Push) -> tuple[bool, bool]:
    """Whether the account's registry has the repository, and in it the image."""
    ecr = session.client("ecr")
    with in_words(f"Looking for the image {push.repository}:{push.tag} in ECR"):
        try:
            ecr.describe_images(repositoryName=push.repository, imageIds=[{"imageTag": push.tag}])
        except ecr.exceptions.ClientError as error:
            if not is_missing(error):
                raise
            return code_of(error) != "RepositoryNotFoundException", False
    return True, True


def push_image(session: Session, image: str, uri: str) -> None:
    """Tag and push by the engine's client, with ECR's token in a folder of its own: the user's logins stay as they are.

    Raises DeployError with what the client said last.
    """
    with in_words("Asking ECR for a token"):
        token = session.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    facts = local_facts(image)
    if facts is None:
        raise DeployError(f"The image {echo(image)} is gone from the engine.", hint="Build it again: moor image.")
    registry = uri.partition("/")[0]
    with tempfile.TemporaryDirectory(prefix="mooring-push-") as folder:
        login = Path(folder, "config.json")
        login.touch(0o600)
        login.write_text(json.dumps({"auths": {registry: {"auth": token}}}))
        environ = {**os.environ, "DOCKER_CONFIG": folder, "REGISTRY_AUTH_FILE": str(login)}
        for command in (["tag", image, uri], ["push", uri]):
            done = subprocess.run([facts.known_by, *command], env=environ, capture_output=True, text=True, check=False)
            if done.returncode:
                last = " / ".join(done.stderr.strip().splitlines()[-2:])
                raise DeployError(
                    f"{facts.known_by} {command[0]} failed: {last}",
                    hint="The caller needs ecr:PutImage and the layer uploads (AmazonEC2ContainerRegistryPowerUser).",
                )
