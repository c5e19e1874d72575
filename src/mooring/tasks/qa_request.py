"""Read a decoded body: the questions to answer and how, or an error that points at the field at fault.

Called by `question_answering.py`. Parameters have the names, defaults and meanings of transformers 4.57's
question-answering pipeline. What that ignores without a word (a misspelt parameter) is an error here.

A body comes from anybody: everything here takes time linear in its size, and "Did you mean" looks at a fixed number
of keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.spelling import nearest

EXAMPLE = 'Send {"inputs": {"question": "…", "context": "…"}}.'

DEFAULT_STRIDE = 128
MOST_ANSWERS = 1000
"""Of `top_k`. Every one of them is a candidate in every window."""
IGNORED = ("padding", "batch_size", "num_workers")
"""Parameters of the pipeline that say how it computes, not what it answers: accepted, and without effect here."""

COMPARED = 64
"""Keys of one request that are compared with names of ours, to find a misspelt one."""
MISSPELT = range(6, 17)
"""Lengths of keys that may be meant to be `parameters`."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """What the model allows, in tokens."""

    max_seq_len: int
    """A window's default."""
    max_positions: int
    """And its limit."""
    max_pairs: int = 4096
    """In one request: each is a window at least."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How to answer. Lengths in tokens."""

    max_seq_len: int
    doc_stride: int
    """Tokens that neighbouring windows share."""
    top_k: int = 1
    max_answer_len: int = 15
    handle_impossible_answer: bool = False
    align_to_words: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """One question on one text, both not blank."""

    question: str
    context: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request: at least one pair."""

    pairs: tuple[Pair, ...]
    parameters: Parameters


def parse(body: object, lengths: Lengths) -> Request:
    """Read a body, wrapped in `inputs` or not. Raises InvalidRequest."""
    keys = _Keys()
    if isinstance(body, list):
        return Request(_few(_pairs(body, "", keys), lengths), _parameters(None, lengths))
    if not isinstance(body, dict):
        raise InvalidRequest(f"{_kind(body)} where an object belongs: {echo(body)}.", hint=EXAMPLE)
    given = body.get("parameters")
    if "inputs" in body:
        keys.check(body, "")
        pairs = _pairs(body["inputs"], "/inputs", keys)
    else:
        pairs = _pairs({key: value for key, value in body.items() if key != "parameters"}, "", keys)
    return Request(_few(pairs, lengths), _parameters(given, lengths))


def _few(pairs: Iterator[Pair], lengths: Lengths) -> tuple[Pair, ...]:
    """All of them, unless they are more than can be answered: what is certain to be too much costs nothing more."""
    found = tuple(islice(pairs, lengths.max_pairs + 1))
    if len(found) > lengths.max_pairs:
        raise PayloadTooLarge(
            f"The request has more than {lengths.max_pairs} questions; one request may have as many windows, and each "
            "question makes one at least.",
            hint="Split it into several requests.",
        )
    return found


class _Keys:
    """Finds parameters in the wrong place. Other keys are other services' and are left alone. For one request."""

    def __init__(self) -> None:
        self._left = COMPARED

    def check(self, given: Mapping[Any, object], at: str) -> None:
        """Raise InvalidRequest for a parameter's name, or for what looks like `parameters` itself."""
        for key in _READERS.keys() & given.keys():
            raise InvalidRequest(
                "this is a parameter; here it would have no effect.",
                pointer=f"{at}/{key}",
                hint=f'Send it in `parameters`: {{"inputs": {{…}}, "parameters": {{"{key}": …}}}}.',
            )
        for key in islice(given, COMPARED) if self._left else ():
            if key not in _KNOWN and self._may_be_misspelt(key) and nearest(key, ("parameters",), cutoff=0.7):
                raise InvalidRequest(
                    "it would have no effect.", pointer=f"{at}/{_pointed(key)}", hint="Is it meant to be `parameters`?"
                )

    def _may_be_misspelt(self, key: object) -> bool:
        if not self._left or not isinstance(key, str) or len(key) not in MISSPELT:
            return False
        self._left -= 1
        return True


_KNOWN = frozenset(("inputs", "parameters", "question", "context"))


def _pairs(inputs: object, at: str, keys: _Keys) -> Iterator[Pair]:
    if isinstance(inputs, list):
        if not inputs:
            raise InvalidRequest("the list is empty.", pointer=at, hint=EXAMPLE)
        for place, item in enumerate(inputs):
            yield from _of_object(item, f"{at}/{place}", keys)
    else:
        yield from _of_object(inputs, at, keys)


