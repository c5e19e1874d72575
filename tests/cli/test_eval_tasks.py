"""`moor eval` on labeled samples of every task: which task the file is for, and files of another task."""

import json
from pathlib import Path

import pytest

from mooring.cli import run
from mooring.testing.server import running_server
from tests.support.every_task import MODELS

pytestmark = pytest.mark.wire

SAMPLES = Path(__file__).parents[2] / "examples" / "data"
FIGURES = {
    "text-classification": {"accuracy"},
    "token-classification": {"precision", "recall", "f1"},
    "text-ranking": {"ndcg_at_10", "mrr_at_10"},
    "zero-shot-classification": {"accuracy"},
    "sentence-similarity": {"spearman"},
}


@pytest.mark.parametrize("task", FIGURES)
def test_a_samples_labels_decide_among_the_models_tasks(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here and at a server, without --task; the same figures."""
    folder, file = str(MODELS[task](tmp_path)), str(SAMPLES / f"{task}.jsonl")
    assert run(["eval", file, "-m", folder, "--json", "--compile-cache-bytes", "0"]) == 0
    here = json.loads(capsys.readouterr().out)
    assert set(here) >= FIGURES[task]
    assert here["questions"] >= 20
    assert not here["errors"]
    with running_server(folder, "--compile-cache-bytes", "0") as server:
        assert run(["eval", file, "--url", server.url, "--json"]) == 0
    there = json.loads(capsys.readouterr().out)
    assert {name: there[name] for name in FIGURES[task]} == pytest.approx({name: here[name] for name in FIGURES[task]})


def test_a_file_for_another_task_is_refused_with_what_is_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each task of the model."""
    folder = str(MODELS["text-ranking"](tmp_path / "one"))
    assert run(["eval", str(SAMPLES / "token-classification.jsonl"), "-m", folder]) == 2
    said = capsys.readouterr().err
    assert "has no labels for this model's tasks (text-classification, text-ranking)." in said
    assert '"label": "POSITIVE"' in said
    assert '"query"' in said
    hidden = str(MODELS["feature-extraction"](tmp_path / "hidden"))
    assert run(["eval", str(SAMPLES / "sentence-similarity.jsonl"), "-m", hidden]) == 2
    assert "feature-extraction has no labeled examples to evaluate on." in capsys.readouterr().err


def test_a_model_of_several_is_named_in_the_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By run, eval and bench; each with its own task and example."""
    folders = [str(MODELS[task](tmp_path / task)) for task in ("fill-mask", "sentence-embeddings")]
    with running_server(*folders, "--compile-cache-bytes", "0") as server:
        url = f"{server.url}/invocations?model=sentence-embeddings"
        assert run(["run", "--url", url, "the king"]) == 0
        assert capsys.readouterr().out.startswith("32 values: ")
        assert run(["eval", str(SAMPLES / "sentence-similarity.jsonl"), "--url", url]) == 0
        assert "spearman" in capsys.readouterr().out
        assert run(["bench", url, "--requests", "20"]) == 0
        assert "answered    20 of 20" in capsys.readouterr().out
        assert run(["run", "--url", server.url, "it is <mask> ."]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 5
