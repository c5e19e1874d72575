"""Masks filled beside transformers' pipeline, and what is said to requests that do not fit."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.backends.grid import default_grid
from mooring.backends.openvino import OpenVinoBackend
from mooring.engine.offline import answer_all
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge
from mooring.model.folder import ModelFolder
from mooring.tasks import fill_mask
from mooring.tasks.base import ModelParts, Task, TaskOptions
from mooring.tasks.fill_mask import FILL_MASK, READERS, ParametersBody
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer
from tests.support import graphs
from tests.support.golden_tokens import FILLERS, filled, write
from tests.tasks.test_text_classification import close

GOLDEN: dict[str, list[Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "fill-mask.json").read_text(encoding="utf-8")
)
MASKS = {"bert": "[MASK]", "distilbert": "[MASK]", "roberta": "<mask>"}


def opened(folder: Path, **options: Any) -> Task:
    """The task of a folder, without its graph."""
    found = ModelFolder(folder)
    manifest = read_manifest(found, source="it")
    return FILL_MASK.open(ModelParts(found, manifest, load_tokenizer(found), TaskOptions(**options)))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Of a tiny BERT."""
    return opened(write("bert", "masked", tmp_path), max_windows=100)


@pytest.mark.parametrize("name", FILLERS)
def test_answers_are_those_of_the_pipeline(name: str, tmp_path: Path) -> None:
    """Shapes, tokens, texts and scores: one mask and several, lists, targets and their fallback, truncation."""
    folder = write(name, "masked", tmp_path)
    task = opened(folder)
    graph = graphs.given(graphs.graph_of(folder, "masked"))
    backend = OpenVinoBackend(graph, precision="fp32", grid=default_grid(512), threads=1)
    requests = filled(MASKS[name.partition("-")[0]])
    parsed = [task.parse({"inputs": inputs, "parameters": parameters}) for inputs, parameters in requests]
    for case, answer, expected in zip(requests, answer_all(task, backend, parsed), GOLDEN[name], strict=True):
        assert close(answer, expected), (case, answer, expected)


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"inputs": " "}, "/inputs", "blank"),
        ({"inputs": [{"txt": "[MASK]"}]}, "/inputs/0", "missing `text`"),
        ({"inputs": "[MASK]", "parameters": {"top_k": 0}}, "/parameters/top_k", "at least 1"),
        ({"inputs": "[MASK]", "parameters": {"top_k": 193}}, "/parameters/top_k", "193 exceeds .* 192 tokens"),
        ({"inputs": "[MASK]", "parameters": {"targets": []}}, "/parameters/targets", "at least one target"),
        ({"inputs": "[MASK]", "parameters": {"targets": ["a", ""]}}, "/parameters/targets/1", "the target is empty"),
        ({"inputs": "[MASK]", "parameters": {"targets": ["x" * 1001]}}, "/parameters/targets/0", "1,001 characters"),
        ({"inputs": "[MASK]", "parameters": {"targets": 7}}, "/parameters/targets", "found a number: 7"),
        ({"inputs": "[MASK]", "parameters": {"topk": 7}}, "/parameters/topk", "Did you mean top_k"),
    ],
)
def test_a_request_at_fault_is_pointed_at(task: Task, body: object, pointer: str, said: str) -> None:
    """With what was seen."""
    with pytest.raises(InvalidRequest) as caught:
        task.parse(body)
    assert caught.value.pointer == pointer
    assert re.search(said, str(caught.value))


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_a_text_without_a_mask_is_told_how_this_model_writes_it(name: str, tmp_path: Path) -> None:
    """The masks of other models are plain text."""
    task, mask = opened(write(name, "masked", tmp_path)), MASKS[name]
    other = "<mask>" if mask == "[MASK]" else "[MASK]"
    with pytest.raises(InvalidRequest, match=re.escape(f"Write {mask}, this model's mask token")) as caught:
        task.prepare(task.parse([f"good {mask}", f"good {other}"]))
    assert caught.value.pointer == "/inputs/1"


