"""Models that nobody can ever serve end the first start with 3 and the reason, behind nginx as without."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mooring.container.crew import CRASHES
from mooring.container.proxy import find_nginx
from tests.support.behind import Behind, prepared
from tests.support.hub_server import HubServer
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True, scope="module")
def needs_nginx() -> None:
    """Debian's package, or any other."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")


def last_words(server: Behind) -> str:
    """The line that a command ends with when it fails."""
    server.until(lambda: any(line.startswith("moor: ") for line in server.log))
    [said] = [line for line in server.log if line.startswith("moor: ")]
    assert server.logged("giving up")
    return said


def _nan_weights(folder: Path) -> Path:
    write_tiny_bert(folder)
    arrays = load_file(folder / "model.safetensors")
    arrays["qa_outputs.bias"][:] = np.nan
    save_file(arrays, folder / "model.safetensors")
    return folder


def _nan_length(folder: Path) -> Path:
    write_tiny_bert(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": float("nan")}))
    return folder


@pytest.mark.parametrize(("write", "reason"), [(_nan_weights, "NaN"), (_nan_length, "model_max_length")])
def test_a_model_that_cannot_answer_ends_it_with_3_and_the_reason(
    tmp_path: Path, write: Callable[[Path], Path], reason: str
) -> None:
    """Also where the fault only shows in the first batch."""
    folder = str(write(tmp_path / "model"))
    command = [sys.executable, "-m", "mooring", "serve", folder, "--port", "0"]
    alone = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert alone.returncode == 3
    assert reason in next(line for line in alone.stderr.splitlines() if line.startswith("moor: "))
    with prepared(folder) as server:
        assert server.process.wait(60) == 3
        assert reason in last_words(server)


def test_a_hub_model_that_is_not_there_ends_it_as_well() -> None:
    """A Hub that cannot be reached is asked again; one that has no such model is not."""
    with HubServer({}) as hub, prepared("org/none", HF_ENDPOINT=hub.endpoint) as server:
        assert server.process.wait(60) == 3
        assert "has no model 'org/none'" in last_words(server)


def test_a_model_that_crashes_the_worker_at_every_start_is_given_up(tmp_path: Path) -> None:
    """After a few tries: a crash may be an accident, but not that often."""
    folder = write_tiny_bert(tmp_path / "model")
    (folder / "code").mkdir()
    text = "import os, signal\ndef model_fn(folder):\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
    (folder / "code" / "inference.py").write_text(text)
    with prepared(str(folder), "--run-code", "--workers", "1") as server:
        assert server.process.wait(120) == 3
        assert "died during startup (signal SIGSEGV)" in last_words(server)
        assert len(server.logged("running the model's code")) == CRASHES
        assert len(server.logged("worker cannot start")) == 1
