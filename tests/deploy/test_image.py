"""Images: what the engine says of them, and their way into a registry, with a client that records what it is told."""

import json
from pathlib import Path

import pytest

from mooring.deploy.image import (
    in_registry,
    is_registry_name,
    local_facts,
    push_image,
    pushed_name,
    registry_facts,
)
from mooring.deploy.session import Session
from mooring.deploy.spec import Push
from mooring.errors import DeployError

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
INSPECTED = {
    "Id": "sha256:0123456789abcdef",
    "Architecture": "arm64",
    "Size": 42,
    "Config": {"Env": ["PATH=/bin", "PYTHON_VERSION=3.12.4"]},
}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client that knows one image, `mine`; the file has its calls, and the login that they had."""
    log, program = tmp_path / "log", tmp_path / "bin" / "docker"
    program.parent.mkdir()
    (tmp_path / "inspected").write_text(json.dumps([INSPECTED]))
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {log}\n'
        f'if [ "$1 $2 $3" = "image inspect mine" ]; then cat {tmp_path}/inspected; exit 0; fi\n'
        '[ "$1" = image ] && exit 1\n'
        f'if [ "$1" = push ]; then cat "$DOCKER_CONFIG/config.json" >> {log}; fi\n'
        'case "$2" in */denied:*) echo "no basic auth credentials" >&2; exit 1;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr("mooring.deploy.image.ENGINES", ("docker",))
    return log


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        (f"{ECR}/mooring:1", True),
        (f"{ECR}/team/mooring", True),
        (f"{ECR}/mooring@sha256:ab", True),
        ("mooring", False),
        ("docker.io/library/mooring:1", False),
    ],
)
def test_names_that_sagemaker_can_pull(name: str, registry: bool) -> None:
    """Those of ECR."""
    assert is_registry_name(name) is registry


def test_what_an_engine_says(docker: Path) -> None:
    """Architecture, size and Python; None for an image that it has not."""
    facts = local_facts("mine")
    assert facts is not None
    assert (facts.architectures, facts.size, facts.python, facts.known_by) == (("arm64",), 42, (3, 12), "docker")
    assert local_facts("other") is None


def test_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known then."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert local_facts("mine") is None


@pytest.mark.wire
def test_an_image_is_tagged_and_pushed(docker: Path, session: Session) -> None:
    """With ECR's token in a folder of its own."""
    push_image(session, "mine", f"{ECR}/mine:0123")
    calls = docker.read_text().splitlines()
    assert calls[1:3] == [f"tag mine {ECR}/mine:0123", f"push {ECR}/mine:0123"]
    assert ECR in json.loads(calls[3])["auths"]


@pytest.mark.wire
def test_a_push_that_fails_says_why(docker: Path, session: Session) -> None:
    """The client's last words."""
    with pytest.raises(DeployError, match="no basic auth credentials"):
        push_image(session, "mine", f"{ECR}/denied:1")


@pytest.mark.wire
def test_what_the_registry_has(session: Session) -> None:
    """Neither repository nor image; then the repository alone."""
    push = Push("mine", "registry-test", "0123")
    assert in_registry(session, push) == (False, False)
    session.client("ecr").create_repository(repositoryName="registry-test")
    assert in_registry(session, push) == (True, False)
    assert registry_facts(session, f"{ECR}/registry-test:0123") is None


@pytest.mark.wire
def test_at_a_local_sagemaker_the_name_goes_as_it_is(session: Session) -> None:
    """There nothing is pulled."""
    assert pushed_name(session, "mooring") == ("mooring", None)