def test_a_target_without_a_token_is_refused(task: Task) -> None:
    """By its place."""
    with pytest.raises(InvalidRequest, match="'\\\\x01' has no tokens") as caught:
        task.prepare(task.parse({"inputs": "[MASK]", "parameters": {"targets": ["a", "\x01"]}}))
    assert caught.value.pointer == "/parameters/targets/1"


def test_a_text_that_is_too_long_is_refused_by_its_tokens(task: Task) -> None:
    """With the way to have it cut, which may cut off the mask."""
    long = {"inputs": "[MASK] " + "good " * 700}
    with pytest.raises(PayloadTooLarge, match=r"The text has \d{3,4} tokens; the limit is 512\..*truncation"):
        task.prepare(task.parse(long))
    assert task.prepare(task.parse({**long, "parameters": {"truncation": True}})).truncated
    late = {"inputs": "good " * 700 + "[MASK]", "parameters": {"truncation": True}}
    with pytest.raises(InvalidRequest, match="the 512 tokens that the model reads contain no mask"):
        task.prepare(task.parse(late))


def test_a_request_has_limits_of_memory(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mask takes a score for each token of the vocabulary, and each prediction repeats the text."""
    monkeypatch.setattr(fill_mask, "MOST_SCORES", 192 * 3)
    task.prepare(task.parse(["[MASK] [MASK]", "[MASK]"]))
    with pytest.raises(PayloadTooLarge, match="has 4 masks; the limit for this model's vocabulary is 3"):
        task.prepare(task.parse("[MASK] " * 4))
    monkeypatch.setattr(fill_mask, "MOST_TEXT", 40)
    with pytest.raises(PayloadTooLarge, match="192 predictions for each of 1 masks"):
        task.prepare(task.parse({"inputs": "[MASK]", "parameters": {"top_k": 192}}))
    with pytest.raises(PayloadTooLarge, match="101 texts"):
        task.parse(["[MASK]"] * 101)


def test_what_an_answer_depends_on_is_in_its_key(task: Task) -> None:
    """And only the masks' positions are computed."""
    bodies: list[Any] = [
        "a",
        ["a"],
        {"inputs": "a", "parameters": {"top_k": 1}},
        {"inputs": "a", "parameters": {"targets": "b"}},
    ]
    assert len({task.key(task.parse(body)) for body in bodies}) == len(bodies)
    (window,) = task.prepare(task.parse("a [MASK] b [MASK]")).windows
    assert window.positions is not None
    assert window.positions.tolist() == [2, 4]
    assert task.estimate(task.parse("a" * 100_000)) == 512 + (25_000 - 512) // 8  # reading what is then cut is not free


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 40))
def test_the_highest_scores_come_first_and_of_equal_ones_the_first(scores: list[int], number: int) -> None:
    """As sorting them all would give."""
    found = fill_mask._highest(np.array(scores, np.float32), number).tolist()
    assert found == sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:number]


def test_a_tokenizer_without_a_mask_is_refused(tmp_path: Path) -> None:
    """With the key that names it."""
    folder = write("bert", "masked", tmp_path)
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"mask_token": None}))
    with pytest.raises(ModelUnsupported, match=r"no mask token.*mask_token"):
        opened(folder)


def test_a_model_for_pretraining_is_one_for_filling_masks(tmp_path: Path) -> None:
    """BERT's first checkpoints have a second head, which is not used."""
    folder = write("bert", "masked", tmp_path)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"architectures": ["BertForPreTraining"]}))
    assert read_manifest(folder, source="it").task == "fill-mask"


def test_the_documented_types_are_those_of_requests_and_answers() -> None:
    """They are for the OpenAPI document; readers and golden answers have the truth."""
    assert set(ParametersBody.__struct_fields__) == set(READERS)
    for answers in GOLDEN.values():
        for answer in answers:
            several = isinstance(answer[0], list) and any(isinstance(one, list) for one in answer[1])
            described = list[FILL_MASK.answer] if several else FILL_MASK.answer  # type: ignore[name-defined]
            assert msgspec.to_builtins(msgspec.convert(answer, described)) == answer
