"""`moor run`: requests from arguments, answers for people, and every task on a real model."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import run
from mooring.cli.run_output import lines_of
from mooring.cli.run_request import Given, read_parameters, request_of, task_for
from mooring.errors import UsageError
from mooring.tasks import TASKS
from tests.support.answering import Answering, Reply
from tests.support.every_task import MODELS

REQUESTS: list[tuple[str, Given, object, dict[str, object]]] = [
    ("question-answering", Given(("a",), query="q"), {"question": "q", "context": "a"}, {}),
    ("question-answering", Given(("a", "b"), query="q"), {"question": "q", "contexts": ["a", "b"]}, {}),
    ("text-classification", Given(("a",)), "a", {"top_k": None}),
    (
        "text-classification",
        Given(("a",), pair="b", parameters={"top_k": 1}),
        {"text": "a", "text_pair": "b"},
        {"top_k": 1},
    ),
    ("token-classification", Given(("a", "b")), ["a", "b"], {"aggregation_strategy": "simple"}),
    ("text-ranking", Given(("a",), query="q"), {"query": "q", "texts": ["a"]}, {}),
    ("zero-shot-classification", Given(("a",), labels="x, y"), "a", {"candidate_labels": ["x", "y"]}),
    ("sentence-similarity", Given(("a", "b", "c")), {"source_sentence": "a", "sentences": ["b", "c"]}, {}),
    ("sentence-embeddings", Given(("a",), parameters={"normalize": False}), "a", {"normalize": False}),
]


@pytest.mark.parametrize(("task", "given", "inputs", "parameters"), REQUESTS)
def test_arguments_become_the_request_of_the_task(
    task: str, given: Given, inputs: object, parameters: dict[str, object]
) -> None:
    """And one that the task itself accepts (tests below run it)."""
    assert request_of(task, given) == (inputs, parameters)


@pytest.mark.parametrize(
    ("given", "offered", "task"),
    [
        (Given(("a",)), ("text-classification", "text-ranking"), "text-classification"),
        (Given(("a",), query="q"), ("text-classification", "text-ranking"), "text-ranking"),
        (Given(("a",), query="q"), ("question-answering",), "question-answering"),
        (Given(("a",), labels="x"), ("text-classification", "zero-shot-classification"), "zero-shot-classification"),
        (Given(("a",)), ("feature-extraction", "sentence-embeddings"), "sentence-embeddings"),
        (Given(("a",)), ("feature-extraction",), "feature-extraction"),
        (Given(("a",)), ("sentence-similarity", "sentence-embeddings"), "sentence-similarity"),
    ],
)
def test_the_arguments_decide_among_the_tasks_of_a_model(given: Given, offered: tuple[str, ...], task: str) -> None:
    """Without them it is the model's own; whole texts are pooled where the model can."""
    assert task_for(given, offered) == task


@pytest.mark.parametrize(
    ("task", "given", "message", "hint"),
    [
        (
            "text-ranking",
            Given(("a",)),
            "text-ranking needs a query.",
            "Add --query TEXT. The INPUTs are the texts to rank.",
        ),
        ("question-answering", Given(("a",)), "question-answering needs a question.", "Add --question TEXT."),
        ("fill-mask", Given(("a",), query="q"), "--query has no effect: the task is fill-mask.", "Leave it out, or"),
        ("text-classification", Given(("a",), labels="x"), "--labels has no effect: the task is", "zero-shot"),
        ("zero-shot-classification", Given(("a",)), "zero-shot-classification needs labels to", "Add --labels"),
        ("sentence-similarity", Given(("a",)), "sentence-similarity needs at least two INPUTs", "The first one"),
        ("text-classification", Given(("a", "b"), pair="c"), "--pair takes one INPUT, found 2.", "for each pair"),
    ],
)
def test_wrong_arguments_say_what_to_do(task: str, given: Given, message: str, hint: str) -> None:
    """Before anything is computed."""
    with pytest.raises(UsageError) as refused:
        request_of(task, given)
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_parameters_are_json_or_text() -> None:
    """top_k=3 is a number."""
    assert read_parameters(["top_k=3", "a=b=c", "multi_label=true", "x=null"]) == {
        "top_k": 3,
        "a": "b=c",
        "multi_label": True,
        "x": None,
    }
    with pytest.raises(UsageError, match="Invalid parameter 'top_k'"):
        read_parameters(["top_k"])


SHOWN: list[tuple[str, Any, Any, list[str]]] = [
    ("text-classification", "a", [{"label": "good", "score": 0.75}], [" 0.750  good"]),
    ("token-classification", "a", [], ["no entities"]),
    (
        "token-classification",
        "Ada ran",
        [{"entity_group": "PER", "score": 0.5, "word": "Ada", "start": 0, "end": 3}],
        [" 0.500  PER  Ada  (0 to 3)"],
    ),
    ("fill-mask", "a", [{"score": 1.0, "token": 3, "token_str": " b", "sequence": "a b"}], [" 1.000  b  a b"]),
    ("sentence-embeddings", ["a"], [[0.5] * 5], ["a", "  5 values: 0.5000 0.5000 0.5000 0.5000 …"]),
    ("text-ranking", {"texts": ["a", "b"]}, [{"index": 1, "score": 0.9}], ["1. 0.900  b"]),
    ("zero-shot-classification", "a", {"labels": ["x"], "scores": [0.5]}, [" 0.500  x"]),
    ("sentence-similarity", {"sentences": ["b\x1b"]}, [-0.5], ["-0.500  b�"]),
    (
        "question-answering",
        {"contexts": ["a", "b"]},
        [{"score": 0.5, "answer": "b", "start": 0, "end": 1, "context_index": 1}, {"score": 0.1, "answer": ""}],
        [" 0.500  b  (INPUT 2, characters 0 to 1)", " 0.100  No answer in this text"],
    ),
    ("fill-mask", "a", {"unexpected": 1}, ['{"unexpected": 1}']),
    ("", "a", "by code", ['"by code"']),
]


