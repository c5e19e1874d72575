"""Text classification beside transformers' pipeline, and what is said to requests and models that do not fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from mooring.backends.grid import default_grid
from mooring.backends.openvino import OpenVinoBackend
from mooring.engine.offline import answer_all
from mooring.errors import InvalidRequest, ModelInvalid, ModelUnsupported, PayloadTooLarge, UsageError
from mooring.model.folder import ModelFolder
from mooring.quality.examples import read_examples, read_labelled
from mooring.quality.labels import ACCURACY
from mooring.tasks.base import ModelParts, Task, TaskOptions
from mooring.tasks.recognise import read_manifest
from mooring.tasks.text_classification import READERS, TEXT_CLASSIFICATION, ParametersBody
from mooring.tasks.windows import longest_first
from mooring.tokenization.load import load_tokenizer
from tests.support import graphs
from tests.support.golden_classification import CASES, MODELS, PAIR, write
from tests.support.golden_inputs import FAMILIES

GOLDEN: dict[str, list[Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "text-classification.json").read_text(encoding="utf-8")
)


def opened(folder: Path, **options: Any) -> Task:
    """The task of a folder, without its graph."""
    found = ModelFolder(folder)
    manifest = read_manifest(found, source="it")
    return TEXT_CLASSIFICATION.open(ModelParts(found, manifest, load_tokenizer(found), TaskOptions(**options)))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Of a tiny BERT with three labels."""
    return opened(write("bert", tmp_path), max_windows=100)


def close(left: Any, right: Any) -> bool:
    """Equal in shape and labels, and in scores to 1e-4."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(close, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(close(left[key], right[key]) for key in left)
    return bool(abs(left - right) < 1e-4) if isinstance(left, float) and isinstance(right, float) else left == right


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_the_pipeline(name: str, tmp_path: Path) -> None:
    """Shapes, labels and scores, for texts, pairs and lists, with every parameter; of every family."""
    folder = write(name, tmp_path)
    task = opened(folder)
    graph = graphs.given(graphs.graph_of(folder, "sequence"))
    backend = OpenVinoBackend(graph, precision="fp32", grid=default_grid(512), threads=1)
    requests = [task.parse({"inputs": inputs, "parameters": parameters}) for inputs, parameters in CASES]
    answers = list(answer_all(task, backend, requests))
    for case, answer, expected in zip(CASES, answers, GOLDEN[name], strict=True):
        assert close(answer, expected), (case, answer, expected)


@given(first=st.integers(0, 40), second=st.integers(0, 40), room=st.integers(0, 60))
@settings(max_examples=300)
def test_pairs_are_cut_as_the_tokenizers_library_cuts_them(first: int, second: int, room: int) -> None:
    """Its "longest_first", which transformers uses."""
    library = Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a"))
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    library.enable_truncation(room, strategy="longest_first")
    sides = library.encode("a " * first, "b " * second).sequence_ids
    assert longest_first(first, second, room) == (sides.count(0), sides.count(1))


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"inputs": ""}, "/inputs", "empty"),
        ({"inputs": " "}, "/inputs", "blank"),
        ({"inputs": []}, "/inputs", "the list is empty"),
        ({"inputs": 7}, "/inputs", "expected a text, found a number"),
        ({"inputs": ["x", None]}, "/inputs/1", "expected a text, found null"),
        ({"inputs": {"txt": "x"}}, "/inputs", "missing `text`"),
        ({"inputs": {"text": "x", "text_pair": 1}}, "/inputs/text_pair", "expected text, found a number"),
        ({"inputs": "x", "parameters": {"top_k": 0}}, "/parameters/top_k", "at least 1"),
        ({"inputs": "x", "parameters": {"function_to_apply": "tanh"}}, "/parameters/function_to_apply", "'tanh'"),
        ({"inputs": "x", "parameters": {"max_length": 9999}}, "/parameters/max_length", "limit of 512 tokens"),
        ({"inputs": "x", "parameters": {"topk": 1}}, "/parameters/topk", "unknown parameter"),
        ({"inputs": {"text": "x", "top_k": 2}}, "/inputs/top_k", "this is a parameter"),
    ],
)
def test_a_request_at_fault_is_pointed_at(task: Task, body: object, pointer: str, said: str) -> None:
    """With what was seen."""
    with pytest.raises(InvalidRequest, match=said) as caught:
        task.parse(body)
    assert caught.value.pointer == pointer


def test_too_many_texts_are_refused_before_they_are_read(task: Task) -> None:
    """One request may have as many windows, and each text makes one."""
    with pytest.raises(PayloadTooLarge, match="101 texts; the limit is 100"):
        task.parse({"inputs": ["x"] * 101})


def test_a_text_that_is_too_long_is_refused_by_its_tokens(task: Task) -> None:
    """With the way to have it cut; which then is told."""
    long = {"inputs": ["short", "good " * 700]}
    said = r"Text 2 has \d{3,4} tokens; the limit is 512\..*`truncation`.*--too-long truncate"
    with pytest.raises(PayloadTooLarge, match=said):
        task.prepare(task.parse(long))
    assert task.prepare(task.parse({**long, "parameters": {"truncation": True}})).truncated
    assert not task.prepare(task.parse({"inputs": "short"})).truncated


def test_the_server_may_cut_what_is_too_long(tmp_path: Path) -> None:
    """Where the request says nothing; each text that was cut is counted, a pair once."""
    task = opened(write("bert", tmp_path), truncate=True)
    long = "good " * 700
    prepared = task.prepare(task.parse(["short", long, {"text": long, "text_pair": long}]))
    assert prepared.truncated == 2
    assert [len(window) for window in prepared.windows][1:] == [512, 512]
    with pytest.raises(PayloadTooLarge, match="The text has"):
        task.prepare(task.parse({"inputs": long, "parameters": {"truncation": False}}))


def test_what_an_answer_depends_on_is_in_its_key(task: Task) -> None:
    """The texts, which is the pair, the shape and the parameters."""
    bodies: list[Any] = ["a", ["a"], {"text": "a"}, {"text": "a", "text_pair": "b"}, {"text": "ab"}, "b"]
    keys = {task.key(task.parse({"inputs": body})) for body in bodies}
    keys.add(task.key(task.parse({"inputs": "a", "parameters": {"top_k": 1}})))
    assert len(keys) == 7
    assert task.estimate(task.parse({"inputs": PAIR})) >= 1


@pytest.mark.parametrize("labels", [{"1": "a", "2": "b"}, {"a": "0"}, {}])
def test_labels_that_are_not_numbered_are_refused(labels: dict[str, str], tmp_path: Path) -> None:
    """A score would get the wrong name."""
    with pytest.raises(ModelInvalid, match="id2label"):
        opened(FAMILIES["bert"](tmp_path, head="sequence", id2label=labels))


def test_a_kind_of_problem_that_is_not_known_is_refused(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(ModelUnsupported, match="problem_type is 'ranking'"):
        opened(FAMILIES["bert"](tmp_path, head="sequence", problem_type="ranking"))


def test_the_documented_parameters_are_those_that_are_read() -> None:
    """The type is for the OpenAPI document, the readers for requests."""
    assert set(ParametersBody.__struct_fields__) == set(READERS)


def test_accuracy_is_the_part_of_right_labels() -> None:
    """Of answers in any of the pipeline's shapes; one that is missing is wrong."""
    good = {"label": "good", "score": 0.9}
    parts = ACCURACY.parts([good, [good], None, {"label": "bad", "score": 1.0}], ["good"] * 4)
    assert ACCURACY.report(parts) == {"accuracy": 50.0}
    assert float(ACCURACY.total(np.array([parts, parts]))[1]) == 50.0
    assert ACCURACY.agree([good, good], [good, {"label": "bad", "score": 1.0}]) == 0.5
    with pytest.raises(ValueError, match="missing `label`"):
        ACCURACY.said({"answer": "x"})


