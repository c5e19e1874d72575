"""What a folder says about questions without an answer."""

from pathlib import Path
from typing import Any

import pytest

from mooring.tasks.recognise import read_manifest
from tests.support.tiny_models import write_tiny_bert


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        ("deepset/tinyroberta-squad2", None, True),
        ("someone/bert-squad_v2-finetuned", None, True),
        ("distilbert/distilbert-base-uncased-distilled-squad", None, None),
        ("someone/mysquad2", {"no_answer": False}, False),
        ("./out", {"no_answer": True}, True),
        ("./out", {"no_answer": "yes"}, None),
        ("./out", "nothing", None),
    ],
)
def test_training_without_answers(source: str, record: object, expected: bool | None, tmp_path: Path) -> None:
    """The record of `moor distil` in config.json decides, else the name."""
    more: dict[str, Any] = {} if record is None else {"mooring": record}
    folder = write_tiny_bert(tmp_path / "tiny", **more)
    assert read_manifest(folder, source=source).no_answer is expected


def test_only_for_question_answering(tmp_path: Path) -> None:
    """A classifier's name says nothing about it."""
    folder = write_tiny_bert(tmp_path / "tiny", head="sequence")
    assert read_manifest(folder, source="someone/squad2-classifier").no_answer is None
