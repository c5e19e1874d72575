"""From a body to an answer with made-up logits: which text comes out, and what it is worth."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mooring.backends.base import Ids, Outputs
from mooring.backends.fake import scores
from mooring.errors import InvalidRequest
from mooring.model.folder import ModelFolder
from mooring.tasks import question_answering
from mooring.tasks.base import Prepared
from mooring.tasks.question_answering import QuestionAnswering
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.text import Tokens
from tests.support.tiny_models import vocabulary, write_tokenizer

PIECES = vocabulary()


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> QuestionAnswering:
    """The task with the tests' small vocabulary."""
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return QuestionAnswering(load_tokenizer(ModelFolder(folder)), max_seq_len=64, max_positions=512)


def logits(prepared: Prepared, starts: Mapping[str, float], ends: Mapping[str, float]) -> list[Outputs]:
    """Logits by piece of the vocabulary; 0 for pieces that are not named."""

    def row(ids: Ids, chosen: Mapping[str, float]) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.array([chosen.get(PIECES[index], 0.0) for index in ids], np.float32)

    return [(row(window.input_ids, starts), row(window.input_ids, ends)) for window in prepared.windows]


def answer(
    task: QuestionAnswering, body: object, starts: Mapping[str, float], ends: Mapping[str, float] | None = None
) -> Any:
    """Through all steps but the engine."""
    prepared = task.prepare(task.parse(body))
    return task.finish(prepared, logits(prepared, starts, starts if ends is None else ends))


def ask(context: str, **parameters: object) -> dict[str, object]:
    """A body."""
    return {"inputs": {"question": "who ?", "context": context}, "parameters": parameters}


def test_an_answer_is_a_quotation_with_its_place(task: QuestionAnswering) -> None:
    """Offsets are characters of the context as it was sent, emoji and accents before it counted as one each."""
    context = "Ünïted 👩‍🔬 the  KING\r\nlives."
    found = answer(task, ask(context), {"king": 9})
    assert found["answer"] == "KING"
    assert context[found["start"] : found["end"]] == "KING"
    assert set(found) == {"score", "start", "end", "answer"}
    assert 0.9 < found["score"] <= 1


def test_an_answer_is_widened_to_whole_words(task: QuestionAnswering) -> None:
    """Unless that is not wanted."""
    context = "the xking lives"
    assert answer(task, ask(context), {"##k": 9})["answer"] == "xking"
    assert answer(task, ask(context, align_to_words=False), {"##k": 9})["answer"] == "k"


def test_the_same_words_are_one_answer_and_their_scores_add_up(task: QuestionAnswering) -> None:
    """Whatever their case; the place is that of the likelier one."""
    context = "the King met the king"
    found = answer(task, ask(context, top_k=2, max_answer_len=1), {"king": 8})
    assert [one["answer"].lower() for one in found].count("king") == 1
    assert found[0]["start"] == 4
    alone = answer(task, ask("the king", max_answer_len=1), {"king": 8})
    assert found[0]["score"] == pytest.approx(2 * 0.25, rel=0.01)
    assert alone["score"] == pytest.approx(1, rel=0.01)


def test_answers_come_from_every_window(task: QuestionAnswering) -> None:
    """One at the far end of a long context, and one that two windows share counts in both."""
    context = "the " * 300 + "king " + "of " * 300
    prepared = task.prepare(task.parse(ask(context)))
    assert len(prepared.windows) > 10
    found = answer(task, ask(context, max_answer_len=1), {"king": 20})
    assert (found["answer"], found["start"]) == ("king", 1200)
    holding = sum(PIECES.index("king") in window.input_ids for window in prepared.windows)
    assert found["score"] == pytest.approx(holding, rel=0.01)


def test_a_word_cut_by_a_windows_edge_is_widened_to_the_edge(task: QuestionAnswering) -> None:
    """Its other half is not in this window."""
    word = "x" * 100
    found = answer(task, ask(f"a {word}"), {"x": 9}, {"##x": 9})
    assert found["answer"] == word[: found["end"] - 2]
    assert found["start"] == 2
    assert found["end"] < 64


