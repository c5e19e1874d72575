"""Zero-shot classification beside transformers' pipeline, and what is said to requests and models that do not fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends.grid import default_grid
from mooring.backends.openvino import OpenVinoBackend
from mooring.engine.offline import answer_all
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge, UsageError
from mooring.quality.examples import read_examples, read_labelled
from mooring.quality.labels import CHOICE
from mooring.tasks.base import Task
from mooring.tasks.offer import open_offer
from mooring.tasks.text_classification import TEXT_CLASSIFICATION
from mooring.tasks.zero_shot_classification import READERS, ZERO_SHOT_CLASSIFICATION, ParametersBody
from tests.support import graphs
from tests.support.golden_classification import LONG
from tests.support.golden_inputs import FAMILIES
from tests.support.golden_pairs import CHOICES, LABELS, NLI, write_nli
from tests.tasks.test_text_classification import close
from tests.tasks.test_text_ranking import parts_of

GOLDEN: dict[str, list[Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "zero-shot-classification.json").read_text(encoding="utf-8")
)
SAMPLE = Path(__file__).parents[2] / "examples" / "data" / "zero-shot-classification.jsonl"


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Of a tiny BERT."""
    return ZERO_SHOT_CLASSIFICATION.open(parts_of(write_nli("bert", tmp_path), max_windows=100))


def body(inputs: Any = "x", labels: Any = ("a", "b"), **parameters: Any) -> dict[str, Any]:
    given = list(labels) if isinstance(labels, tuple) else labels
    return {"inputs": inputs, "parameters": {"candidate_labels": given, **parameters}}


@pytest.mark.parametrize("name", NLI)
def test_answers_are_those_of_the_pipeline(name: str, tmp_path: Path) -> None:
    """For one label, several, and several that may all be true; wherever the model's label for entailment stands."""
    folder = write_nli(name, tmp_path)
    task = ZERO_SHOT_CLASSIFICATION.open(parts_of(folder))
    backend = OpenVinoBackend(
        graphs.given(graphs.graph_of(folder, "sequence")), precision="fp32", grid=default_grid(512), threads=1
    )
    requests = [task.parse({"inputs": given, "parameters": {**more, "truncation": True}}) for given, more in CHOICES]
    for case, answer, expected in zip(CHOICES, answer_all(task, backend, requests), GOLDEN[name], strict=True):
        assert close(answer, expected), (case, answer, expected)


@pytest.mark.parametrize(
    ("request_body", "pointer", "said"),
    [
        ({"inputs": "x"}, "/parameters", "missing `candidate_labels`"),
        ({"inputs": "x", "candidate_labels": ["a"]}, "/candidate_labels", "this is a parameter"),
        (body("x", []), "/parameters/candidate_labels", "no labels: []"),
        (body("x", " , "), "/parameters/candidate_labels", "no labels: ' , '"),
        (body("x", {"a": 1}), "/parameters/candidate_labels", "expected a list, found an object"),
        (body("x", ["a", " "]), "/parameters/candidate_labels/1", "the text is blank"),
        (body("x", hypothesis_template="It is."), "/parameters/hypothesis_template", "must contain {} once"),
        (body("x", hypothesis_template="{} {}"), "/parameters/hypothesis_template", "must contain {} once"),
        (body("x", hypothesis_template="{} {0.real}"), "/parameters/hypothesis_template", "no other braces"),
        (body("x", hypothesis_template="{}" + "x" * 999), "/parameters/hypothesis_template", "1,001 characters exceed"),
        (body("x", hypothesis_template=""), "/parameters/hypothesis_template", "the text is empty"),
        (body("x", multi_label="yes"), "/parameters/multi_label", "true or false"),
        (body("x", multi_class=True), "/parameters/multi_class", "unknown parameter"),
        (body([]), "/inputs", "the list is empty"),
        (body(7), "/inputs", "expected a text, found a number: 7"),
        (body(["x", ""]), "/inputs/1", "the text is empty"),
        (body([{"txt": "x"}]), "/inputs/0", "missing `text` (found 'txt')"),
        (body({"text": "x", "text_pair": "y"}), "/inputs/text_pair", "the labels take the place of the second text"),
    ],
)
def test_a_request_at_fault_is_pointed_at(task: Task, request_body: object, pointer: str, said: str) -> None:
    """With what was seen."""
    with pytest.raises(InvalidRequest) as caught:
        task.parse(request_body)
    assert caught.value.pointer == pointer
    assert said in caught.value.message


def test_too_many_texts_and_labels_are_refused(task: Task) -> None:
    """Each text makes a window with each label."""
    with pytest.raises(PayloadTooLarge, match="51 texts with 2 labels, which make 102 windows; the limit is 100"):
        task.parse(body(["x"] * 51))


