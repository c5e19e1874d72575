"""Bodies in every shape that is accepted, and a pointer to the field in every one that is not."""

import contextlib
import difflib
from typing import Any

import pytest

from mooring import spelling
from mooring.errors import InvalidRequest, PayloadTooLarge
from mooring.tasks.body import COMPARED
from mooring.tasks.qa_request import Lengths, Pair, Passages, parse

LENGTHS = Lengths(max_seq_len=384, max_positions=512)
ONE = {"question": "Who?", "context": "Ada."}
PAIR = Pair("Who?", "Ada.")
TWO = {"question": "Who?", "contexts": ["Ada.", "It."]}
PASSAGES = Passages("Who?", ("Ada.", "It."))


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (ONE, [PAIR]),
        ({"inputs": ONE}, [PAIR]),
        ({"inputs": [ONE]}, [PAIR]),
        ([ONE, ONE], [PAIR, PAIR]),
        ({"inputs": [ONE, {"question": "What?", "context": "It."}]}, [PAIR, Pair("What?", "It.")]),
        ({"inputs": ONE, "other": 1, "question": 7}, [PAIR]),
        ({**ONE, "parameters": {"top_k": 2}}, [PAIR]),
        ({"question": ["Who?", "What?"], "context": "Ada."}, [PAIR, Pair("What?", "Ada.")]),
        ({"inputs": {"question": ["Who?", "What?"], "context": ["Ada.", "It."]}}, [PAIR, Pair("What?", "It.")]),
        ({**ONE, "id": 17}, [PAIR]),
        (TWO, [PASSAGES]),
        ({"inputs": TWO}, [PASSAGES]),
        ({"inputs": [TWO, ONE]}, [PASSAGES, PAIR]),
    ],
)
def test_bodies_that_are_understood(body: object, pairs: list[Pair | Passages]) -> None:
    """Wrapped or bare, one or several, several questions on one context; other keys are left alone."""
    assert list(parse(body, LENGTHS).pairs) == pairs


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ("text", "", "expected an object, found text"),
        (None, "", "expected an object, found null"),
        (7, "", "expected an object, found a number: 7"),
        ({}, "", "missing `question`"),
        ({"inputs": None}, "/inputs", "null"),
        ({"inputs": "Who?"}, "/inputs", "expected an object, found text: 'Who?'"),
        ({"inputs": []}, "/inputs", "the list is empty"),
        ({"inputs": [ONE, 3]}, "/inputs/1", "a number"),
        ({"inputs": [ONE, {"question": "Who?"}]}, "/inputs/1", "missing `context`"),
        ({"inputs": {"question": "Who?", "contxt": "x"}}, "/inputs", "missing `context` (found 'contxt')"),
        ({"question": "", "context": "x"}, "/question", "empty"),
        ({"question": "x", "context": " \n"}, "/context", "blank"),
        ({"question": 5, "context": "x"}, "/question", "expected text, found a number: 5"),
        ({"question": "x", "context": None}, "/context", "expected text, found null"),
        ({"question": "x", "context": ["a", "b"]}, "/context", "expected text, found a list"),
        ({"question": ["x", True], "context": "a"}, "/question/1", "expected text, found true or false"),
        ({"question": [], "context": "a"}, "/question", "the list is empty"),
        ({"question": ["x", "y"], "context": ["a"]}, "/context", "1 contexts for 2 questions"),
        ({"question": ["x", "y"], "context": ["a", ""]}, "/context/1", "empty"),
        ({**TWO, "contexts": []}, "/contexts", "the list is empty"),
        ({**TWO, "contexts": "Ada."}, "/contexts", "expected a list, found text: 'Ada.'"),
        ({"inputs": {**TWO, "contexts": ["Ada.", 1]}}, "/inputs/contexts/1", "expected text, found a number"),
        ({"inputs": [TWO, {**TWO, **ONE}]}, "/inputs/1", "found `context` and `contexts`"),
        ({**TWO, "question": ["Who?"]}, "/question", "expected text, found a list"),
        ({"contexts": ["Ada."]}, "", "missing `question`"),
        ({"inputs": {**ONE, "top_k": 3}}, "/inputs/top_k", "this is a parameter"),
        ({"inputs": ONE, "parameters": []}, "/parameters", "expected an object, found a list"),
        ({"inputs": ONE, "parameters": {"topk_": 3}}, "/parameters/topk_", "unknown parameter"),
        ({"inputs": ONE, "parameters": {"a/b~": 3}}, "/parameters/a~1b~0", "unknown parameter"),
        ({"inputs": ONE, "parameters": {"top_k": 0}}, "/parameters/top_k", "at least 1, not 0"),
        ({"inputs": ONE, "parameters": {"top_k": "3"}}, "/parameters/top_k", "integer"),
        ({"inputs": ONE, "parameters": {"top_k": 2.5}}, "/parameters/top_k", "2.5"),
        ({"inputs": ONE, "parameters": {"top_k": True}}, "/parameters/top_k", "True"),
        ({"inputs": ONE, "parameters": {"max_answer_len": -1}}, "/parameters/max_answer_len", "-1"),
        ({"inputs": ONE, "parameters": {"doc_stride": -1}}, "/parameters/doc_stride", "at least 0"),
        ({"inputs": ONE, "parameters": {"max_question_len": "x"}}, "/parameters/max_question_len", "'x'"),
        ({"inputs": ONE, "parameters": {"max_seq_len": 513}}, "/parameters/max_seq_len", "limit of 512 tokens"),
        ({"inputs": ONE, "parameters": {"doc_stride": 400}}, "/parameters/doc_stride", "384 tokens"),
        ({"inputs": ONE, "parameters": {"align_to_words": 1}}, "/parameters/align_to_words", "true or false"),
        (
            {"inputs": ONE, "parameters": {"handle_impossible_answer": "yes"}},
            "/parameters/handle_impossible_answer",
            "'yes'",
        ),
    ],
)
def test_bodies_that_are_not_point_at_the_field(body: object, pointer: str, said: str) -> None:
    """With the value seen."""
    with pytest.raises(InvalidRequest) as caught:
        parse(body, LENGTHS)
    assert caught.value.pointer == pointer
    assert said in caught.value.message


