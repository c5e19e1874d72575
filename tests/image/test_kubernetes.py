"""The chart's Deployment as Podman runs it: its security context, command, environment, volumes and probes.

Podman has no probes of its own and no Services: the test asks what the probes would, at a port of this machine.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import IMAGE, needed
from tests.support.environments import environment

pytestmark = pytest.mark.container

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180.0
NAME = "localhost/mooring-kube:test"
SETTINGS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""For machines without systemd."""


def podman(*arguments: str, settings: Path) -> str:
    """What Podman prints."""
    environ = {**os.environ, "CONTAINERS_CONF": str(settings)}
    done = subprocess.run(["podman", *arguments], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Podman's, and the image in its store."""
    for program in ("podman", "runc", "catatonit"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: scripts/engine.sh up)")
    path = tmp_path_factory.mktemp("podman") / "containers.conf"
    path.write_text(SETTINGS, encoding="utf-8")
    if Path(needed()).name != "podman":
        archive = path.with_name("image.tar")
        subprocess.run([needed(), "save", "-o", str(archive), IMAGE], check=True)
        podman("load", "-q", "-i", str(archive), settings=path)
        archive.unlink()
    podman("tag", IMAGE, NAME, settings=path)
    return path


@pytest.fixture(scope="module")
def port(settings: Path) -> Iterator[int]:
    """The port of the rendered Deployment, which answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number: int = one.getsockname()[1]
    repository, _, tag = NAME.rpartition(":")
    limits = {"cpu": "1", "memory": "1Gi"}
    values = {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "model": {"name": "qa"},
        "hostPort": number,
        "resources": {"requests": limits, "limits": limits},
    }
    rendering = ROOT / "deploy" / "tests" / "rendering.py"
    command = [str(environment("charts") / "bin" / "python"), str(rendering), json.dumps(values)]
    path = settings.with_name("deployment.yaml")
    with path.open("w", encoding="utf-8") as file:
        subprocess.run([*command, "Deployment"], stdout=file, check=True)
    podman("kube", "play", str(path), settings=settings)
    try:
        until_ready(number, settings)
        yield number
    finally:
        podman("kube", "down", str(path), settings=settings)


def until_ready(port: int, settings: Path) -> None:
    """As the startup probe does."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if ask(port, "GET", "/ping")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.5)
    container = podman("ps", "-aq", "--filter", f"ancestor={NAME}", settings=settings).split()[0]
    pytest.fail(f"not ready within {PATIENCE_S:g} s: {podman('logs', container, settings=settings)}")


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and decoded body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_it_answers_and_its_probes_are_green(port: int) -> None:
    """By the name of the release."""
    assert ask(port, "GET", "/ping") == (200, {"status": "ready"})
    assert ask(port, "GET", "/health/live") == (200, {"status": "live"})
    texts: Mapping[str, str] = {"question": "Who wrote it?", "context": "Ada Lovelace wrote it in 1843."}
    inputs = [{"name": name, "shape": [1], "datatype": "BYTES", "data": [text]} for name, text in texts.items()]
    status, found = ask(port, "POST", "/v2/models/qa/infer", {"inputs": inputs})
    assert status == 200
    assert found["outputs"][0]["data"] == ["Ada Lovelace"]


def test_it_is_allowed_as_little_as_the_manifest_says(port: int, settings: Path) -> None:
    """No root, no capabilities, and nothing to write on but /tmp."""
    assert port
    (container,) = podman("ps", "-q", "--filter", f"ancestor={NAME}", settings=settings).splitlines()
    said = podman("exec", container, "sh", "-c", "id -u; grep CapBnd /proc/1/status; touch /tmp/a", settings=settings)
    assert said.split() == ["1001", "CapBnd:", "0" * 16]
    refused = subprocess.run(
        ["podman", "exec", container, "touch", "/opt/a"],
        env={**os.environ, "CONTAINERS_CONF": str(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Read-only file system" in refused.stderr
    podman("exec", container, "sleep", "0", settings=settings)  # for preStop
