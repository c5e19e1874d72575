"""Entity-level F1 against values computed by hand, and the files with labeled entities."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.errors import UsageError
from mooring.quality.entities import ENTITIES, ENTITY_F1, spans_of_tags
from mooring.quality.examples import read_labelled


def group(start: int, end: int, kind: str) -> dict[str, Any]:
    """An entity of an answer."""
    return {"entity_group": kind, "score": 0.5, "word": "w", "start": start, "end": end}


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O B-PER I-PER O", [(1, 3, "PER")]),
        ("B-PER B-PER I-LOC", [(0, 1, "PER"), (1, 2, "PER"), (2, 3, "LOC")]),  # IOB2; an I- alone begins one
        ("I-PER I-PER O I-PER B-PER", [(0, 2, "PER"), (3, 4, "PER"), (4, 5, "PER")]),  # IOB1
        ("PER PER LOC", [(0, 2, "PER"), (2, 3, "LOC")]),
        ("O O", []),
    ],
)
def test_tags_are_read_as_spans(tags: str, spans: list[Any]) -> None:
    """IOB1, IOB2, and tags without a prefix."""
    assert spans_of_tags(tags.split()) == spans


def test_f1_counts_exact_spans_and_types_over_all_texts() -> None:
    """3 of 5 predicted and 3 of 4 labeled are right: precision 60, recall 75, F1 2 · 3 / (5 + 4)."""
    answers = [
        [group(0, 3, "PER"), group(10, 16, "LOC")],  # both right
        [group(0, 3, "PER"), group(5, 9, "ORG")],  # a wrong type, and one too many
        [group(2, 6, "LOC")],  # right
        None,  # not answered: counts as nothing found
    ]
    labels = [[(0, 3, "PER"), (10, 16, "LOC")], [(0, 3, "LOC")], [(2, 6, "LOC")], []]
    parts = ENTITY_F1.parts(answers, labels)
    assert parts.tolist() == [[2, 2, 2], [0, 2, 1], [1, 1, 1], [0, 0, 0]]
    figures = ENTITY_F1.report(parts)
    assert figures == pytest.approx({"precision": 60.0, "recall": 75.0, "f1": 600 / 9})
    resampled = ENTITY_F1.total(np.stack([parts, parts[[1, 1, 1, 1]], parts[[3, 3, 3, 3]]]))
    assert resampled == pytest.approx([600 / 9, 0.0, 100.0])
    assert ENTITY_F1.report(parts[3:]) == {"precision": 100.0, "recall": 100.0, "f1": 100.0}
    assert ENTITY_F1.report(parts[1:2])["f1"] == 0.0


def test_agreement_is_the_f1_of_one_answer_against_the_other() -> None:
    """Of a text or of several, aggregated or not."""
    one, other = [group(0, 3, "PER"), group(5, 6, "LOC")], [group(0, 3, "PER")]
    assert ENTITY_F1.agree(one, other) == pytest.approx(2 / 3)
    assert ENTITY_F1.agree([one, []], [one, other]) == 0.5
    token = {"entity": "B-PER", "score": 1.0, "index": 1, "word": "w", "start": 0, "end": 3}
    assert ENTITY_F1.agree([token], [token]) == ENTITY_F1.agree([], []) == ENTITY_F1.agree([[]], [[]]) == 1.0
    assert ENTITY_F1.said(one) == "w (PER), w (LOC)"
    with pytest.raises(ValueError, match="entity_group"):
        ENTITY_F1.said([{"label": "x"}])


def test_both_shapes_of_labelled_texts_are_read(tmp_path: Path) -> None:
    """Spans in characters, or a tag for each token; words are asked for, which most models are trained on."""
    path = tmp_path / "labelled.jsonl"
    lines = [
        {"text": "Ada saw Ada.", "entities": [{"start": 8, "end": 11, "label": "PER"}]},
        {"tokens": ["In", "New", "York", "."], "ner_tags": ["O", "B-LOC", "I-LOC", "O"], "id": "7"},
        {"text": "Nothing.", "entities": []},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = read_labelled(path, ENTITIES)
    assert [(one.body, one.label, one.id) for one in found] == [
        ("Ada saw Ada.", ((8, 11, "PER"),), "1"),
        ("In New York .", ((3, 11, "LOC"),), "7"),
        ("Nothing.", (), "3"),
    ]
    assert found[0].request == {"inputs": "Ada saw Ada.", "parameters": {"aggregation_strategy": "first"}}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"text": " ", "entities": []}, "invalid text ' '"),
        ({"text": "a", "entities": {}}, "invalid entities {}"),
        ({"text": "a", "entities": [{"start": 0, "end": 2, "label": "X"}]}, "characters of the text, 0 to 1"),
        ({"text": "a", "entities": [{"start": 0, "end": 1}]}, "it has no label"),
        ({"tokens": ["a"], "ner_tags": [0]}, "tags must be names such as B-PER, not numbers"),
        ({"tokens": ["a"], "ner_tags": ["O", "O"]}, "1 tokens have 2 tags"),
        ({"tokens": [], "ner_tags": []}, r"invalid tokens \[\]"),
    ],
)
def test_an_invalid_example_is_named(line: object, said: str, tmp_path: Path) -> None:
    """With its number and the value seen."""
    path = tmp_path / "labelled.jsonl"
    path.write_text(f'{{"text": "good", "entities": []}}\n{json.dumps(line)}\n')
    with pytest.raises(UsageError, match=f"example 2: .*{said}"):
        read_labelled(path, ENTITIES)