def test_a_misspelt_parameter_gets_the_right_spelling() -> None:
    """Ignored, it would change answers without a word."""
    with pytest.raises(InvalidRequest) as caught:
        parse({"inputs": ONE, "parameters": {"handle_imposible_answer": True}}, LENGTHS)
    assert caught.value.hint == "Did you mean handle_impossible_answer?"


def test_no_value_is_repeated_at_length() -> None:
    """80 characters of what was sent, and no more."""
    with pytest.raises(InvalidRequest) as caught:
        parse({"inputs": ONE, "parameters": {"x" * 5000: "y" * 5000, "top_k": "z" * 5000}}, LENGTHS)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"max_seq_len": 384, "doc_stride": 128, "top_k": 1, "max_answer_len": 15, "align_to_words": True}),
        ({"max_seq_len": 100}, {"max_seq_len": 100, "doc_stride": 50}),
        ({"max_seq_len": 512}, {"doc_stride": 128}),
        ({"topk": 4}, {"top_k": 4}),
        ({"topk": 4, "top_k": 2}, {"top_k": 2}),
        ({"top_k": None, "doc_stride": None}, {"top_k": 1, "doc_stride": 128}),
        ({"doc_stride": 0, "max_question_len": 3, "padding": "longest", "batch_size": 8}, {"doc_stride": 0}),
    ],
)
def test_parameters_and_their_defaults(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """The pipeline's; null asks for a default, and what only says how to compute has no effect."""
    parameters = parse({"inputs": ONE, "parameters": given}, LENGTHS).parameters
    assert {name: getattr(parameters, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"inputs": ONE, "top_k": 3}, "/top_k"),
        ({"inputs": ONE, "parameter": {"top_k": 3}}, "/parameter"),
        ({"inputs": ONE, "params": {"top_k": 3}}, "/params"),
        ({"inputs": {**ONE, "Parameters": {}}}, "/inputs/Parameters"),
        ({**ONE, "parameter": {"top_k": 3}}, "/parameter"),
    ],
)
def test_parameters_in_the_wrong_place_are_not_ignored(body: object, pointer: str) -> None:
    """They would have no effect, and nobody would notice."""
    with pytest.raises(InvalidRequest) as caught:
        parse(body, LENGTHS)
    assert caught.value.pointer == pointer


