"""Reading question files: both shapes, told apart by content, and every way in which a file is not one."""

import json
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import InvalidRequest, UsageError
from mooring.quality.examples import Example, ExampleFile, read_examples
from mooring.quality.squad import SQUAD as SQUAD_FORMAT


def parse(body: object) -> Any:
    """A stand-in for the question-answering task: wrapped or not, question and context are strings."""
    inputs = body.get("inputs", body) if isinstance(body, dict) else body
    if not isinstance(inputs, dict) or not isinstance(inputs.get("question"), str):
        raise InvalidRequest("is missing", pointer="/inputs/question")
    if not isinstance(inputs.get("context"), str):
        raise InvalidRequest("is missing", pointer="/inputs/context")
    return inputs


def read_questions(path: Path) -> ExampleFile:
    """As a build of a question-answering model reads it."""
    return read_examples(path, SQUAD_FORMAT, parse)


def written(folder: Path, text: str, name: str = "file") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


SQUAD = {
    "version": "1.1",
    "data": [
        {
            "title": "Rome",
            "paragraphs": [
                {
                    "context": "Rome is old.",
                    "qas": [
                        {"id": "a", "question": "How is Rome?", "answers": [{"text": "old"}, {"text": "old"}]},
                        {"id": "b", "question": "What is old?", "answers": [{"text": "Rome"}]},
                    ],
                }
            ],
        }
    ],
}


def test_squad_is_read_with_its_labels(tmp_path: Path) -> None:
    """Each question becomes a request with its context and its different right answers."""
    file = read_questions(written(tmp_path, json.dumps(SQUAD), "train.txt"))
    assert file.examples[0] == Example(
        {"question": "How is Rome?", "context": "Rome is old."}, ("old",), "a", group="Rome is old."
    )
    assert [sample.label for sample in file.examples] == [("old",), ("Rome",)]
    assert file.labelled
    assert file.name == "train.txt"
    assert len(file.sha256) == 64


def test_impossible_questions_are_left_out_and_counted(tmp_path: Path) -> None:
    """SQuAD 2's questions without an answer say nothing about this model."""
    data = json.loads(json.dumps(SQUAD))
    data["data"][0]["paragraphs"][0]["qas"][0].update(is_impossible=True, answers=[])
    file = read_questions(written(tmp_path, json.dumps(data)))
    assert (len(file.examples), file.skipped) == (1, 1)


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("lines", [True, False])
def test_requests_are_read_as_clients_send_them(tmp_path: Path, wrapped: bool, lines: bool) -> None:
    """One a line or one array, wrapped in inputs or not; they have no labels."""
    inputs = [{"question": f"q{n}", "context": "the city"} for n in range(3)]
    bodies: list[Any] = [{"inputs": each} if wrapped else each for each in inputs]
    text = "\n\n".join(json.dumps(body) for body in bodies) + "\n" if lines else json.dumps(bodies)
    file = read_questions(written(tmp_path, text))
    assert [sample.body for sample in file.examples] == bodies
    assert not file.labelled
    assert {sample.group for sample in file.examples} == {"the city"}


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Files saved on Windows begin with one."""
    path = tmp_path / "bom.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "q", "context": "c"}\r\n')
    assert len(read_questions(path).examples) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no example"),
        ("\n \n", "no example"),
        ('{"data": []}', "no example"),
        ('{"version": "1.1", "data": [{"paragraphs": 7}]}', "data/0/paragraphs is a number, not a list"),
        ('{"data": "text"}', "data is text, not a list"),
        ('{"inputs": "I like it"}\n', "example 1 is not a request"),
        ('{"question": "q", "context": "c"}\n{"question": "q"}', "example 2 is not a request"),
        ('[{"question": "q", "context": "c"}, 3]', "example 2 is not a request"),
        ('{"question": "q", "context": "c"}\nquestion;context', "line 2 is not valid JSON"),
        ("question,context\nq,c", "line 1 is not valid JSON"),
        ('{\n"question": "q"\n}', "example 1 is not a request"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_what_is_not_a_question_file_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """Empty, damaged, of another task: the message says what and where, and the hint says what is expected."""
    with pytest.raises(UsageError, match=said) as caught:
        read_questions(written(tmp_path, text))
    assert "question" in caught.value.hint


def test_a_file_that_is_not_text_or_not_there(tmp_path: Path) -> None:
    """Neither is a traceback."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not valid UTF-8"):
        read_questions(binary)
    with pytest.raises(UsageError, match="Cannot read"):
        read_questions(tmp_path / "nowhere.json")


def test_a_long_text_is_not_echoed_whole(tmp_path: Path) -> None:
    """A line that is not JSON is shown cut to 80 characters."""
    with pytest.raises(UsageError) as caught:
        read_questions(written(tmp_path, "x" * 5000, "f"))
    assert "x" * 100 not in str(caught.value)
