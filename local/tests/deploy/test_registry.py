"""ECR: what it has, and images on their way into it, with a client that records what it is told."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from mooring.deploy import manifest
from mooring.deploy.deployment import Order, prepare
from mooring.deploy.registry import in_registry, push_image, pushed_name, registry_facts
from mooring.deploy.session import Session
from mooring.deploy.spec import Push
from mooring.errors import DeployError, UsageError
from mooring.progress import Silent
from tests.deploy.test_manifest import LAYER, oci

pytestmark = pytest.mark.wire

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
PLAIN = json.dumps(oci(f"{LAYER}+gzip"))


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client that knows one image, `mine`; the file has its calls, and the login that they had."""
    log, program = tmp_path / "log", tmp_path / "bin" / "docker"
    program.parent.mkdir()
    (tmp_path / "inspected").write_text('[{"Id": "sha256:0123456789abcdef", "Architecture": "arm64", "Size": 42}]')
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {log}\n'
        f'if [ "$1 $2 $3" = "image inspect mine" ]; then cat {tmp_path}/inspected; exit 0; fi\n'
        '[ "$1" = image ] && exit 1\n'
        f'if [ "$1" = push ] && [ "$2" != --help ]; then cat "$DOCKER_CONFIG/config.json" >> {log}; fi\n'
        "exit 0\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr("mooring.deploy.engine.ENGINES", ("docker",))
    return log


@pytest.fixture
def repository(session: Session) -> str:
    """A repository of the test's own."""
    name = f"r-{uuid.uuid4().hex}"
    session.client("ecr").create_repository(repositoryName=name)
    return name


def put(session: Session, repository: str, text: str, media_type: str, tag: str = "1") -> str:
    """As a client's push leaves it; the digest."""
    image = session.client("ecr").put_image(
        repositoryName=repository, imageManifest=text, imageManifestMediaType=media_type, imageTag=tag
    )
    return str(image["image"]["imageId"]["imageDigest"])


def index_of(session: Session, repository: str, *architectures: str, kind: str = manifest.OCI_INDEX) -> str:
    """An index in the registry, of images for these architectures and an attestation of each."""
    members: list[dict[str, Any]] = []
    for number, name in enumerate(architectures):
        text = json.dumps(oci(*[f"{LAYER}+gzip"] * (number + 1)))
        digest = put(session, repository, text, manifest.OCI, f"part-{number}")
        members.append({"digest": digest, "platform": {"architecture": name, "os": "linux"}})
        members.append({"digest": "sha256:0", "platform": {"architecture": "unknown", "os": "unknown"}})
    text = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": members})
    put(session, repository, text, kind)
    return text


def stored(session: Session, repository: str) -> tuple[str, dict[str, Any]]:
    """Media type and manifest under the tag."""
    found = session.client("ecr").batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "1"}])["images"][0]
    return found["imageManifestMediaType"], json.loads(found["imageManifest"])


def test_what_the_registry_has(session: Session) -> None:
    """Neither repository nor image; then the repository alone; then the image."""
    push = Push("mine", "registry-test", "1")
    assert in_registry(session, push) == (False, False)
    session.client("ecr").create_repository(repositoryName="registry-test")
    assert in_registry(session, push) == (True, False)
    assert registry_facts(session, f"{ECR}/registry-test:1") is None
    put(session, "registry-test", manifest.as_docker(PLAIN), manifest.DOCKER)
    assert in_registry(session, push) == (True, True)
    facts = registry_facts(session, f"{ECR}/registry-test:1")
    assert facts is not None
    assert (facts.known_by, facts.media_type) == ("ECR", manifest.DOCKER)


@pytest.mark.parametrize("kind", [manifest.OCI, manifest.OCI_INDEX, manifest.DOCKER_LIST])
def test_an_image_that_sagemaker_does_not_take_is_pushed_again(session: Session, repository: str, kind: str) -> None:
    """An earlier push may have left it in another format."""
    if kind == manifest.OCI:
        put(session, repository, PLAIN, kind)
    else:
        index_of(session, repository, "amd64", kind=kind)
    assert in_registry(session, Push("mine", repository, "1")) == (True, False)


