"""mooring.open: a model in this process, on the real engine."""

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mooring
from mooring.errors import HubRefused, InvalidRequest, ModelNotFound, UsageError
from mooring.opened import LOOK_AHEAD, OpenModel
from tests.support.golden_classification import write
from tests.support.tiny_models import write_tiny_bert

QUESTION = {"question": "who lives near the river ?", "context": "The king lives near the river."}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenModel]:
    """A tiny BERT for question answering."""
    with mooring.open(write_tiny_bert(tmp_path_factory.mktemp("qa") / "tiny"), threads=1) as opened:
        yield opened


def test_a_call_is_answered_as_a_request_would_be(model: OpenModel) -> None:
    """By name or as inputs, one or several, with parameters beside them."""
    answer = model(**QUESTION)
    assert set(answer) == {"score", "start", "end", "answer"}
    assert answer["answer"] == QUESTION["context"][answer["start"] : answer["end"]]
    assert model(QUESTION) == answer
    assert model([QUESTION, QUESTION]) == [answer, answer]
    assert model(**QUESTION, top_k=2)[0]["score"] == pytest.approx(answer["score"])


def test_map_keeps_the_order_and_reads_no_further_than_it_must(model: OpenModel) -> None:
    """Lazy: an endless corpus is answered as far as somebody looks."""
    read = 0

    def items() -> Iterator[dict[str, Any]]:
        nonlocal read
        while True:
            yield {"question": "who ?", "context": f"The king number {read} lives here.", "top_k": 1 + read % 2}
            read += 1

    answers = model.map(items())
    first = [next(answers) for _ in range(10)]
    assert [isinstance(answer, list) for answer in first] == [False, True] * 5
    assert read < 10 + LOOK_AHEAD + 1
    answers.close()  # type: ignore[attr-defined]
    assert model(question="who ?", context="The king number 0 lives here.") == first[0]


def test_batches_are_filled_over_requests(model: OpenModel) -> None:
    """Those of map share them, and so do those of several threads."""
    batches: list[int] = []
    backend = model._served.model.engine._worker.backend  # type: ignore[union-attr]
    run = backend.run

    def noted(windows: Any, **more: Any) -> Any:
        batches.append(len(windows))
        return run(windows, **more)

    backend.run = noted
    try:
        expected = model(**QUESTION)
        assert list(model.map([QUESTION] * 100)) == [expected] * 100
        assert max(batches) > 1
        assert sum(batches) == 101
        found: list[Any] = []
        threads = [threading.Thread(target=lambda: found.append(model(**QUESTION))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [expected] * 8
    finally:
        backend.run = run


def test_an_item_at_fault_has_its_error_in_its_place(model: OpenModel) -> None:
    """If that is asked for; else it is raised when its turn comes."""
    items = [QUESTION, {"question": "", "context": "x"}, QUESTION]
    good, bad, again = model.map(items, errors=True)
    assert good == again
    assert isinstance(bad, InvalidRequest)
    assert bad.pointer == "/inputs/question"
    answers = model.map(items)
    assert next(answers) == good
    with pytest.raises(InvalidRequest, match="empty"):
        next(answers)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"question": "who ?"}, "missing `context`"),
        ({**QUESTION, "topk_": 1}, "unknown parameter"),
        ({**QUESTION, "top_k": 0}, "at least 1"),
        ({}, "missing `question`"),
    ],
)
def test_arguments_at_fault_are_named(model: OpenModel, arguments: dict[str, Any], said: str) -> None:
    """As in a request."""
    with pytest.raises(InvalidRequest, match=said):
        model(**arguments)


def test_inputs_and_their_parts_are_not_mixed(model: OpenModel) -> None:
    """Which would count?"""
    with pytest.raises(UsageError, match="either inputs or question"):
        model(QUESTION, question="who ?")


def test_info_says_what_answers(model: OpenModel) -> None:
    """As /info does."""
    assert model.info["model"]["task"] == "question-answering"
    assert model.info["backend"]["engine"] == "openvino"


def test_other_tasks_are_called_by_their_own_names(tmp_path: Path) -> None:
    """A text alone, or a pair by name."""
    with mooring.open(write("roberta", tmp_path)) as model:
        assert model("It is good.")[0].keys() == {"label", "score"}
        assert model(text="It is good.", text_pair="Is it?", top_k=3)[2]["score"] > 0
        assert [len(answer) for answer in model.map([{"inputs": "good"}, {"text": "bad", "top_k": 2}])] == [1, 2]


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """With the same words as the server."""
    with pytest.raises(ModelNotFound, match="No file or folder"):
        mooring.open(tmp_path / "nothing")
    with pytest.raises(UsageError, match="precision"):
        mooring.open(write_tiny_bert(tmp_path / "tiny"), precision="int3")


def test_a_server_s_variables_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a port that is none nor SageMaker's program; what decides about the Hub does."""
    monkeypatch.setenv("MOORING_PORT", "no")
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference.py")
    mooring.open(write_tiny_bert(tmp_path / "tiny")).close()
    monkeypatch.setenv("MOORING_OFFLINE", "1")
    with pytest.raises(HubRefused, match="Offline mode is on"):
        mooring.open("org/nothing", cache_dir=tmp_path / "cache")


def test_a_closed_model_says_so(tmp_path: Path) -> None:
    """Also when it is closed twice; one that nobody holds any more is closed by itself."""
    model = mooring.open(write_tiny_bert(tmp_path / "tiny"))
    model.close()
    model.close()
    with pytest.raises(UsageError, match="closed"):
        model(**QUESTION)
    forgotten = mooring.open(tmp_path / "tiny")
    thread, reference = forgotten._thread, weakref.ref(forgotten)
    del forgotten
    gc.collect()
    assert reference() is None
    assert not thread.is_alive()


def test_a_model_with_code_of_its_own_is_asked_about(tmp_path: Path) -> None:
    """Running it means running a program; then it answers as it would in a server."""
    folder = write_tiny_bert(tmp_path / "tiny")
    (folder / "inference.py").write_text("def output_fn(answer, accept):\n    return '{\"mine\": 1}', accept\n")
    with pytest.raises(UsageError, match="comes with code"):
        mooring.open(folder)
    with mooring.open(folder, run_code=True) as model:
        assert model(**QUESTION) == {"mine": 1}
        assert list(model.map([QUESTION])) == [{"mine": 1}]
    with mooring.open(folder, run_code=False) as model:
        assert "answer" in model(**QUESTION)


@pytest.mark.wire
def test_a_program_that_never_closes_its_model_ends_all_the_same() -> None:
    """With the embedded model, in one line, and exit code 0."""
    program = (
        "import mooring\n"
        "model = mooring.open()\n"
        "print(model(question='Who wrote it?', context='Ada wrote it.')['answer'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "Ada", "")