@pytest.mark.parametrize(
    ("exact", "candidate", "expected"), [(0.9, 0.85, 0.95), (0.9, 0.9, 1.0), (4.0, -4.0, 0.0), (0.2, 0.9, 0.3)]
)
def test_models_with_one_label_agree_as_far_as_their_scores(exact: float, candidate: float, expected: float) -> None:
    """Their label is always the same one."""
    one, other = ({"label": "score", "score": score} for score in (exact, candidate))
    assert ACCURACY.agree(one, [other]) == pytest.approx(expected)


def test_the_sample_is_read(task: Task) -> None:
    """The one in examples/."""
    path = Path(__file__).parents[2] / "examples" / "data" / "text-classification.jsonl"
    found = read_examples(path, TEXT_CLASSIFICATION.labelled, task.parse)
    assert found.labelled
    assert len(found.examples) == 74


def test_labelled_examples_are_read(tmp_path: Path, task: Task) -> None:
    """JSON Lines or one array; requests without labels are read too, for calibrating."""
    path = tmp_path / "labelled.jsonl"
    path.write_text('{"text": "a", "label": "good"}\n{"text": "a", "text_pair": "b", "label": "bad", "id": 7}\n')
    found = read_labelled(path, TEXT_CLASSIFICATION.labelled)
    assert [(one.body, one.label, one.id) for one in found] == [
        ({"text": "a"}, "good", "1"),
        ({"text": "a", "text_pair": "b"}, "bad", "7"),
    ]
    path.write_text('{"inputs": "a"}\n"b"\n')
    assert not read_examples(path, TEXT_CLASSIFICATION.labelled, task.parse).labelled
    with pytest.raises(UsageError, match="no labels"):
        read_labelled(path, TEXT_CLASSIFICATION.labelled)
    path.write_text('{"text": "", "label": "good"}\n')
    with pytest.raises(UsageError, match="example 1: invalid text ''"):
        read_labelled(path, TEXT_CLASSIFICATION.labelled)
