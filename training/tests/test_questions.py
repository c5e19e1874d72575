"""Reading questions, holding articles back, moving questions to paragraphs without their answer."""

import json
from pathlib import Path

import numpy as np
import pytest

from mooring.errors import UsageError
from mooring.quality.squad import normalise
from mooring_training.negatives import Negatives, Paragraphs, judged_pairs, negatives
from mooring_training.questions import Question, hold_back, read_questions
from mooring_training.similar import Ranking
from training.tests.support.tiny_data import write_squad


@pytest.fixture
def questions(tmp_path: Path) -> list[Question]:
    """Of ten articles."""
    return read_questions(write_squad(tmp_path / "squad.json", articles=10))


def test_answers_are_at_their_offsets(questions: list[Question]) -> None:
    """And every question has its article."""
    assert len(questions) == 60
    for one in questions:
        assert one.context[one.start :].startswith(one.answers[0])
    assert len({one.article for one in questions}) == 10


def test_an_answer_elsewhere_is_refused(tmp_path: Path) -> None:
    """It would train on the wrong words."""
    path = write_squad(tmp_path / "squad.json")
    data = json.loads(path.read_text())
    data["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] += 1
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="question '0-0-0' has the answer '1000' with answer_start"):
        read_questions(path)


def test_whole_articles_are_held_back(questions: list[Question]) -> None:
    """A fifth of them, the same ones for the same seed, and no paragraph is on both sides."""
    training, held = hold_back(questions, 0.2, seed=3)
    assert len({one.article for one in held}) == 2
    assert {one.context for one in training} & {one.context for one in held} == set()
    assert sorted(one.id for one in training + held) == sorted(one.id for one in questions)
    assert hold_back(questions, 0.2, seed=3)[1] == held
    assert hold_back(questions, 0.2, seed=4)[1] != held


def test_an_article_that_is_most_of_the_file_is_never_held_back(questions: list[Question]) -> None:
    """A file of mixed paragraphs has one title."""
    mixed = [Question(f"x{n}", "Who?", f"Nobody {n}.", "mixed", ("Nobody",)) for n in range(30)]
    for seed in range(20):
        assert "mixed" not in {one.article for one in hold_back(questions + mixed, 0.1, seed)[1]}


def test_the_most_similar_paragraph_comes_first() -> None:
    """Rare words count more than frequent ones, and stop words nothing."""
    ranking = Ranking(["The city is old.", "The city has a castle.", "A river and a city."])
    scores = ranking.scores("Which city has the castle?")
    assert scores.argmax() == 1
    assert scores[0] == pytest.approx(scores[2])
    assert ranking.scores("what was it?").tolist() == [0, 0, 0]


def test_the_weights_are_those_of_the_formula() -> None:
    """Two texts; "b" is in both, so ln(3/3) + 1 = 1, and "aa" in one: 1 + ln(3/2)."""
    rare = 1 + np.log(3 / 2)
    found = Ranking(["aa bb", "bb cc"]).scores("aa bb")
    assert found[0] == pytest.approx(1.0)
    assert found[1] == pytest.approx(1 / (rare**2 + 1))


@pytest.mark.parametrize(("same", "nearest"), [(1.0, 1), (0.5, 4), (0.0, 0)])
def test_moved_questions_have_no_answer_there(questions: list[Question], same: float, nearest: int) -> None:
    """Neither as it stands nor after normalization."""
    shared = Question("shared", "What is near?", questions[0].context, questions[0].article, ("a small city.",), 1)
    known = {one.id: one for one in questions}
    options = Negatives(share=1.0, same_article=same, nearest=nearest)
    moved = list(negatives([*questions, shared], Paragraphs(questions), options, np.random.default_rng(0)))
    assert {one.id.split("-moved")[0] for one in moved} == set(known)  # "small city" is in every paragraph
    for one in moved:
        before = known[one.id.split("-moved")[0]]
        assert (one.answers, one.question) == ((), before.question)
        assert one.context != before.context
        assert not any(normalise(answer) in normalise(one.context) for answer in before.answers)
    stayed = [one.article == known[one.id.split("-moved")[0]].article for one in moved]
    assert (all(stayed), any(stayed)) == (same == 1, same > 0)


def test_twice_as_many_as_there_are(questions: list[Question]) -> None:
    """A share above 1 moves every question again; the same seed gives the same ones."""
    made = [
        list(negatives(questions, Paragraphs(questions), Negatives(share=2.0), np.random.default_rng(5)))
        for _ in range(2)
    ]
    assert len(made[0]) == 120
    assert made[0] == made[1]


def test_pairs_to_judge_by(questions: list[Question]) -> None:
    """Each question on a random and on the most similar other paragraph of its article."""
    at_random, hard = judged_pairs(questions, questions, seed=0)
    assert len(at_random) == len(hard) == 60
    for one, near in zip(questions, hard, strict=True):
        assert near.article == one.article
        assert near.context != one.context
    assert at_random != hard