def test_no_answer_is_an_answer_where_it_was_asked_for(task: QuestionAnswering) -> None:
    """With the least of its scores over the windows; it stands alone when nothing is likelier."""
    found = answer(task, ask("the king", handle_impossible_answer=True), {"[CLS]": 9})
    assert (found["answer"], found["start"], found["end"]) == ("", 0, 0)
    assert found["score"] > 0.9
    assert answer(task, ask("the king"), {"[CLS]": 9})["answer"] != ""
    both = answer(task, ask("the king", handle_impossible_answer=True, top_k=2), {"king": 9})
    assert both[0]["answer"] == "king"
    assert len(both) == 2


def test_a_special_token_in_the_question_gives_no_answer_of_the_question(task: QuestionAnswering) -> None:
    """The pipeline lets every CLS token answer; answers are the context's here."""
    body = {"question": "who [CLS] ?", "context": "the king", "parameters": {"max_answer_len": 1}}
    found = answer(task, body, {"[CLS]": 5, "king": 4})
    assert found["answer"] == "king"


def test_fewer_answers_than_asked_for_are_all_there_are(task: QuestionAnswering) -> None:
    """No made-up ones with score 0; a single one is a list of one."""
    found = answer(task, ask("the king lives", top_k=50), {"king": 3})
    assert len(found) == 6
    assert [one["answer"] for one in answer(task, ask("king", top_k=50), {"king": 3})] == ["king"]


WORDS = st.lists(st.sampled_from(["the", "king", "x", "1", " ", "\n", "é", "\x00"]), min_size=1).map("".join)


def shape(found: Any) -> object:
    """Of an answer: objects and lists, without what is in them or how many answers there are."""
    if isinstance(found, list):
        (each,) = {shape(one) for one in found}
        return ("list", each)
    assert set(found) == {"score", "start", "end", "answer"}
    return "answer"


@given(
    contexts=st.lists(WORDS.filter(str.strip), min_size=1, max_size=3),
    top_k=st.sampled_from([None, 1, 2, 50]),
    impossible=st.booleans(),
    how=st.sampled_from(["object", "list", "questions", "questions and contexts"]),
)
def test_the_shape_of_an_answer_is_known_from_the_request(
    task: QuestionAnswering, contexts: list[str], top_k: int | None, impossible: bool, how: str
) -> None:
    """From `top_k` and the number of questions, whatever the texts hold."""
    pairs = [{"question": "who ?", "context": context} for context in contexts]
    inputs: Any = {
        "object": pairs[0],
        "list": pairs,
        "questions": {"question": ["who ?"] * len(pairs), "context": contexts[0]},
        "questions and contexts": {"question": ["who ?"] * len(pairs), "context": contexts},
    }[how]
    asked = 1 if how == "object" else len(contexts)
    parameters = {"handle_impossible_answer": impossible} | ({"top_k": top_k} if top_k else {})
    expected: object = "answer" if top_k in (None, 1) else ("list", "answer")
    expected = expected if asked == 1 else ("list", expected)
    assert shape(answer(task, {"inputs": inputs, "parameters": parameters}, {"king": 3})) == expected


def test_a_context_without_a_token_has_the_empty_answer(task: QuestionAnswering) -> None:
    """With score 0, in the usual shape."""
    assert answer(task, ask("\x00"), {}) == {"score": 0.0, "start": 0, "end": 0, "answer": ""}


def test_several_questions_are_answered_in_order(task: QuestionAnswering) -> None:
    """Each with its own object, or list where more than one was asked for."""
    body = {"question": ["who ?", "what ?"], "context": "the king , the queen"}
    assert [one["answer"] for one in answer(task, body, {"queen": 9})] == ["queen", "queen"]
    several = answer(task, {"inputs": [body], "parameters": {"top_k": 2}}, {"queen": 9})
    assert [len(one) for one in several] == [2, 2]


