"""Images in the format that SageMaker takes: built and pushed by real clients into a real registry.

The images are a few bytes: the format depends on the client, not on what is in them. Not tested here: buildx, and
engines that keep images in containerd's store.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mooring.deploy import manifest
from mooring.deploy.engine import building, push
from tests.support.engine import engine, needed
from tests.support.started import started

pytestmark = pytest.mark.container

DOCKERFILE = 'FROM scratch\nCOPY Dockerfile /\nHEALTHCHECK CMD ["/none"]\n'
KNOWN = ", ".join((manifest.DOCKER, manifest.DOCKER_LIST, manifest.OCI, manifest.OCI_INDEX))
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a registry on this machine, which is gone with all that it has when the tests end."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed (Debian: scripts/engine.sh up)")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{one.getsockname()[1]}"
    folder = tmp_path_factory.mktemp("registry")
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: '{place}'}}\n"
    )
    command = [program, "serve", str(folder / "config.yml")]
    with (folder / "log").open("wb") as log, started(command, stdout=log, stderr=log) as process:
        end = time.monotonic() + PATIENCE_S
        while not answers(place):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "the registry does not answer"
            time.sleep(0.05)
        yield place
    shutil.rmtree(folder, ignore_errors=True)


def answers(place: str) -> bool:
    """Whether the registry listens."""
    try:
        return ask(place, "GET", "/v2/")[0] == 200
    except OSError:
        return False


def ask(place: str, method: str, path: str, body: str | None = None) -> tuple[int, str, str]:
    """Status, media type and text."""
    connection = http.client.HTTPConnection(place, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, {"Accept": KNOWN, "Content-Type": manifest.DOCKER})
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read().decode()
    finally:
        connection.close()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context of one file."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


@pytest.fixture
def podman(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The client, with a store of its own, that takes the registry without TLS."""
    program = shutil.which("podman")
    if program is None:
        pytest.skip("podman is not installed (Debian: scripts/engine.sh up)")
    store, registries = tmp_path / "storage.conf", tmp_path / "registries.conf"
    store.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/images"\nrunroot = "{tmp_path}/run"\n')
    registries.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(store))
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(registries))
    return program


def built(program: str, context: Path, tag: str, *, flags: bool = True) -> None:
    """As `moor image` builds, or with the client's own defaults."""
    given, variables = building(program)
    command = [program, "build", "-t", tag, *(given if flags else []), str(context)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_docker_pushes_dockers_format(registry: str, context: Path) -> None:
    """What it builds with the flags that its help lists."""
    uri = f"{registry}/format/docker:1"
    try:
        built(needed(), context, "mooring-format:test")
        push(needed(), "mooring-format:test", uri, {})
        status, media_type, text = ask(registry, "GET", "/v2/format/docker/manifests/1")
    finally:
        engine("rmi", "-f", "mooring-format:test", uri, check=False)
    assert (status, media_type) == (200, manifest.DOCKER)
    assert {layer["mediaType"] for layer in json.loads(text)["layers"]} == {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    }


@pytest.mark.parametrize("flags", [True, False], ids=["as moor image", "by default"])
def test_podman_pushes_dockers_format(registry: str, context: Path, podman: str, flags: bool) -> None:
    """Whatever format it has built: by default that is OCI's."""
    built(podman, context, "mooring-format:test", flags=flags)
    push(podman, "mooring-format:test", f"{registry}/format/podman:1", {})
    assert ask(registry, "GET", "/v2/format/podman/manifests/1")[:2] == (200, manifest.DOCKER)


def test_a_manifest_written_again_is_the_same_image(registry: str, context: Path, podman: str) -> None:
    """An image in OCI's format becomes one that the registry takes and Docker pulls, by its manifest alone."""
    built(podman, context, "mooring-format:test", flags=False)
    uri, path = f"{registry}/format/again", "/v2/format/again/manifests"
    subprocess.run([podman, "push", "-q", "mooring-format:test", f"{uri}:oci"], capture_output=True, check=True)
    status, media_type, text = ask(registry, "GET", f"{path}/oci")
    assert (status, media_type) == (200, manifest.OCI)
    assert ask(registry, "PUT", f"{path}/docker", manifest.as_docker(text))[0] == 201
    assert ask(registry, "GET", f"{path}/docker")[1] == manifest.DOCKER
    try:
        engine("pull", f"{uri}:docker")
        pulled = engine("image", "inspect", "-f", "{{.Id}}", f"{uri}:docker").strip()
    finally:
        engine("rmi", "-f", f"{uri}:docker", check=False)
    assert pulled == json.loads(text)["config"]["digest"]
