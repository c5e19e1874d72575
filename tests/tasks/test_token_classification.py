"""Token classification beside transformers' pipeline, and what is said to requests that do not fit."""

import json
import re
from pathlib import Path
from types import GenericAlias
from typing import Any

import msgspec
import pytest

from mooring.backends.grid import default_grid
from mooring.backends.openvino import OpenVinoBackend
from mooring.engine.offline import answer_all
from mooring.errors import InvalidRequest, ModelInvalid, PayloadTooLarge
from mooring.model.folder import ModelFolder
from mooring.tasks import token_classification
from mooring.tasks.base import ModelParts, Task, TaskOptions
from mooring.tasks.entities import Entity, merged
from mooring.tasks.recognise import read_manifest
from mooring.tasks.token_classification import READERS, TOKEN_CLASSIFICATION, ParametersBody
from mooring.tokenization.load import load_tokenizer
from tests.support import graphs
from tests.support.golden_inputs import FAMILIES
from tests.support.golden_tokens import LABELLERS, LONG, MIXED, PLAIN, SHORT, labelled, write
from tests.tasks.test_text_classification import close

GOLDEN: dict[str, list[Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "token-classification.json").read_text(encoding="utf-8")
)


def opened(folder: Path, **options: Any) -> Task:
    """The task of a folder, without its graph."""
    found = ModelFolder(folder)
    manifest = read_manifest(found, source="it")
    return TOKEN_CLASSIFICATION.open(ModelParts(found, manifest, load_tokenizer(found), TaskOptions(**options)))


