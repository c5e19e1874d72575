"""Answer questions with exact quotes from a text (extractive question answering).

One question may be asked about several contexts: then one softmax runs over all windows of all of them, so that the
scores of their answers are comparable, and each answer names its context.

Steps: `qa_request.py` (body → pairs and parameters), `tokenization/text.py` and `windows.py` (texts → windows), the
engine, `spans.py` (logits → spans), `answers.py`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

from mooring.backends.base import Floats, Outputs, Window
from mooring.errors import InvalidRequest
from mooring.quality.squad import F1, SQUAD
from mooring.tasks.answers import Answer, Places, allowed_tokens, best, collect
from mooring.tasks.base import ModelParts, Prepared, TaskOptions, TaskSpec
from mooring.tasks.body import digest_of, tokens_in
from mooring.tasks.documents import MAX_BYTES, Documents
from mooring.tasks.qa_request import KEYS, Lengths, Pair, Parameters, Passages, Request, parse, several
from mooring.tasks.spans import best_spans, probabilities
from mooring.tasks.windows import Piece, cut
from mooring.tokenization.text import TextTokenizer, Tokens

MOST_SPANS = 1 << 18
"""Most candidates of one request over all windows; each takes about 400 bytes while decoding."""
MOST_TEXT = 1 << 25
"""Most characters of all candidates of one request: words have no length limit, and each candidate is a copy."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """One question on one context, cut into windows."""

    context: str
    tokens: Tokens
    """Tokens of the context."""
    pieces: list[Piece]
    ids: list[Any]
    """Tokens of each window."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question."""

    cuts: list[_Cut]
    """One for each context."""
    together: bool
    """Whether the contexts are searched together; the answers then say which one they come from."""