def test_keys_of_other_services_are_left_alone() -> None:
    """The Hub's own API takes `options`."""
    assert parse({"inputs": ONE, "options": {"wait_for_model": True}}, LENGTHS).pairs == (PAIR,)


def test_more_questions_than_windows_are_too_large_before_they_are_looked_at() -> None:
    """Each makes one at least; the rest of the list is not read."""
    few = Lengths(max_seq_len=384, max_positions=512, max_pairs=3)
    assert len(parse([ONE] * 3, few).pairs) == 3
    for body in ({**TWO, "contexts": ["x"] * 4}, [TWO, TWO]):
        with pytest.raises(PayloadTooLarge, match="4 contexts; the limit for one request is 3"):
            parse(body, few)
    with pytest.raises(PayloadTooLarge, match="more than 3 questions"):
        parse([ONE] * 4 + [None], few)


def test_a_bound_for_answers() -> None:
    """Each of a thousand is a candidate in every window already."""
    assert parse({"inputs": ONE, "parameters": {"top_k": 1000}}, LENGTHS).parameters.top_k == 1000
    with pytest.raises(InvalidRequest, match="1001 exceeds the limit of 1000 answers"):
        parse({"inputs": ONE, "parameters": {"top_k": 1001}}, LENGTHS)


JUNK = {f"parametre{number:07d}": 0 for number in range(15_500)}
"""248 KB of keys, each as long as one that is compared with `parameters`."""
LONG = "x" * 24_000_000


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": ONE, **JUNK},
        {**ONE, **JUNK},
        {"inputs": {**ONE, **JUNK}},
        {"inputs": {"context": "Ada.", **JUNK}},
        {"inputs": ONE, "parameters": JUNK},
        {"inputs": [{**ONE, f"parametre{number:07d}": 0} for number in range(4096)]},
        {"inputs": ONE, LONG: 0},
        {"inputs": {"question": "Who?", LONG: 0}},
        {"inputs": ONE, "parameters": {LONG: 0}},
    ],
    ids=["beside", "bare", "inside", "no question", "parameters", "list", "long", "long, no context", "long parameter"],
)
def test_a_request_costs_a_fixed_number_of_comparisons(body: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys it has and however long they are: comparing takes time quadratic in their length."""
    compared: list[tuple[int, int]] = []

    def counted(word: str, known: list[str], **how: Any) -> list[str]:
        compared.extend((len(word), len(name)) for name in known)
        return []

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    with contextlib.suppress(InvalidRequest):
        parse(body, LENGTHS)
    assert len(compared) <= COMPARED
    assert all(length <= spelling.LONGEST for pair in compared for length in pair)


def test_a_key_among_many_is_still_found() -> None:
    """The first keys are compared with `parameters`; a parameter's own name is found wherever it is."""
    with pytest.raises(InvalidRequest, match="Did you mean `parameters`"):
        parse({"inputs": ONE, "parametrs": {}, **JUNK}, LENGTHS)
    with pytest.raises(InvalidRequest, match="this is a parameter"):
        parse({"inputs": ONE, **JUNK, "top_k": 2}, LENGTHS)


@pytest.mark.parametrize("name", ["top_k", "max_answer_len", "max_seq_len", "doc_stride"])
def test_a_number_of_thousands_of_digits_is_refused_or_obeyed(name: str) -> None:
    """Python itself refuses to write one of more than 4,300 digits."""
    with contextlib.suppress(InvalidRequest):
        parse({"inputs": ONE, "parameters": {name: 10**5000}}, LENGTHS)
