"""The accuracy of filled masks, and the files with labeled masks: JSON Lines and CSV."""

from pathlib import Path
from typing import Any

import pytest

from mooring.errors import UsageError
from mooring.quality.examples import read_labelled
from mooring.quality.masks import MASK_ACCURACY, MASKED


def told(*tokens: str) -> list[dict[str, Any]]:
    """The predictions for a mask."""
    return [{"score": 0.1, "token": 1, "token_str": token, "sequence": token} for token in tokens]


def test_only_the_top_prediction_counts() -> None:
    """Without regard to case and the space that byte-level tokens begin with; a missing answer is wrong."""
    answers = [told("Paris", "x"), told(" paris"), told("x", "paris"), None, [told("paris"), told("paris")]]
    parts = MASK_ACCURACY.parts(answers, ["paris"] * 5)
    assert parts[:, 0].tolist() == [1, 1, 0, 0, 0]
    assert MASK_ACCURACY.report(parts) == {"accuracy": 40.0}


def test_agreement_is_the_fraction_of_masks_with_the_same_prediction() -> None:
    """Of a text with one mask or several, or of several texts."""
    assert MASK_ACCURACY.agree(told("a", "b"), told("a")) == 1.0
    assert MASK_ACCURACY.agree([told("a"), [told("b"), told("c")]], [told("a"), [told("x"), told("c")]]) == 2 / 3
    assert MASK_ACCURACY.said([told(" a"), told("b")]) == "a b"
    with pytest.raises(ValueError, match="token_str"):
        MASK_ACCURACY.said([{"label": "x"}])


def test_labelled_masks_are_read_from_lines_and_from_csv(tmp_path: Path) -> None:
    """CSV by its header; other columns but `id` are ignored."""
    path = tmp_path / "file.jsonl"
    expected = [("a [MASK], b", "good", "1"), ("[MASK]", "bad", "2")]
    path.write_text('{"text": "a [MASK], b", "label": "good"}\n{"text": "[MASK]", "label": "bad"}\n')
    assert [(one.body, one.label, one.id) for one in read_labelled(path, MASKED)] == expected
    path = tmp_path / "file.CSV"
    path.write_text('label,text,note\ngood,"a [MASK], b",\n\nbad,[MASK],x\n')
    assert [(one.body, one.label, one.id) for one in read_labelled(path, MASKED)] == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text,label\na,b,c\n", "line 2 has 3 fields, but the header has 2"),
        ('text,label\na,"b\n', "is not valid CSV"),
        ("text,label\na,\n", "no labels"),
        ("text,label\n ,b\n", "example 1: invalid text ' '"),
    ],
)
def test_an_invalid_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """With the place."""
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_labelled(path, MASKED)
