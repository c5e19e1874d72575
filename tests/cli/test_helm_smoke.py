"""The command of `helm test` fails unless the server gives the right answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mooring.testing import RunningServer

pytestmark = pytest.mark.wire

VALUES = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "mooring" / "values.yaml"
SENTENCE = "Ada Lovelace wrote it."


def status(url: str, sentence: str = SENTENCE) -> int:
    """Exit status of the chart's default command, with another sentence in its place."""
    text = VALUES.read_text(encoding="utf-8").partition("smokeTest:")[2].partition("- >-")[2]
    command = " ".join(text.split()).replace(SENTENCE, sentence)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "URL": url, "PATH": path}
    return subprocess.run(["sh", "-c", command], env=environ, capture_output=True, timeout=120, check=False).returncode


def test_the_right_answer_passes(mooring_server: RunningServer) -> None:
    """As the chart's test pod asks."""
    assert status(mooring_server.url) == 0


def test_anything_else_fails(mooring_server: RunningServer) -> None:
    """Another answer, or no server."""
    assert status(mooring_server.url, "Grace Hopper wrote it, and Ada Lovelace read it.") != 0
    assert status("http://127.0.0.1:9") != 0
