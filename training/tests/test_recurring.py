"""Questions made of spans that recur in raw text."""

import json
from pathlib import Path

import numpy as np
import pytest

from mooring.cli import run
from mooring_training.questions import read_questions
from mooring_training.recurring import recurring, texts_of
from tests.support.tiny_models import write_tiny_bert
from training.tests.support.tiny_data import write_squad

TOWER = [
    "The Eiffel Tower, a building of iron, was finished in March 1889. Its architect had built a dome in Nice before.",
    "For forty years no building was taller than the Eiffel Tower. It is repainted every seven years.",
    "Visitors from Japan like Nice in March, and its dome in summer, when the tower is finished.",
    "Nothing recurs in this one, which is about cheese.",
]
RNG = np.random.default_rng


def test_a_sentence_asks_for_its_span_in_a_similar_paragraph() -> None:
    """The span is at its offset in a paragraph that shares words with the question, where "what" stands for it."""
    found = {(one.answers[0], one.question): one for one in recurring({"tower": TOWER}, 100, RNG(0))}
    asked = found["Eiffel Tower", "For forty years no building was taller than the what."]
    assert asked.context == TOWER[0]
    assert asked.article == "tower"
    for one in found.values():
        assert one.context[one.start :].startswith(one.answers[0])
        assert "what" in one.question


def test_spans_are_names_numbers_or_several_words() -> None:
    """Not a part of a longer recurring span, no stop word at the end, no word that is in lower case everywhere."""
    every = recurring({"tower": TOWER}, 100, RNG(0))
    assert {one.answers[0] for one in every} == {"Eiffel Tower", "March", "Nice"}


def spans_in(*paragraphs: str) -> list[str]:
    """The spans that questions are made of, each once."""
    return sorted({one.answers[0] for one in recurring({"article": paragraphs}, 10_000, RNG(0))})


@pytest.mark.parametrize(
    ("shared", "spans"),
    [
        ("cheese", []),
        ("Gouda", ["Gouda"]),
        ("1843", ["1843"]),
        ("aged cheese", ["aged cheese"]),
        ("the Bank of England", ["Bank of England"]),
        ("Paris, London", ["London", "Paris"]),
        ("one two three four five six", ["one two three four five six"]),
        ("Aa Bb Cc Dd Ee Ff Gg", ["Aa Bb Cc Dd Ee Ff", "Bb Cc Dd Ee Ff Gg"]),
    ],
)
def test_what_counts_as_a_span(shared: str, spans: list[str]) -> None:
    """At most six words, and none of the shorter ones that only occur within it."""
    assert (
        spans_in(f"In this story you find {shared} again.", f"Nobody has told a story where {shared} did so.") == spans
    )


def test_no_question_has_its_answer() -> None:
    """The span is twice in both sentences; the last one has it within another word only."""
    twice = "The story goes from Paris to Rome and to Paris again."
    assert "Paris" not in spans_in(twice, "Every story that Paris tells is told by Paris.")
    made = recurring({"article": [twice, "This story about Paris is not by the Parisians."]}, 100, RNG(0))
    assert [one.question for one in made] == ["This story about what is not by the Parisians."]


def test_what_is_everywhere_or_says_too_little_is_left_out() -> None:
    """A span in more than twenty paragraphs, a sentence of five words, two paragraphs without a word in common."""
    everywhere = [f"There is a story about it, number {number}, in Paris again." for number in range(21)]
    assert spans_in(*everywhere) == []
    assert spans_in(*everywhere[:20]) == ["Paris again"]
    assert spans_in("A story about Paris ends.", "The story goes to Paris.") == []
    assert spans_in("Bread that was baked early in Paris tastes.", "Nobody with money ever leaves Paris alone.") == []


def test_only_paragraphs_of_the_same_article_count() -> None:
    """Two articles apart have no span in common."""
    assert recurring({"one": TOWER[:1], "two": TOWER[1:2]}, 100, RNG(0)) == []


def test_the_seed_draws_among_them() -> None:
    """The same ones for the same seed, in the order of the text."""
    every = recurring({"tower": TOWER}, 100, RNG(0))
    drawn = [recurring({"tower": TOWER}, 2, RNG(seed)) for seed in (1, 1, 2, 3, 4)]
    assert drawn[0] == drawn[1]
    assert len({tuple(one.id for one in each) for each in drawn}) > 1
    assert all([one for one in every if one in each] == each for each in drawn)


RECIPE = """
kind = "spans"
calibrate = false
[model]
start = "tiny"
[data]
files = ["squad.json"]
held_out = 0.25
[optimizer]
batch_tokens = 600
"""


def test_a_training_on_spans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes a question-answering model. Another seed is recorded, and the same articles are held back."""
    monkeypatch.chdir(tmp_path)
    write_tiny_bert(Path("tiny"))
    write_squad(Path("squad.json"))
    Path("r.toml").write_text(RECIPE)
    train = ["distil", "train", "r.toml", "--data", ".", "--threads", "1"]
    records = []
    for seed in (1, 2):
        assert run([*train, "-o", f"out{seed}", "--seed", str(seed)]) == 0
        records.append(json.loads(Path(f"out{seed}/distil.json").read_text()))
    assert [record["recipe"]["seed"] for record in records] == [1, 2]
    assert records[0]["held_back_articles"] == records[1]["held_back_articles"]
    assert records[0]["held_back"]["answerable"] == 6
    assert f"{records[1]['examples']} questions, 6 questions held back" in capsys.readouterr().err
    assert json.loads(Path("out1/config.json").read_text())["architectures"] == ["BertForQuestionAnswering"]
    data = json.loads(Path("squad.json").read_text())
    for article in data["data"]:
        article["paragraphs"] = article["paragraphs"][:1]
    Path("squad.json").write_text(json.dumps(data))
    capsys.readouterr()
    assert run([*train, "-o", "none"]) == 2
    assert "No question could be made of 3 paragraphs in 3 articles." in capsys.readouterr().err
    Path("raw.txt").write_text("\n\n".join(TOWER))
    raw = RECIPE.replace("squad.json", "raw.txt").replace("[data]", "[unanswerable]\nshare = 0.0\n[data]")
    Path("r.toml").write_text(raw)
    assert run([*train, "-o", "raw"]) == 0
    assert json.loads(Path("raw/distil.json").read_text())["files"].keys() == {"raw.txt", "model 0"}
    assert json.loads(Path("raw/config.json").read_text())["mooring"] == {"no_answer": False}


def test_paragraphs_are_taken_once(tmp_path: Path) -> None:
    """However many questions each of them has."""
    texts = texts_of(read_questions(write_squad(tmp_path / "squad.json", articles=2)))
    assert list(texts) == ["Article 0", "Article 1"]
    assert [len(set(paragraphs)) for paragraphs in texts.values()] == [3, 3]
    assert all(len(paragraphs) == 3 for paragraphs in texts.values())