@pytest.mark.parametrize(("task", "inputs", "answer", "lines"), SHOWN)
def test_answers_are_readable(task: str, inputs: Any, answer: Any, lines: list[str]) -> None:
    """And safe on a terminal. Another server's answer is shown as it is."""
    from click import unstyle

    assert [unstyle(line) for line in lines_of(task, inputs, answer)] == lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No model was given."),
        (["-"], "No model was given."),
        (["./m", " "], "INPUT 1 is empty: ' '."),
        (["./m", "a", "--lines"], "--lines has no effect without -."),
        (["./m", "-", "-"], "- was given twice"),
        (["-m", "./m", "--url", "localhost:1", "a"], "--model has no effect with --url"),
    ],
)
def test_a_wrong_command_line_is_refused_before_a_model_is_loaded(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2."""
    assert run(["run", *arguments]) == 2
    assert f"moor: {message}" in capsys.readouterr().err


TEXTS = {
    "question-answering": ["the king lives near the river", "--question", "who ?"],
    "fill-mask": ["it is <mask> ."],
    "text-ranking": ["the king", "the river", "--query", "who ?"],
    "zero-shot-classification": ["the king", "--labels", "good,bad"],
    "sentence-similarity": ["the king", "the queen"],
}


@pytest.mark.wire
@pytest.mark.parametrize("task", TASKS)
def test_every_task_runs_with_one_command(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people and as JSON; the same answers."""
    arguments = ["run", str(MODELS[task](tmp_path)), *TEXTS.get(task, ["the king"]), "--task", task]
    arguments += ["--compile-cache-bytes", "0"]
    assert run(arguments) == 0
    said = capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer
    assert not said.startswith(("{", "["))


@pytest.mark.wire
def test_errors_of_the_task_and_the_model_end_with_their_exit_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 for the request, 3 for a model that cannot do the task."""
    folder = str(MODELS["fill-mask"](tmp_path / "m"))
    assert run(["run", folder, "no mask"]) == 2
    assert "<mask>" in capsys.readouterr().err
    assert run(["run", folder, "a <mask>", "-p", "top_n=3"]) == 2
    assert "/parameters/top_n: unknown parameter." in capsys.readouterr().err
    labels = str(MODELS["text-classification"](tmp_path / "c"))
    assert run(["run", labels, "a", "--task", "zero-shot"]) == 3
    assert "begins with 'entail'" in capsys.readouterr().err
    assert run(["run", str(tmp_path / "none"), "a"]) == 3


@pytest.mark.wire
def test_a_server_is_asked_in_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    """The task comes from its /info; pooled vectors have a route of their own."""
    info = {"model": {"task": "text-ranking", "tasks": ["text-ranking"]}}
    with Answering(lambda _n, _b: Reply([{"index": 0, "score": 0.5}]), info) as server:
        assert run(["run", "--url", server.url, "--query", "q", "a", "-p", "top_n=1"]) == 0
        assert server.bodies == [{"inputs": {"query": "q", "texts": ["a"]}, "parameters": {"top_n": 1}}]
    assert capsys.readouterr().out == "1. 0.500  a\n"
    with Answering(lambda _n, _b: Reply("hm")) as server:
        assert run(["run", "--url", server.url, "a", "b"]) == 0
        assert server.bodies == [{"inputs": ["a", "b"], "parameters": {}}]
    assert capsys.readouterr().out == '"hm"\n'


def test_stdin_is_one_text_or_a_text_per_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With - or without any INPUT."""
    from mooring.cli.run_request import read_texts

    def pipe(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    pipe(b"one\ntwo\n")
    assert read_texts([], by_line=False) == ("one\ntwo",)
    pipe(b"one\n\ntwo\n")
    assert read_texts(["zero", "-"], by_line=True) == ("zero", "one", "two")
    for data, message in ((b" ", "stdin is empty."), (b"\xff", "stdin is not UTF-8 text")):
        pipe(data)
        assert run(["run", "./m", "-"]) == 2
        assert message in capsys.readouterr().err


def test_a_low_score_is_marked_here_too() -> None:
    """As by moor ask; with several answers they stand there already."""
    weak = {"answer": "Ada", "start": 0, "end": 3, "score": 0.2}
    inputs = {"question": "Who?", "context": "Ada wrote it."}
    assert "low score: below 0.5" in lines_of("question-answering", inputs, weak)[1]
    assert "-p top_k=3 shows them" in lines_of("question-answering", inputs, weak)[1]
    assert "-p top_k" not in "".join(lines_of("question-answering", inputs, [weak, weak]))
    assert len(lines_of("question-answering", inputs, weak | {"score": 0.6})) == 1
