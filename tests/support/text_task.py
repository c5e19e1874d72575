"""A task over real texts without a tokenizer: a character is a token. For tests of what is between HTTP and engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mooring.backends.base import Outputs, Window
from mooring.errors import InvalidRequest, echo
from mooring.tasks.base import Prepared

LONGEST = 64
"""Characters of a window."""


@dataclass(frozen=True)
class Texts:
    """Pairs of question and context, and how many answers each is to get."""

    pairs: tuple[tuple[str, str], ...]
    top_k: int


class TextTask:
    """Answers with the context's first word; bodies, errors and answers are shaped as a real task's."""

    @property
    def name(self) -> str:
        """The task it stands for."""
        return "question-answering"

    def parse(self, body: object) -> Texts:
        """`{"inputs": pair or pairs, "parameters": {"top_k": n}}` or the pair alone."""
        if not isinstance(body, dict):
            raise InvalidRequest(f"an object is needed, not {echo(body)}")
        inputs = body.get("inputs", {name: value for name, value in body.items() if name != "parameters"})
        parameters = body.get("parameters") or {}
        top_k = parameters.get("top_k", 1)
        if not isinstance(top_k, int) or top_k < 1:
            raise InvalidRequest(f"must be at least 1, is {echo(top_k)}", pointer="/parameters/top_k")
        if isinstance(inputs, list):
            return Texts(tuple(_pair(entry, f"/inputs/{place}") for place, entry in enumerate(inputs)), top_k)
        return Texts((_pair(inputs, "/inputs"),), top_k)

    def estimate(self, request: Any) -> int:
        """Characters."""
        return max(1, sum(len(question) + len(context) for question, context in request.pairs))

    def key(self, request: Any) -> bytes:
        """What was asked."""
        return repr(request).encode()

    def prepare(self, request: Any) -> Prepared:
        """One window a pair; a context that says `crash` breaks it, and its message repeats the text."""
        if any("crash" in context for _, context in request.pairs):
            raise RuntimeError(f"cannot read {request.pairs}")
        windows = []
        for question, context in request.pairs:
            ids = np.frombuffer((question + context)[:LONGEST].encode("utf-32-le"), np.int32)
            windows.append(Window(ids, np.zeros(len(ids), np.int32)))
        longest = max(len(question) + len(context) for question, context in request.pairs)
        return Prepared(windows, request, truncated=longest > LONGEST)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """One answer is an object, several are a list; of one pair not in a list of its own."""
        request = prepared.state
        answers = [
            _answers(context, float(row[0][0]), request.top_k)
            for (_, context), row in zip(request.pairs, outputs, strict=True)
        ]
        return answers[0] if len(answers) == 1 else answers

    def probe(self) -> Any:
        """One pair."""
        return Texts((("q", "c"),), 1)


def _pair(value: object, pointer: str) -> tuple[str, str]:
    if not isinstance(value, dict):
        raise InvalidRequest(f"an object is needed, not {echo(value)}", pointer=pointer)
    found = []
    for name in ("question", "context"):
        text = value.get(name)
        if not isinstance(text, str) or not text:
            raise InvalidRequest(f"a text is needed, not {echo(text)}", pointer=f"{pointer}/{name}")
        found.append(text)
    return found[0], found[1]


def _answers(context: str, score: float, top_k: int) -> object:
    word = context.split()[0]
    answers = [{"score": score, "start": 0, "end": len(word), "answer": word} for _ in range(top_k)]
    return answers[0] if top_k == 1 else answers
