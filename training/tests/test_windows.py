"""Training windows: the answer is where the label says."""

from pathlib import Path

import numpy as np
import pytest

from mooring.model.folder import ModelFolder
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.text import TextTokenizer
from mooring_training.questions import Question, read_questions
from mooring_training.windows import Cutter, Window, Windows, plan
from tests.support.tiny_models import write_tokenizer
from training.tests.support.tiny_data import write_squad


@pytest.fixture
def tokenizer(tmp_path: Path) -> TextTokenizer:
    """The tiny WordPiece one."""
    write_tokenizer(tmp_path / "tokenizer")
    (tmp_path / "tokenizer" / "config.json").write_text('{"model_type": "bert"}')
    return load_tokenizer(ModelFolder(tmp_path / "tokenizer"))


@pytest.fixture
def questions(tmp_path: Path) -> list[Question]:
    return read_questions(write_squad(tmp_path / "squad.json"))


def words(tokenizer: TextTokenizer, window: Window) -> str:
    """The labeled tokens as text."""
    return str(tokenizer.tokenizer.decode(window.ids[window.start : window.end + 1].tolist()))


def plain(text: str) -> str:
    return text.replace(" ", "")


def test_the_label_is_the_answer(tokenizer: TextTokenizer, questions: list[Question]) -> None:
    """In windows that hold the whole paragraph, and in short ones at a random place around the answer."""
    for length in (320, 25):
        cutter, rng = Cutter(tokenizer, Windows(length=length)), np.random.default_rng(0)
        places = set()
        for question in questions:
            for _ in range(5):
                (window,) = cutter.windows(question, rng)
                assert len(window) <= length
                assert plain(words(tokenizer, window)) == plain(question.answers[0].lower())
                assert window.first <= window.start <= window.end < window.first + window.count
                places.add(window.start)
        assert length == 320 or len(places) > 3


def test_no_answer_is_the_first_token(tokenizer: TextTokenizer, questions: list[Question]) -> None:
    """In the one random window, and in every window of `all` that lacks the answer."""
    rng = np.random.default_rng(0)
    nothing = Question("n", "Who?", questions[0].context, "a", ())
    (window,) = Cutter(tokenizer, Windows(length=20)).windows(nothing, rng)
    assert (window.start, window.end, window.ids[0]) == (0, 0, tokenizer.cls_id)
    found = list(Cutter(tokenizer, Windows(length=25, choose="all", stride=4)).windows(questions[0], rng))
    inside = [one for one in found if one.start]
    assert len(found) > len(inside) > 0
    assert {plain(words(tokenizer, one)) for one in inside} == {questions[0].answers[0]}


def test_batches_keep_to_the_budget() -> None:
    """Every window once, padding included, in an order of the seed."""
    lengths = np.random.default_rng(0).integers(5, 300, 500).tolist()
    batches = plan(lengths, 1024, np.random.default_rng(1))
    assert sorted(place for batch in batches for place in batch) == list(range(500))
    assert all(max(lengths[place] for place in batch) * len(batch) <= 1024 for batch in batches)
    padded = sum(max(lengths[place] for place in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)
    assert plan(lengths, 1024, np.random.default_rng(1)) == batches
    assert plan([2000], 1024, np.random.default_rng(1)) == [[0]]
