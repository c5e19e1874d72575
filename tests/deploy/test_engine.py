"""The engine's client: which flags it gets, by its own help, and how it signs in.

The help texts are those parts that decide, as the clients print them. Docker 20.10 and Podman 4.3 are tried for real in
tests/image/test_format.py. buildx is not: that its flags have the effect wanted is not shown here.
"""

import json
import os
from pathlib import Path

import pytest

from mooring.deploy.engine import build_flags, building, local_facts, push, push_flags, running, signed_in
from mooring.errors import BuildError, DeployError

DOCKER_20 = """
Usage:  docker build [OPTIONS] PATH | URL | -

Options:
      --build-arg list          Set build-time variables
      --network string          Set the networking mode for the RUN
                                instructions during build (default "default")
  -o, --output stringArray      Output destination (format: type=local,dest=path)
  -t, --tag list                Name and optionally a tag in the
                                'name:tag' format
"""
BUILDX = """
Usage:  docker buildx build [OPTIONS] PATH | URL | -

Start a build

Options:
      --attest stringArray            Attestation parameters (format: "type=sbom,generator=image")
      --build-arg stringArray         Set build-time variables
      --load                          Shorthand for "--output=type=docker"
  -o, --output stringArray            Output destination (format: "type=local,dest=path")
      --provenance string             Shorthand for "--attest=type=provenance"
      --push                          Shorthand for "--output=type=registry,unpack=false"
      --sbom string                   Shorthand for "--attest=type=sbom"
"""
BUILDX_0_9 = "\n".join(line for line in BUILDX.splitlines() if "provenance" not in line and "--sbom" not in line)
PODMAN = """
Options:
      --file strings                  pathname or URL of a Dockerfile
      --format format                 format of the built image's manifest and metadata. (default "oci")
"""
DOCKER_PUSH = """
Options:
  -a, --all-tags                Push all tags of an image to the repository
      --platform string         Push a platform-specific manifest as a single-platform image to the registry.
"""
PODMAN_PUSH = """
      --compression-format string           compression format to use
  -f, --format string                       Manifest type (oci, v2s2, or v2s1) to use in the destination
"""
INSPECTED = {
    "Id": "sha256:0123456789abcdef",
    "Architecture": "arm64",
    "Size": 42,
    "Config": {"Env": ["PATH=/bin", "PYTHON_VERSION=3.12.4"]},
}
DOCKERS_TYPES = ["--output", "type=docker,oci-mediatypes=false"]


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (DOCKER_20, []),
        (BUILDX, ["--provenance=false", *DOCKERS_TYPES]),
        (BUILDX_0_9, DOCKERS_TYPES),
        (PODMAN, ["--format", "docker"]),
        ("", []),
    ],
)
def test_a_build_gets_the_flags_that_its_client_lists(text: str, flags: list[str]) -> None:
    """And no other: an older client refuses them."""
    assert build_flags(text) == flags


@pytest.mark.parametrize(("text", "flags"), [(DOCKER_PUSH, []), (PODMAN_PUSH, ["--format", "v2s2"]), ("", [])])
def test_a_push_gets_the_flags_that_its_client_lists(text: str, flags: list[str]) -> None:
    """Podman converts; Docker pushes what it has."""
    assert push_flags(text) == flags