def answers_of(folder: Path, requests: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
    """The folder's answers, on the real engine."""
    task = opened(folder)
    graph = graphs.given(graphs.graph_of(folder, "token"))
    backend = OpenVinoBackend(graph, precision="fp32", grid=default_grid(512), threads=1)
    parsed = [task.parse({"inputs": inputs, "parameters": parameters}) for inputs, parameters in requests]
    return list(answer_all(task, backend, parsed))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Of a tiny BERT with windows of few tokens."""
    return opened(write("bert-short", "token", tmp_path), max_windows=100)


@pytest.mark.parametrize("name", LABELLERS)
def test_answers_are_those_of_the_pipeline(name: str, tmp_path: Path) -> None:
    """Shapes, labels, words, places and scores, for every strategy and for windows that overlap.

    Only `index` differs: of several windows it counts from the beginning of the text.
    """
    requests = labelled(name)
    answers = answers_of(write(name, "token", tmp_path), requests)
    for case, answer, expected in zip(requests, answers, GOLDEN[name], strict=True):
        if case[0] == LONG and answer and "index" in answer[0]:
            for one in (*answer, *expected):
                one.pop("index")
        assert close(answer, expected), (case, answer, expected)


def test_a_long_text_is_read_to_its_end_without_stride(tmp_path: Path) -> None:
    """With the default overlap; each token once, numbered as in the text."""
    text = PLAIN * 5
    folder = write("bert-short", "token", tmp_path)
    everything: dict[str, Any] = {"ignore_labels": []}
    listed, grouped, wide = answers_of(
        folder,
        [
            (text, everything),
            (text, {**everything, "aggregation_strategy": "simple"}),
            (text, {**everything, "stride": 11}),
        ],
    )
    tokens = load_tokenizer(ModelFolder(folder)).encode(text)
    assert [one["index"] for one in listed] == list(range(1, len(tokens) + 1))
    assert [[one["start"], one["end"]] for one in listed] == tokens.places.tolist()
    assert grouped[-1]["end"] == len(text)
    assert wide == listed  # half of 22 tokens is the default here


def test_a_text_without_a_token_has_no_entities(tmp_path: Path) -> None:
    """A tokenizer drops control characters."""
    assert answers_of(write("bert", "token", tmp_path), [("\x01", {}), (["\x01"], {})]) == [[], [[]]]


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"inputs": ""}, "/inputs", "empty"),
        ({"inputs": []}, "/inputs", "the list is empty"),
        ({"inputs": {"question": "x"}}, "/inputs", "missing `text`"),
        ({"inputs": ["x", 7]}, "/inputs/1", "expected a text, found a number"),
        ({"inputs": {"text": "x", "text_pair": ["y"]}, "parameters": {"stride": "4"}}, "/parameters/stride", "integer"),
        ({"inputs": "x", "parameters": {"stride": -1}}, "/parameters/stride", "at least 0"),
        ({"inputs": "x", "parameters": {"stride": 22}}, "/parameters/stride", "22 tokens of text.*below 22"),
        ({"inputs": "x", "parameters": {"aggregation_strategy": "mean"}}, "/parameters/aggregation_strategy", "'mean'"),
        ({"inputs": "x", "parameters": {"ignore_labels": "O"}}, "/parameters/ignore_labels", "a list of labels"),
        ({"inputs": "x", "parameters": {"ignore_labels": [1]}}, "/parameters/ignore_labels/0", "expected a label"),
        (
            {"inputs": "x", "parameters": {"grouped_entities": True}},
            "/parameters/grouped_entities",
            'replaced by aggregation_strategy.*"simple"',
        ),
        (
            {"inputs": "x", "parameters": {"ignore_subwords": True, "grouped_entities": True}},
            "/parameters/grouped_entities",
            '"first"',
        ),
        ({"inputs": "x", "parameters": {"ignore_subwords": True}}, "/parameters/ignore_subwords", '"none"'),
        ({"inputs": "x", "parameters": {"strid": 1}}, "/parameters/strid", "Did you mean stride"),
    ],
)
def test_a_request_at_fault_is_pointed_at(task: Task, body: object, pointer: str, said: str) -> None:
    """With what was seen and what to do."""
    with pytest.raises(InvalidRequest) as caught:
        task.parse(body)
    assert caught.value.pointer == pointer
    assert re.search(said, str(caught.value))


def test_the_scores_of_a_request_have_a_limit(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in memory until all windows are computed."""
    monkeypatch.setattr(token_classification, "MOST_SCORES", 6 * 50)
    task.prepare(task.parse(PLAIN))
    with pytest.raises(PayloadTooLarge, match="more than 50 tokens, the limit for a model with 6 labels"):
        task.prepare(task.parse([PLAIN] * 5))
    with pytest.raises(PayloadTooLarge, match="101 texts; the limit is 100"):
        task.parse(["x"] * 101)


def test_windows_are_estimated_and_keyed(task: Task) -> None:
    """The estimate counts overlaps; the key has everything that an answer depends on."""
    assert task.estimate(task.parse("x")) == 1
    long = task.parse(PLAIN * 10)
    assert task.estimate(long) > len(PLAIN * 10) // 4
    assert task.prepare(long).tokens > SHORT * 10
    bodies: list[Any] = [
        "a",
        ["a"],
        "b",
        {"inputs": "a", "parameters": {"stride": 3}},
        {"inputs": "a", "parameters": {"ignore_labels": []}},
    ]
    assert len({task.key(task.parse(body)) for body in bodies}) == len(bodies)
    assert task.key(task.parse({"text": "a"})) == task.key(task.parse("a"))


def entity(start: int, end: int, score: float) -> Entity:
    """A group."""
    return {"entity_group": "X", "score": score, "word": "", "start": start, "end": end}


def test_of_entities_that_overlap_the_longest_stays() -> None:
    """Then the most probable, then the first."""
    found = [entity(0, 4, 0.5), entity(6, 9, 0.9), entity(0, 5, 0.1), entity(6, 9, 0.95), entity(8, 9, 1.0)]
    assert merged(found) == [entity(0, 5, 0.1), entity(6, 9, 0.95)]
    assert merged([]) == []


def test_labels_that_are_not_numbered_are_refused(tmp_path: Path) -> None:
    """A token would get the wrong name."""
    with pytest.raises(ModelInvalid, match="id2label"):
        opened(FAMILIES["bert"](tmp_path, head="token", id2label={"1": "O", "2": "PER"}))


def test_the_documented_types_are_those_of_requests_and_answers() -> None:
    """They are for the OpenAPI document; readers and golden answers have the truth."""
    assert set(ParametersBody.__struct_fields__) == set(READERS)
    for answers in GOLDEN.values():
        for answer in answers:
            one: Any = TOKEN_CLASSIFICATION.answer
            several = bool(answer) and isinstance(answer[0], list)
            described = GenericAlias(list, (one,)) if several else one
            assert msgspec.to_builtins(msgspec.convert(answer, described)) == answer


def test_places_are_those_of_the_text_as_written(tmp_path: Path) -> None:
    """Whatever `word` says, `start` and `end` give the text as it was written."""
    (found,) = answers_of(write("roberta", "token", tmp_path), [(MIXED, {"ignore_labels": []})])
    assert MIXED[found[-1]["start"] : found[-1]["end"]] == "d"
    assert {MIXED[one["start"] : one["end"]] for one in found} >= {"🙂", "北", "é"}