def _of_object(item: object, at: str, keys: _Keys) -> Iterator[Pair]:
    """The pairs of one object: one, or one a question where it has a list of them on one context or on as many."""
    if not isinstance(item, dict):
        raise InvalidRequest(f"{_kind(item)} where an object belongs: {echo(item)}.", pointer=at, hint=EXAMPLE)
    for key in ("question", "context"):
        if key not in item:
            raise InvalidRequest(f"there is no `{key}`{_like(key, item)}.", pointer=at, hint=EXAMPLE)
    keys.check(item, at)
    questions, contexts = item["question"], item["context"]
    if not isinstance(questions, list):
        yield Pair(_text(questions, f"{at}/question"), _text(contexts, f"{at}/context"))
        return
    if not questions:
        raise InvalidRequest("the list is empty.", pointer=f"{at}/question", hint=EXAMPLE)
    if isinstance(contexts, list) and len(contexts) != len(questions):
        raise InvalidRequest(
            f"{len(contexts)} contexts for {len(questions)} questions.",
            pointer=f"{at}/context",
            hint="Send one context for all of them, or as many as there are questions.",
        )
    for place, question in enumerate(questions):
        own = isinstance(contexts, list)
        text, where = (contexts[place], f"{at}/context/{place}") if own else (contexts, f"{at}/context")
        yield Pair(_text(question, f"{at}/question/{place}"), _text(text, where))


def _text(value: object, at: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{_kind(value)} where text belongs: {echo(value)}.", pointer=at)
    if not value or value.isspace():
        raise InvalidRequest("the text is empty." if not value else "the text is blank.", pointer=at)
    return value


def _like(key: str, item: Mapping[Any, object]) -> str:
    """The key that may have been meant, of the first few of an object that is refused anyway."""
    near = nearest(key, [name for name in islice(item, COMPARED) if isinstance(name, str)])
    return f", but {echo(near[0])}" if near else ""


def _parameters(given: object, lengths: Lengths) -> Parameters:
    at = "/parameters"
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise InvalidRequest(f"{_kind(given)} where an object belongs: {echo(given)}.", pointer=at)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in IGNORED:
            continue
        if name not in _READERS:
            near = nearest(name, _READERS)
            known = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(_READERS)}."
            raise InvalidRequest("there is no such parameter.", pointer=f"{at}/{_pointed(name)}", hint=known)
        if value is not None:  # null asks for the default
            values[name] = _READERS[name](value, f"{at}/{name}")
    alias, _ = values.pop("topk", None), values.pop("max_question_len", None)
    if alias is not None:
        values.setdefault("top_k", alias)
    longest = values.setdefault("max_seq_len", lengths.max_seq_len)
    if longest > lengths.max_positions:
        raise InvalidRequest(
            f"a window of {echo(longest)} tokens; this model reads at most {lengths.max_positions} at once.",
            pointer=f"{at}/max_seq_len",
        )
    stride = values.setdefault("doc_stride", min(longest // 2, DEFAULT_STRIDE))
    if stride > longest:
        raise InvalidRequest(
            f"windows of {longest} tokens (max_seq_len) cannot share {echo(stride)}.", pointer=f"{at}/doc_stride"
        )
    return Parameters(**values)


def _whole(value: object, at: str, least: int) -> int:
    # true is an int to Python, and 2.0 one to nobody.
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidRequest(f"it must be a whole number of at least {least}, and is {echo(value)}.", pointer=at)
    return value


def _count(value: object, at: str) -> int:
    return _whole(value, at, 1)


def _answers(value: object, at: str) -> int:
    count = _whole(value, at, 1)
    if count > MOST_ANSWERS:
        raise InvalidRequest(f"{echo(count)} answers are too many; {MOST_ANSWERS} may be asked for.", pointer=at)
    return count


def _stride(value: object, at: str) -> int:
    return _whole(value, at, 0)


def _flag(value: object, at: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequest(f"it must be true or false, and is {echo(value)}.", pointer=at)
    return value


_READERS = {
    "top_k": _answers,
    "topk": _answers,  # the name it had before
    "max_answer_len": _count,
    "max_seq_len": _count,
    "doc_stride": _stride,
    "max_question_len": _count,  # checked, and without effect: the pipeline cuts questions with slow tokenizers only
    "handle_impossible_answer": _flag,
    "align_to_words": _flag,
}
"""Parameter → what reads it."""


def _pointed(name: object) -> str:
    """A caller's key as part of a pointer (RFC 6901), cut as any echo."""
    return echo(name if isinstance(name, str) else str(name))[1:-1].replace("~", "~0").replace("/", "~1")


def _kind(value: object) -> str:
    """JSON's name of the value's type, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