class QuestionAnswering:
    """The task of models whose architecture ends in `ForQuestionAnswering`."""

    def __init__(
        self,
        tokenizer: TextTokenizer,
        *,
        max_seq_len: int,
        max_positions: int,
        options: TaskOptions = TaskOptions(document_bytes=MAX_BYTES),
    ) -> None:
        """`max_seq_len` is the default window length and `max_positions` its limit, in tokens."""
        self._tokenizer = tokenizer
        self._documents = Documents(tokenizer.encode, min(MAX_BYTES, options.document_bytes))
        self._lengths = Lengths(max_seq_len, max_positions, options.max_windows)

    @property
    def name(self) -> str:
        """The Hub's name of the task."""
        return "question-answering"

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A question on a context or on several, several questions on one context, or a list."""
        return parse(body, self._lengths)

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all windows, including overlaps."""
        known: dict[str, int] = {}
        texts = ((one.question, context) for one in request.pairs for context in one.contexts)
        return max(1, sum(self._estimate(*pair, request.parameters, known) for pair in texts))

    def _estimate(self, question: str, text: str, parameters: Parameters, known: dict[str, int]) -> int:
        frame = tokens_in(question) + self._tokenizer.template.specials
        # Counted once: one long text may have thousands of questions.
        context = known.get(text) or known.setdefault(text, tokens_in(text))
        room = parameters.max_seq_len - frame
        if context <= room:
            return frame + context
        windows = 1 + -(-(context - room) // max(1, room - parameters.doc_stride))
        return windows * parameters.max_seq_len

    def key(self, request: Request) -> bytes:
        """BLAKE2b of the parameters and of each text's own digest, each text hashed once."""
        known: dict[str, bytes] = {}
        digest = hashlib.blake2b(repr(request.parameters).encode(), digest_size=20)
        for one in request.pairs:
            if isinstance(one, Passages):
                digest.update(len(one.contexts).to_bytes(4))
            for text in (one.question, *one.contexts):
                digest.update(known.get(text) or known.setdefault(text, digest_of(text)))
        return digest.digest()

    def prepare(self, request: Request) -> Prepared:
        """Tokenize each text once and cut it into windows."""
        known: dict[str, Tokens] = {}
        windows: list[Window] = []
        asked: list[_Asked] = []
        for number, one in enumerate(request.pairs):
            try:
                made, cuts = self._cut(one, request.parameters, known)
            except InvalidRequest as error:
                if len(request.pairs) == 1:
                    raise
                raise InvalidRequest(f"question {number + 1}: {error.message}", hint=error.hint) from error
            windows += made
            asked.append(_Asked(cuts, isinstance(one, Passages)))
        _bounded(request.parameters, len(windows))
        return Prepared(windows, (request.parameters, asked))

    def _cut(
        self, one: Pair | Passages, parameters: Parameters, known: dict[str, Tokens]
    ) -> tuple[list[Window], list[_Cut]]:
        """The windows of all contexts, and each context."""
        question = self._tokenizer.encode(one.question)
        windows: list[Window] = []
        cuts: list[_Cut] = []
        for text in one.contexts:
            tokens = known.get(text)
            if tokens is None:
                tokens = known[text] = self._documents.tokens(text)
            made = list(cut(question, tokens, self._tokenizer, parameters.max_seq_len, parameters.doc_stride))
            windows += [window for window, _ in made]
            cuts.append(_Cut(text, tokens, [piece for _, piece in made], [window.input_ids for window, _ in made]))
        return windows, cuts

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """The answer to a single question, or a list of answers.

        As in the pipeline, a list of one question is answered like that question alone.
        """
        parameters, asked = prepared.state
        answers = []
        done, room = 0, MOST_TEXT
        for one in asked:
            windows = sum(len(part.pieces) for part in one.cuts)
            found, null, room = self._found(one, outputs[done : done + windows], parameters, room)
            asked_null = null if parameters.handle_impossible_answer else None
            answers.append(best(found, parameters.top_k, asked_null, numbered=one.together))
            done += windows
        return answers[0] if len(answers) == 1 else answers

    def _found(
        self, asked: _Asked, outputs: Sequence[Outputs], parameters: Parameters, room: int
    ) -> tuple[list[Answer], float, int]:
        """A question's answers, unordered; the score of "no answer"; and the rest of `room` characters."""
        ids, pieces = ([part for one in asked.cuts for part in getattr(one, name)] for name in ("ids", "pieces"))
        start, end = (_stacked([rows[side] for rows in outputs]) for side in (0, 1))
        allowed = allowed_tokens(ids, pieces, start.shape[1], self._tokenizer.cls_id)
        chances = probabilities(start, end, allowed, together=asked.together)
        spans = best_spans(chances.start, chances.end, _wanted(parameters), parameters.max_answer_len)
        # Of several contexts, the one with the best answer decides whether there is an answer: the others would only
        # make it less likely, however little they have to do with the question.
        null = float(chances.nulls[spans.scores[:, 0].argmax()] if asked.together else chances.nulls.min())
        answers: list[Answer] = []
        row = 0
        for index, one in enumerate(asked.cuts):
            by_window = [(piece, spans.of(row + place)) for place, piece in enumerate(one.pieces)]
            row += len(one.pieces)
            places = Places(one.tokens, align_to_words=parameters.align_to_words)
            # Sums would let a common word of a long context beat a better answer of another one.
            found, room = collect(one.context, places, by_window, room, add=not asked.together)
            answers += [answer | {"context_index": index} for answer in found] if asked.together else found
        return answers, null, room

    def probe(self) -> Request:
        """One window of about ten tokens."""
        return self.parse({"question": "Is it there?", "context": "It is there."})


def _wanted(parameters: Parameters) -> int:
    """Spans of each window. More than requested: several may be the same words."""
    return 2 * parameters.top_k + 10 if parameters.align_to_words else parameters.top_k


def _bounded(parameters: Parameters, windows: int) -> None:
    """Raise InvalidRequest if the candidates would take more memory than one request may have."""
    if parameters.top_k > 1 and windows * _wanted(parameters) > MOST_SPANS:
        raise InvalidRequest(
            f"Selecting {parameters.top_k} answers (top_k) from {windows} windows needs too much memory.",
            pointer="/parameters/top_k",
            hint=f"Set top_k to at most {max(1, (MOST_SPANS // windows - 10) // 2)}, or send less text.",
        )


def _stacked(rows: Sequence[Floats]) -> Floats:
    """Rows of different lengths as one array, [W, L]; the caller masks what is beyond a row's end."""
    if len(rows) == 1:
        return rows[0][None]
    stacked = np.zeros((len(rows), max(len(row) for row in rows)), np.float32)
    for index, row in enumerate(rows):
        stacked[index, : len(row)] = row
    return stacked


class Inputs(msgspec.Struct):
    """One question on one text or on several, or several questions on one text or on equally many."""

    question: str | list[str]
    context: str | list[str] | msgspec.UnsetType = msgspec.UNSET
    contexts: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Texts that are searched together for one question, instead of `context`."""


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """The parameters of transformers' question-answering pipeline. Lengths in tokens."""

    top_k: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_answer_len: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_seq_len: Annotated[int, msgspec.Meta(ge=1)] | None = None
    doc_stride: Annotated[int, msgspec.Meta(ge=0)] | None = None
    max_question_len: Annotated[int, msgspec.Meta(ge=1)] | None = None
    handle_impossible_answer: bool | None = None
    align_to_words: bool | None = None
    topk: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """The older name of `top_k`."""


class SpanAnswer(msgspec.Struct):
    """A quote from the text; `start` and `end` count characters (code points)."""

    score: float
    start: int
    end: int
    answer: str
    context_index: int | msgspec.UnsetType | None = msgspec.UNSET
    """Which of the `contexts` the answer comes from; null for "no answer"."""


def _open(parts: ModelParts) -> QuestionAnswering:
    lengths = {"max_seq_len": parts.manifest.max_seq_len, "max_positions": parts.manifest.max_positions}
    return QuestionAnswering(parts.tokenizer, **lengths, options=parts.options)


QUESTION_ANSWERING = TaskSpec(
    name="question-answering",
    head="span",
    architectures=("ForQuestionAnswering",),
    default_window=384,  # as in transformers' pipeline
    inputs=Inputs,
    parameters=ParametersBody,
    answer=SpanAnswer | list[SpanAnswer],
    example={"inputs": {"question": "Who wrote it?", "context": "Ada wrote it."}},
    columns=KEYS,
    several=several,
    open=_open,
    metric=F1,
    labelled=SQUAD,
    unlisted=True,
)
