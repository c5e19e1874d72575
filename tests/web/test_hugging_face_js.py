"""@huggingface/inference, as npm has it, against `moor serve`: given nothing but the server's address."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mooring.container.proxy import find_nginx
from mooring.testing.server import running_server
from tests.support.environments import environment
from tests.support.golden_sentences import write
from tests.support.tiny_models import write_tiny_bert
from tests.web.seen import Seen

pytestmark = pytest.mark.sdk

PROGRAM = Path(__file__).with_name("hf_inference.mjs")
TASKS = Path(__file__).with_name("hf_inference_tasks.mjs")
PATIENCE_S = 150.0


@pytest.mark.parametrize("front", ["none", "nginx"])
def test_questions_and_errors(front: str, tmp_path: Path, seen: Seen) -> None:
    """Answers in the shape that it checks, and our own words where there is none."""
    folder = environment("hfjs")
    if front == "nginx" and find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    with running_server(None, "--front", front) as server:
        command = [shutil.which("node") or "node", str(PROGRAM), server.url, str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=tmp_path, env={}
        )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    saw = {line["did"]: line["saw"] for line in lines if "did" in line}
    because = {line["cannot"]: line["because"] for line in lines if "cannot" in line}
    for name in ("one answer", "the address in the call", "several answers"):
        assert saw[name]["answer"] == "The king"
    assert saw["one answer of several"]["answer"] == "king"
    assert set(saw["no answer"]) == {"score", "start", "end", "answer"}
    assert "/inputs/question: the text is empty." in because["an empty question"]
    assert "Send inference requests to POST /invocations" in because["another path"]
    note(seen, "question-answering", "questionAnswering")


def note(seen: Seen, task: str, method: str) -> None:
    """A method of the client."""
    package = environment("hfjs") / "node_modules" / "@huggingface" / "inference" / "package.json"
    seen.did("@huggingface/inference", json.loads(package.read_text(encoding="utf-8"))["version"], task, method)


NLI = {"0": "contradiction", "1": "neutral", "2": "entailment"}


def _model(task: str, folder: Path) -> Path:
    """A tiny model that offers the task."""
    heads = {"token-classification": "token", "fill-mask": "masked", "feature-extraction": "hidden"}
    if task.startswith("sentence-"):
        return write("bert-mean", folder)
    more: dict[str, Any] = (
        {"id2label": NLI, "label2id": {name: int(key) for key, name in NLI.items()}} if "zero" in task else {}
    )
    return write_tiny_bert(folder, head=heads.get(task, "sequence"), **more)


METHODS = {
    "text-classification": "textClassification",
    "zero-shot-classification": "zeroShotClassification",
    "token-classification": "tokenClassification",
    "fill-mask": "fillMask",
    "feature-extraction": "featureExtraction",
    "sentence-embeddings": "featureExtraction",
    "sentence-similarity": "sentenceSimilarity",
}


@pytest.mark.parametrize("task", METHODS)
def test_each_task(task: str, tmp_path: Path, seen: Seen) -> None:
    """Its method takes the answer, whose shape it checks."""
    folder = environment("hfjs")
    with running_server(str(_model(task, tmp_path / "model"))) as server:
        command = [shutil.which("node") or "node", str(TASKS), server.url, str(folder), task]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=tmp_path, env={}
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    note(seen, task, METHODS[task])