def client(folder: Path, body: str, name: str = "docker") -> Path:
    """A program of that name, first on PATH; the folder has a log of its calls."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/log\n{body}\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH with engines in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/nowhere")
    for tool in ("cat", "sh"):
        (folder / tool).symlink_to(f"/bin/{tool}")
    return folder


def test_a_client_without_its_plugin_builds_without_buildkit(bin_folder: Path) -> None:
    """Docker 23 and later refuse even the help, if they are told to use BuildKit and have no buildx."""
    (bin_folder / "help").write_text(DOCKER_20)
    program = client(bin_folder, f'[ "$DOCKER_BUILDKIT" = 1 ] && exit 1\ncat {bin_folder}/help')
    assert building(str(program)) == ([], {"DOCKER_BUILDKIT": "0"})
    program = client(bin_folder, f"cat {bin_folder}/help")
    assert building(str(program)) == ([], {"DOCKER_BUILDKIT": "1"})


def test_podman_under_dockers_name(bin_folder: Path) -> None:
    """It is told by what it lists, not by its name."""
    (bin_folder / "help").write_text(PODMAN)
    program = client(bin_folder, f"cat {bin_folder}/help")
    assert building(str(program))[0] == ["--format", "docker"]


def test_what_an_engine_says(bin_folder: Path) -> None:
    """Architecture, size and Python; None for an image that no engine has."""
    (bin_folder / "inspected").write_text(json.dumps([INSPECTED]))
    client(bin_folder, "exit 1")
    client(bin_folder, f'[ "$3" = mine ] && exec cat {bin_folder}/inspected\nexit 125', "podman")
    facts = local_facts("mine")
    assert facts is not None
    assert (facts.architectures, facts.size, facts.python, facts.known_by) == (("arm64",), 42, (3, 12), "podman")
    assert local_facts("other") is None


@pytest.mark.parametrize("body", ["exit 1", "echo not JSON", "echo '[]'", "echo '[7]'"])
def test_an_engine_that_says_nothing_of_use(bin_folder: Path, body: str) -> None:
    """Is as good as none."""
    client(bin_folder, body)
    assert local_facts("mine") is None


def test_the_first_engine_that_answers(bin_folder: Path) -> None:
    """Or the one that is named; none is an error with a way out."""
    with pytest.raises(BuildError, match="No running docker or podman engine found"):
        running()
    client(bin_folder, "exit 1")
    podman = client(bin_folder, "exit 0", "podman")
    assert running() == str(podman)
    with pytest.raises(BuildError, match="No running docker engine found") as caught:
        running("docker")
    assert "--context" in caught.value.hint


def test_a_push_in_dockers_format(bin_folder: Path) -> None:
    """Tagged, then pushed."""
    (bin_folder / "help").write_text(PODMAN_PUSH)
    program = client(bin_folder, f'[ "$2" = --help ] && exec cat {bin_folder}/help\nexit 0', "podman")
    push(str(program), "mine", "host/mine:1", {})
    assert (bin_folder / "log").read_text().splitlines() == [
        "push --help",
        "tag mine host/mine:1",
        "push --format v2s2 host/mine:1",
    ]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("no basic auth credentials", "ecr:PutImage"),
        ("denied: User is not authorized to perform: ecr:InitiateLayerUpload", "ecr:PutImage"),
        ("zstd compression is not supported", "compression_format"),
        ("dial tcp: lookup host: no such host", ""),
    ],
)
def test_a_push_that_fails_says_why(bin_folder: Path, said: str, hint: str) -> None:
    """In the client's last words, with what to do about it where that is known."""
    program = client(bin_folder, f'[ "$1" = push ] || exit 0\necho "{said}" >&2; exit 1')
    with pytest.raises(DeployError, match=f"docker push failed: {said}") as caught:
        push(str(program), "mine", "host/mine:1", {})
    assert (hint in caught.value.hint) is bool(hint) or caught.value.hint == hint


def test_signing_in_leaves_the_users_logins_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration of its own, readable by this user alone, and gone afterwards; the engine stays the user's."""
    own = tmp_path / "docker"
    (own / "contexts").mkdir(parents=True)
    (own / "config.json").write_text('{"auths": {"secret": {}}, "credsStore": "x", "currentContext": "colima"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(own))
    with signed_in("host", "token") as environ:
        folder = Path(environ["DOCKER_CONFIG"])
        login = folder / "config.json"
        assert json.loads(login.read_text()) == {"auths": {"host": {"auth": "token"}}, "currentContext": "colima"}
        assert (login.stat().st_mode & 0o777, environ["REGISTRY_AUTH_FILE"]) == (0o600, str(login))
        assert os.path.samefile(folder / "contexts", own / "contexts")  # noqa: PTH121 - of two links
    assert not folder.exists()
    assert (own / "contexts").is_dir()


@pytest.mark.parametrize("text", [None, "not JSON", "[]", "{}"])
def test_signing_in_without_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """Of the user's, or with one that cannot be read."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    if text is not None:
        (tmp_path / ".docker" / "contexts").mkdir(parents=True)
        (tmp_path / ".docker" / "config.json").write_text(text)
    with signed_in("host", "token") as environ:
        assert json.loads(Path(environ["REGISTRY_AUTH_FILE"]).read_text()) == {"auths": {"host": {"auth": "token"}}}