def test_a_text_that_is_too_long_is_refused_or_cut(tmp_path: Path) -> None:
    """Never its label; a text counts once, however many labels there are."""
    folder = write_nli("bert", tmp_path)
    refuses, cuts = (ZERO_SHOT_CLASSIFICATION.open(parts_of(folder, truncate=truncate)) for truncate in (False, True))
    said = r"Text 2 with a label has \d{4} tokens; the limit is 512\..*`truncation`.*--too-long truncate"
    with pytest.raises(PayloadTooLarge, match=said):
        refuses.prepare(refuses.parse(body(["x", LONG])))
    prepared = cuts.prepare(cuts.parse(body(["x", LONG], tuple(LABELS))))
    assert prepared.truncated == 1
    assert [len(window) for window in prepared.windows][4:] == [512] * 4
    with pytest.raises(PayloadTooLarge, match=r"limit is 512\. \d{3} of them cannot be cut\. Shorten the labels"):
        cuts.prepare(cuts.parse(body("x", ["x " * 600])))


def test_what_an_answer_depends_on_is_in_its_key(task: Task) -> None:
    """The texts, the labels, and how they are combined."""
    bodies = [
        body("a", ("b", "c")),
        body(["a"], ("b", "c")),
        body("a", ("c", "b")),
        body(["c", "a"], ("b",)),
        body(["a"], ("b", "c"), multi_label=True),
        body("a", ("b", "c"), hypothesis_template="{}"),
        body("a", ("b", "c"), truncation=True),
    ]
    assert len({task.key(task.parse(given)) for given in bodies}) == len(bodies)
    assert task.key(task.parse(body("a", "b, c"))) == task.key(task.parse(bodies[0]))
    assert task.key(task.parse(body({"text": "a"}, "b, c"))) == task.key(task.parse(bodies[0]))


def test_the_estimate_is_near_the_truth(task: Task) -> None:
    """Within a factor of two."""
    request = task.parse(body(["the king " * 50, LONG], tuple(LABELS), truncation=True))
    assert 0.5 < task.estimate(request) / task.prepare(request).tokens < 2


def test_a_model_with_a_label_for_entailment_also_classifies_with_labels_of_the_request(tmp_path: Path) -> None:
    """Where the request has such; otherwise with its own."""
    offer = open_offer(parts_of(write_nli("bert", tmp_path)))
    assert offer.names == ("text-classification", "zero-shot-classification")
    assert offer.parse({"inputs": "x"}).task.name == "text-classification"
    assert offer.parse(body()).task.name == "zero-shot-classification"
    with pytest.raises(InvalidRequest, match="this is a parameter"):
        offer.parse({"inputs": "x", "candidate_labels": ["a"]})
    first = open_offer(parts_of(tmp_path, "zero-shot-classification"))
    assert first.names == ("zero-shot-classification", "text-classification")
    assert len(first.prepare(first.probe()).windows) == 1


@pytest.mark.parametrize("labels", [{"0": "good", "1": "bad"}, {"0": "entailment"}])
def test_a_model_without_entailment_and_another_label_is_refused(labels: dict[str, str], tmp_path: Path) -> None:
    """With its labels."""
    folder = FAMILIES["bert"](tmp_path, head="sequence", id2label=labels)
    assert "zero-shot-classification" not in parts_of(folder).manifest.tasks
    with pytest.raises(ModelUnsupported, match=f"this model has '{', '.join(labels.values())}'"):
        open_offer(parts_of(folder, "zero-shot-classification"))


def test_the_documented_parameters_are_those_that_are_read() -> None:
    """The type is for the OpenAPI document, the readers for requests."""
    assert set(ParametersBody.__struct_fields__) == set(READERS)


def test_accuracy_is_the_part_of_right_best_labels() -> None:
    """One that is missing is wrong."""
    good, bad = ({"sequence": "x", "labels": labels, "scores": [0.9, 0.1]} for labels in (["a", "b"], ["b", "a"]))
    parts = CHOICE.parts([good, bad, None, good], ["a"] * 4)
    assert CHOICE.report(parts) == {"accuracy": 50.0}
    assert float(CHOICE.total(np.array([parts]))[0]) == 50.0
    assert CHOICE.agree([good, bad], [good, good]) == 0.5
    assert CHOICE.agree(good, good) == 1
    with pytest.raises(ValueError, match="missing `labels`"):
        CHOICE.said({"label": "x"})


def test_labelled_examples_are_read(tmp_path: Path, task: Task) -> None:
    """Those in examples/, and CSV; the candidates are parameters of the request."""
    found = read_examples(SAMPLE, ZERO_SHOT_CLASSIFICATION.labelled, task.parse)
    assert found.labelled
    assert len(found.examples) >= 20
    path = tmp_path / "labelled.csv"
    path.write_text('text,candidate_labels,label\n"a, b","x, y",y\n')
    (one,) = read_labelled(path, ZERO_SHOT_CLASSIFICATION.labelled)
    assert one.request == {"inputs": "a, b", "parameters": {"candidate_labels": ["x", "y"]}}
    assert one.label == "y"
    path.write_text("text,candidate_labels,label\na,x,z\n")
    with pytest.raises(UsageError, match="example 1: the label 'z' is not one of the candidate_labels 'x'"):
        read_labelled(path, ZERO_SHOT_CLASSIFICATION.labelled)
    with pytest.raises(UsageError, match="no labels for this model's task"):
        read_labelled(SAMPLE, TEXT_CLASSIFICATION.labelled)
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(body()) + "\n")
    assert not read_examples(path, ZERO_SHOT_CLASSIFICATION.labelled, task.parse).labelled
