"""Read a decoded question answering request: its questions, contexts and parameters.

Called by `question_answering.py`. Parameters have the names, defaults and meanings of transformers 4.57's
question-answering pipeline. What the pipeline silently ignores (a misspelled parameter) is an error here. Besides the
pipeline's shapes, a question may have several contexts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.tasks.body import Keys, Readers, count, flag, kind, like, read_parameters, text, unwrapped, whole

EXAMPLE = 'Send {"inputs": {"question": "…", "context": "…"}}.'

DEFAULT_STRIDE = 128
MOST_ANSWERS = 1000
"""Largest `top_k`. Each answer is a candidate in every window."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The model's limits, in tokens."""

    max_seq_len: int
    """Default window length."""
    max_positions: int
    """Longest window."""
    max_pairs: int = 4096
    """Most pairs in one request; each makes at least one window."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a request. Lengths in tokens."""

    max_seq_len: int
    doc_stride: int
    """Tokens shared by neighboring windows."""
    top_k: int = 1
    max_answer_len: int = 15
    handle_impossible_answer: bool = False
    align_to_words: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """One question about one text, both non-blank."""

    question: str
    context: str

    @property
    def contexts(self) -> tuple[str, ...]:
        """The text alone."""
        return (self.context,)


@dataclass(frozen=True, slots=True)
class Passages:
    """One question about several texts, all non-blank; the answers say which text they come from."""

    question: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: at least one question with its text or texts."""

    pairs: tuple[Pair | Passages, ...]
    parameters: Parameters


def parse(body: object, lengths: Lengths) -> Request:
    """Read a body with or without the key `inputs`. Raises InvalidRequest."""
    keys = Keys(READERS, KEYS)
    inputs, given, at = unwrapped(body, keys)
    if not at and not isinstance(inputs, (list, dict)):
        raise InvalidRequest(f"expected an object, found {kind(inputs)}: {echo(inputs)}.", hint=EXAMPLE)
    return Request(_few(_pairs(inputs, at, keys, lengths), lengths), _parameters(given, lengths))


def several(inputs: object) -> bool:
    """Whether the inputs hold more than one question."""
    return isinstance(inputs, list) or (isinstance(inputs, dict) and isinstance(inputs.get("question"), list))


def _few(pairs: Iterator[Pair | Passages], lengths: Lengths) -> tuple[Pair | Passages, ...]:
    """Read all pairs, stopping early once there are too many."""
    found = tuple(islice(pairs, lengths.max_pairs + 1))
    if len(found) <= lengths.max_pairs:
        _bounded("contexts", sum(len(one.contexts) for one in found), lengths)
    if len(found) > lengths.max_pairs:
        raise PayloadTooLarge(
            f"The request has more than {lengths.max_pairs} questions, the limit for one request: each question "
            "makes at least one window.",
            hint="Split it into several requests.",
        )
    return found


def _bounded(what: str, found: int, lengths: Lengths) -> None:
    if found > lengths.max_pairs:
        raise PayloadTooLarge(
            f"The request has {found:,} {what}; the limit for one request is {lengths.max_pairs:,}: each makes at "
            "least one window.",
            hint="Split it into several requests.",
        )


def _pairs(inputs: object, at: str, keys: Keys, lengths: Lengths) -> Iterator[Pair | Passages]:
    if isinstance(inputs, list):
        if not inputs:
            raise InvalidRequest("the list is empty.", pointer=at, hint=EXAMPLE)
        for place, item in enumerate(inputs):
            yield from _of_object(item, f"{at}/{place}", keys, lengths)
    else:
        yield from _of_object(inputs, at, keys, lengths)


def _of_object(item: object, at: str, keys: Keys, lengths: Lengths) -> Iterator[Pair | Passages]:
    """The questions of one object: one, or those of a list on one context or on equally many."""
    if not isinstance(item, dict):
        raise InvalidRequest(f"expected an object, found {kind(item)}: {echo(item)}.", pointer=at, hint=EXAMPLE)
    several = "contexts" in item
    for key in ("question",) if several else ("question", "context"):
        if key not in item:
            raise InvalidRequest(f"missing `{key}`{like(key, item)}.", pointer=at, hint=EXAMPLE)
    keys.check(item, at)
    if several:
        yield _passages(item, at, lengths)
    else:
        yield from _of_pairs(item, at)


def _passages(item: Mapping[Any, Any], at: str, lengths: Lengths) -> Passages:
    """One question on several contexts."""
    hint = 'Send {"inputs": {"question": "…", "contexts": ["…", "…"]}}.'
    contexts = item["contexts"]
    if "context" in item:
        raise InvalidRequest("found `context` and `contexts`.", pointer=at, hint="Send one of them.")
    if not isinstance(contexts, list):
        where = f"{at}/contexts"
        raise InvalidRequest(f"expected a list, found {kind(contexts)}: {echo(contexts)}.", pointer=where, hint=hint)
    if not contexts:
        raise InvalidRequest("the list is empty.", pointer=f"{at}/contexts", hint=hint)
    _bounded("contexts", len(contexts), lengths)  # before each is read
    question = text(item["question"], f"{at}/question")
    return Passages(question, tuple(text(one, f"{at}/contexts/{place}") for place, one in enumerate(contexts)))


def _of_pairs(item: Mapping[Any, Any], at: str) -> Iterator[Pair]:
    questions, contexts = item["question"], item["context"]
    if not isinstance(questions, list):
        yield Pair(text(questions, f"{at}/question"), text(contexts, f"{at}/context"))
        return
    if not questions:
        raise InvalidRequest("the list is empty.", pointer=f"{at}/question", hint=EXAMPLE)
    if isinstance(contexts, list) and len(contexts) != len(questions):
        raise InvalidRequest(
            f"{len(contexts)} contexts for {len(questions)} questions.",
            pointer=f"{at}/context",
            hint="Send one context for all questions, or one per question.",
        )
    for place, question in enumerate(questions):
        own = isinstance(contexts, list)
        context, where = (contexts[place], f"{at}/context/{place}") if own else (contexts, f"{at}/context")
        yield Pair(text(question, f"{at}/question/{place}"), text(context, where))


def _parameters(given: object, lengths: Lengths) -> Parameters:
    at = "/parameters"
    values = read_parameters(given, READERS)
    alias, _ = values.pop("topk", None), values.pop("max_question_len", None)
    if alias is not None:
        values.setdefault("top_k", alias)
    longest = values.setdefault("max_seq_len", lengths.max_seq_len)
    if longest > lengths.max_positions:
        raise InvalidRequest(
            f"{echo(longest)} exceeds this model's limit of {lengths.max_positions} tokens.",
            pointer=f"{at}/max_seq_len",
        )
    stride = values.setdefault("doc_stride", min(longest // 2, DEFAULT_STRIDE))
    if stride > longest:
        raise InvalidRequest(
            f"{echo(stride)} exceeds the window length (max_seq_len, {longest} tokens).", pointer=f"{at}/doc_stride"
        )
    return Parameters(**values)


def _answers(value: object, at: str) -> int:
    wanted = count(value, at)
    if wanted > MOST_ANSWERS:
        raise InvalidRequest(f"{echo(wanted)} exceeds the limit of {MOST_ANSWERS} answers.", pointer=at)
    return wanted


def _stride(value: object, at: str) -> int:
    return whole(value, at, 0)


KEYS = ("question", "context", "contexts")

READERS: Readers = {
    "top_k": _answers,
    "topk": _answers,  # its older name
    "max_answer_len": count,
    "max_seq_len": count,
    "doc_stride": _stride,
    "max_question_len": count,  # checked, and without effect: the pipeline cuts questions with slow tokenizers only
    "handle_impossible_answer": flag,
    "align_to_words": flag,
}
"""Parameter name → reader."""
