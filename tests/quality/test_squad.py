"""EM and F1 against cases worked by hand, and the reader of SQuAD-shaped files against damage."""

import json
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import UsageError
from mooring.quality.squad import F1, Question, agreement, exact_match, f1_score, normalise, read_squad


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Eiffel Tower.", "eiffel tower"),
        ("a  man,\tan ape\nand the theatre", "man ape and theatre"),
        ("U.S.A.", "usa"),
        ("don't", "dont"),
        ("well-known", "wellknown"),
        ("«Paris»", "«paris»"),
        ("...", ""),
        ("A", ""),
        ("ÉCOLE", "école"),
    ],
)
def test_normalisation_is_the_official_scripts(text: str, normal: str) -> None:
    """Lower case, no ASCII punctuation, no articles, single spaces; other scripts' punctuation stays."""
    assert normal == normalise(text)


def test_exact_match_takes_any_of_the_right_answers() -> None:
    """One of three annotators is enough, whatever the case and the article."""
    assert exact_match("The Denver Broncos", ("Broncos", "denver broncos")) == 1.0
    assert exact_match("Denver", ("Broncos", "denver broncos")) == 0.0


@pytest.mark.parametrize(
    ("said", "right", "f1"),
    [
        ("Denver Broncos", "denver broncos", 1.0),
        ("the Denver Broncos team", "Denver Broncos", 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("cat cat", "cat", 2 * (1 / 2) * 1 / (1 / 2 + 1)),
        ("cat cat dog", "cat cat", 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("dog", "cat", 0.0),
        ("", "cat", 0.0),
        ("cat", "", 0.0),
        ("", "", 1.0),
    ],
)
def test_f1_counts_shared_tokens_with_multiplicity(said: str, right: str, f1: float) -> None:
    """Harmonic mean of precision and recall over bags of tokens; no tokens only agree with no tokens."""
    assert f1_score(said, (right,)) == pytest.approx(f1)


def test_f1_is_the_best_over_the_right_answers() -> None:
    """The maximum, not the mean."""
    assert f1_score("blue whale", ("whale", "the blue whale", "fish")) == 1.0


def test_the_metric_averages_over_questions() -> None:
    """In percent; an answer that is missing counts as one that says nothing."""
    answers = [{"answer": "red apple"}, [{"answer": "red"}, {"answer": "apple"}], None]
    parts = F1.parts(answers, [("red apple",)] * 3)
    assert parts[:, 1].tolist() == [1.0, 1.0, 0.0]
    assert F1.report(parts[:2]) == {"exact_match": 100.0, "f1": 100.0}
    assert float(F1.total(parts)) == pytest.approx(200 / 3)


@pytest.mark.parametrize("answer", [{"hello": 1}, "x", [], None])
def test_an_answer_of_another_shape_says_nothing(answer: object) -> None:
    """Rather than being judged."""
    with pytest.raises(ValueError, match="missing `answer`"):
        F1.said(answer)


def test_agreement_compares_every_text_of_two_answers() -> None:
    """As token F1; of several, the average; one that is missing on a side agrees with nothing."""
    red = {"answer": "red apple"}
    assert agreement(red, red) == 1.0
    assert agreement([red, red], [red]) == 0.5


def squad(**entry: Any) -> dict[str, Any]:
    """A file with one question, whose fields `entry` changes."""
    question = {"id": "q1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}], **entry}
    return {"version": "1.1", "data": [{"title": "T", "paragraphs": [{"context": "Ada did.", "qas": [question]}]}]}


def written(folder: Path, content: object) -> Path:
    """A file with this JSON, or with these bytes."""
    path = folder / "squad.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_a_squad_file_is_read_in_its_order_with_equal_answers_once(tmp_path: Path) -> None:
    """SQuAD repeats an answer that several annotators gave."""
    answers = [{"text": "Ada"}, {"text": "Ada"}, {"text": "Ada L."}]
    assert [Question("q1", "Who?", "Ada did.", ("Ada", "Ada L."))] == read_squad(
        written(tmp_path, squad(answers=answers))
    )


def test_a_question_without_an_answer_expects_the_empty_answer(tmp_path: Path) -> None:
    """SQuAD 2's is_impossible."""
    (question,) = read_squad(written(tmp_path, squad(is_impossible=True, answers=[])))
    assert question.answers == ("",)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    """Files saved on Windows begin with one."""
    assert len(read_squad(written(tmp_path, b"\xef\xbb\xbf" + json.dumps(squad()).encode()))) == 1


def test_an_unlabelled_file_is_refused_only_where_labels_are_needed(tmp_path: Path) -> None:
    """A load run needs no right answers."""
    path = written(tmp_path, squad(answers=[]))
    assert len(read_squad(path, labelled=False)) == 1
    with pytest.raises(UsageError, match="'q1' has no label"):
        read_squad(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not valid UTF-8"),
        (b"{", "line 1 is not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        ([], "has no labels"),
        ({"data": {}}, "data is an object, not a list"),
        ({"data": []}, "contains no examples"),
        ({"data": [3]}, "data/0 is a number, not an object"),
        ({"data": [{}]}, "data/0 has no `paragraphs`"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, "data/0/paragraphs/0 has no `context`"),
        (squad(question=7), "data/0/paragraphs/0/qas/0/question is a number, not text"),
        (squad(question=" "), "question is empty"),
        (squad(answers=None), "answers is null, not a list"),
        (squad(answers=["Ada"]), "answers/0 is text, not an object"),
        (squad(answers=[{}]), "answers/0 has no `text`"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path: Path, content: object, message: str) -> None:
    """In 30 MB of JSON a fault needs an address."""
    with pytest.raises(UsageError, match=message):
        read_squad(written(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(UsageError, match=r"none\.json: No such file"):
        read_squad(tmp_path / "none.json")