def test_an_image_is_tagged_and_pushed(docker: Path, session: Session, repository: str) -> None:
    """With ECR's token in a folder of its own."""
    put(session, repository, manifest.as_docker(PLAIN), manifest.DOCKER)
    push_image(session, "mine", f"{ECR}/{repository}:1")
    calls = docker.read_text().splitlines()
    assert calls[1:4] == ["push --help", f"tag mine {ECR}/{repository}:1", f"push {ECR}/{repository}:1"]
    assert ECR in json.loads(calls[4])["auths"]


def test_an_oci_manifest_is_written_again_as_dockers(docker: Path, session: Session, repository: str) -> None:
    """Under the same tag, with the same configuration and layers; and that is said."""
    put(session, repository, PLAIN, manifest.OCI)
    said: list[str] = []
    push_image(session, "mine", f"{ECR}/{repository}:1", said.append)
    assert stored(session, repository) == (manifest.DOCKER, json.loads(manifest.as_docker(PLAIN)))
    assert said == [f"from {manifest.OCI} to Docker's format"]


@pytest.mark.parametrize("kind", [manifest.OCI_INDEX, manifest.DOCKER_LIST])
@pytest.mark.parametrize(("architectures", "layers"), [(("amd64", "arm64"), 2), (("riscv64",), 1)])
def test_of_an_index_the_image_for_this_machine_is_taken(
    docker: Path, session: Session, repository: str, kind: str, architectures: tuple[str, ...], layers: int
) -> None:
    """Or the only one."""
    index_of(session, repository, *architectures, kind=kind)
    push_image(session, "mine", f"{ECR}/{repository}:1")
    media_type, found = stored(session, repository)
    assert (media_type, len(found["layers"])) == (manifest.DOCKER, layers)


def test_an_index_without_an_image_for_this_machine(docker: Path, session: Session, repository: str) -> None:
    """Is refused, with what it holds."""
    index_of(session, repository, "amd64", "s390x")
    with pytest.raises(DeployError, match="is an index of amd64, s390x, not a single image"):
        push_image(session, "mine", f"{ECR}/{repository}:1")


def test_layers_that_docker_has_no_type_for(docker: Path, session: Session, repository: str) -> None:
    """Nothing is written."""
    put(session, repository, json.dumps(oci(f"{LAYER}+zstd")), manifest.OCI)
    with pytest.raises(DeployError, match=r"no media type for .*zstd"):
        push_image(session, "mine", f"{ECR}/{repository}:1")
    assert stored(session, repository)[0] == manifest.OCI


@pytest.mark.parametrize("kind", [manifest.OCI, manifest.OCI_INDEX])
@pytest.mark.parametrize("compute", [True, False])
def test_an_image_of_the_users_own_is_refused_before_anything_is_made(
    session: Session, repository: str, tmp_path: Path, kind: str, compute: bool
) -> None:
    """Also for a model alone, as a batch job makes it; it is not touched."""
    if kind == manifest.OCI:
        put(session, repository, PLAIN, kind)
    else:
        index_of(session, repository, "amd64")
    before, models = stored(session, repository), session.client("sagemaker").list_models()["Models"]
    image = f"{ECR}/{repository}:1"
    order = Order("oci", image=image) if compute else Order("oci", image=image, compute=None)
    with pytest.raises(UsageError, match="SageMaker does not accept the image") as caught:
        prepare(session, order, tmp_path, Silent())
    assert kind in caught.value.message
    assert f"skopeo copy --format v2s2 docker://{image}" in caught.value.hint
    assert stored(session, repository) == before
    assert session.client("sagemaker").list_models()["Models"] == models


def test_an_image_in_dockers_format_is_taken(session: Session, repository: str, tmp_path: Path) -> None:
    """And one that the registry does not know is SageMaker's to judge."""
    put(session, repository, manifest.as_docker(PLAIN), manifest.DOCKER)
    for image in (f"{ECR}/{repository}:1", f"{ECR}/nobody-knows:1"):
        assert prepare(session, Order("taken-image", image=image), tmp_path, Silent()).image == image


def test_at_a_local_sagemaker_the_name_goes_as_it_is(session: Session) -> None:
    """There nothing is pulled."""
    assert pushed_name(session, "mooring") == ("mooring", None)