def test_a_text_is_tokenised_once_however_often_it_is_asked(
    task: QuestionAnswering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a request, and in those that come after it."""
    seen: list[str] = []
    encode = task._tokenizer.encode

    def noted(text: str) -> Tokens:
        seen.append(text)
        return encode(text)

    monkeypatch.setattr(task._documents, "_encode", noted)
    for _ in range(2):
        task.prepare(task.parse({"question": ["a ?", "b ?", "c ?"], "context": "the king once"}))
    assert seen == ["the king once"]


def test_requests_have_the_same_key_only_if_they_have_the_same_answer(task: QuestionAnswering) -> None:
    """Whatever way they were written; texts do not run into each other, and every parameter counts."""
    pair = {"question": "a", "context": "bc"}
    same = [pair, {"inputs": pair}, {"inputs": [pair]}, {"inputs": pair, "parameters": {"top_k": 1, "padding": True}}]
    other = [
        {"question": "ab", "context": "c"},
        {"question": ["a", "a"], "context": "bc"},
        *({"inputs": pair, "parameters": one} for one in ({"top_k": 2}, {"max_answer_len": 9}, {"doc_stride": 7})),
        {"inputs": pair, "parameters": {"handle_impossible_answer": True}},
        {"inputs": pair, "parameters": {"align_to_words": False}},
        {"question": "a", "context": "bc\ud800"},
    ]
    keys = [task.key(task.parse(body)) for body in (*same, *other)]
    assert len(set(keys[: len(same)])) == 1
    assert len(set(keys)) == 1 + len(other)


def test_a_question_that_leaves_no_room_says_which_one(task: QuestionAnswering) -> None:
    """Among several; alone it needs no number."""
    wide = {"question": "x" * 60, "context": "the king " * 50}
    with pytest.raises(InvalidRequest, match="the question has 60 tokens"):
        task.prepare(task.parse(wide))
    with pytest.raises(InvalidRequest, match="question 2: the question has 60 tokens"):
        task.prepare(task.parse([{"question": "who ?", "context": "the"}, wide]))


@pytest.mark.parametrize("words", [1, 50, 500, 5_000])
def test_the_estimate_is_near_the_truth(task: QuestionAnswering, words: int) -> None:
    """Within a factor of two, for words of about English length."""
    request = task.parse(ask("king queen " * words))
    real = sum(len(window) for window in task.prepare(request).windows)
    assert 0.5 < task.estimate(request) / real < 2


def test_chinese_is_not_estimated_as_english(task: QuestionAnswering) -> None:
    """A character is a token there."""
    request = task.parse(ask("北京" * 3000))
    assert task.estimate(request) > 0.5 * sum(len(window) for window in task.prepare(request).windows)


def test_the_probe_is_one_short_window(task: QuestionAnswering) -> None:
    """As the engine's warm-up and health check need it."""
    prepared = task.prepare(task.probe())
    assert [len(window) <= 32 for window in prepared.windows] == [True]
    assert isinstance(task.finish(prepared, [scores(window) for window in prepared.windows]), dict)
    assert task.name == "question-answering"


def test_answers_and_windows_are_bounded_together(task: QuestionAnswering) -> None:
    """A thousand answers of one window are fine, of a thousand windows they are gigabytes."""
    many = {"question": "the", "context": "the " * 20_000}
    with pytest.raises(InvalidRequest, match=r"1000 answers \(top_k\) from \d+ windows needs too much memory"):
        task.prepare(task.parse({"inputs": many, "parameters": {"top_k": 1000}}))
    assert task.prepare(task.parse({"inputs": many, "parameters": {"top_k": 20}})).windows


def test_thousands_of_questions_on_one_text_look_at_it_once(
    task: QuestionAnswering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its length is estimated and its digest made once, or a body of 25 MB would be work for minutes."""
    looked: list[str] = []

    def noting(real: Callable[[str], Any]) -> Callable[[str], Any]:
        def noted(text: str) -> Any:
            looked.append(text)
            return real(text)

        return noted

    for name in ("tokens_in", "digest_of"):
        monkeypatch.setattr(question_answering, name, noting(getattr(question_answering, name)))
    request = task.parse({"question": ["who ?", "what ?"] * 2000, "context": "é" * 1000})
    assert task.estimate(request) > 4000
    assert task.key(request)
    assert [text for text in looked if len(text) == 1000] == ["é" * 1000] * 2


def test_the_text_of_all_answers_is_bounded(task: QuestionAnswering) -> None:
    """A word may be as long as the body, and each answer is a copy of it."""
    text = "a" * 200_000 + " " + "b" * 200_000
    assert len(answer(task, {"question": "who ?", "context": text}, {})["answer"]) >= 200_000
    with pytest.raises(InvalidRequest, match="too long in total"):
        answer(task, {"question": ["who ?"] * 100, "context": text}, {})


def test_an_answer_says_which_of_several_contexts_it_comes_from(task: QuestionAnswering) -> None:
    """Its place is in that context; scores of all contexts add up to at most 1, so they can be compared."""
    contexts = ["the x " * 40, "of the king", "the king"]
    body = {"inputs": {"question": "who ?", "contexts": contexts}, "parameters": {"max_answer_len": 1, "top_k": 50}}
    found = answer(task, body, {"king": 9})
    assert [(one["answer"], one["context_index"], one["start"]) for one in found[:2]] == [
        ("king", 1, 7),
        ("king", 2, 4),
    ]
    assert found[0]["score"] == pytest.approx(0.25, rel=0.02)
    assert sum(one["score"] for one in found) <= 1
    (alone, wrapped) = ({"question": "who ?", "contexts": contexts[:1]}, {"question": "who ?", "context": contexts[0]})
    assert answer(task, alone, {"x": 9})["context_index"] == 0
    assert "context_index" not in answer(task, wrapped, {"x": 9})
    assert task.key(task.parse(alone)) != task.key(task.parse(wrapped))


def test_there_is_one_no_answer_for_all_contexts(task: QuestionAnswering) -> None:
    """It belongs to no context, and is worth what the context with the best answer says."""
    body = {
        "inputs": {"question": "who ?", "contexts": ["the king", "of the x"]},
        "parameters": {"handle_impossible_answer": True, "top_k": 50},
    }
    found = answer(task, body, {"[CLS]": 9})
    assert found[0]["score"] == pytest.approx(0.25, rel=0.01)
    assert {key: found[0][key] for key in ("answer", "start", "end", "context_index")} == {
        "answer": "",
        "start": 0,
        "end": 0,
        "context_index": None,
    }
    assert [one["context_index"] for one in found].count(None) == 1
    empty = answer(task, {"question": "who ?", "contexts": ["\x00", "\x01"]}, {})
    assert empty == {"score": 0.0, "start": 0, "end": 0, "answer": "", "context_index": None}


def test_several_questions_may_each_have_several_contexts(task: QuestionAnswering) -> None:
    """Beside others that have one, as lines of one request."""
    several = {"question": "who ?", "contexts": ["the x", "the king"]}
    found = answer(task, [several, {"question": "who ?", "context": "a king"}], {"king": 9})
    assert [one.get("context_index") for one in found] == [1, None]
    with pytest.raises(InvalidRequest, match="question 2: the question has 60 tokens"):
        task.prepare(task.parse([several, {"question": "x" * 60, "contexts": ["the king", "the king " * 50]}]))


LEVELS = st.integers(-40, 40).map(lambda tenths: tenths / 10)
NAMES = ("the", "king", "x", "of", "queen", "[CLS]")
ROW = st.fixed_dictionaries(dict.fromkeys(NAMES, LEVELS))
SENTENCE = st.lists(st.sampled_from(NAMES[:5]), min_size=1, max_size=30).map(" ".join)


@given(
    relevant=st.lists(SENTENCE, min_size=1, max_size=3),
    irrelevant=st.lists(st.sampled_from(NAMES[:5]), min_size=1, max_size=300).map(" ".join),
    levels=st.tuples(ROW, ROW),
    at=st.integers(0, 3),
    impossible=st.booleans(),
)
def test_an_irrelevant_passage_never_changes_the_best_answer(
    task: QuestionAnswering,
    relevant: list[str],
    irrelevant: str,
    levels: tuple[dict[str, float], dict[str, float]],
    at: int,
    impossible: bool,
) -> None:
    """While its logits are lower than those of the other passages; however long it is and wherever it stands."""

    def ask_all(contexts: list[str], other: int | None) -> Any:
        parameters = {"handle_impossible_answer": impossible, "top_k": 2}
        body = {"question": "who ?", "contexts": contexts, "parameters": parameters}
        prepared = task.prepare(task.parse(body))
        outputs = logits(prepared, *levels)
        if other is not None:
            counts = [len(task.prepare(task.parse(ask(one))).windows) for one in contexts]
            first = sum(counts[:other])
            for row in range(first, first + counts[other]):
                outputs[row] = (outputs[row][0] - 9, outputs[row][1] - 9)  # all below −5, the others' least
        return task.finish(prepared, outputs)

    before, *others = ask_all(relevant, None)
    # Equally good answers may change places: rounding depends on the number of windows.
    assume(all(one["score"] < 0.9999 * before["score"] for one in others))
    at = min(at, len(relevant))
    after, *_ = ask_all([*relevant[:at], irrelevant, *relevant[at:]], at)
    index = before["context_index"]
    assert after["context_index"] == (index if index is None or index < at else index + 1)
    assert {key: after[key] for key in ("answer", "start", "end")} == {
        key: before[key] for key in ("answer", "start", "end")
    }
