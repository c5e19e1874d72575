"""Label the tokens of a text (named entities, parts of speech), or groups of tokens.

Parameters, defaults and result shapes are those of transformers 4.57's token-classification pipeline. Differences: text
is never cut off. A text longer than the model's limit is read in windows that overlap by `stride` tokens, by default
`STRIDE` or half a window, whichever is less; the pipeline drops the end of a text unless `stride` is given. `stride`
works with every strategy, and `index` counts the tokens of the whole text, not of the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from mooring.backends.base import Outputs, Window
from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.quality.entities import ENTITIES, ENTITY_F1
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import Readers, kind, read_parameters, tokens_in, whole
from mooring.tasks.entities import STRATEGIES, Entity, Labels, Scored, entities, merged
from mooring.tasks.label_names import label_names
from mooring.tasks.scores import softmax
from mooring.tasks.single_texts import KEYS, Texts, key_of, read_inputs
from mooring.tasks.windows import pieces
from mooring.tokenization.text import TextTokenizer, Tokens

STRIDE = 128
"""Default overlap of windows, in tokens."""
MOST_SCORES = 1 << 25
"""Most logits (tokens × labels) of one request, in memory until it is answered: 128 MB."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a request."""

    aggregation_strategy: str = "none"
    ignore_labels: tuple[str, ...] = ("O",)
    stride: int | None = None
    """In tokens; None means the default."""


@dataclass(frozen=True, slots=True)
class Request:
    """Texts and how to label them."""

    inputs: Texts
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class _Cut:
    """One text, cut into windows."""

    text: str
    tokens: Tokens
    pieces: list[tuple[int, int]]
    """(first, count) of each window's tokens."""


class TokenClassification:
    """The task of models whose architecture ends in `ForTokenClassification`."""

    name = "token-classification"

    def __init__(self, tokenizer: TextTokenizer, labels: Sequence[str], max_tokens: int, max_texts: int) -> None:
        """`max_tokens` is the length of a window, special tokens included."""
        self._tokenizer = tokenizer
        self._labels = Labels.of(labels)
        self._max_tokens = max_tokens
        self._room = max(1, max_tokens - tokenizer.frame.specials)
        self._max_texts = max_texts

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A text, an object with `text`, or a list of either."""
        inputs, given = read_inputs(body, READERS, self._max_texts)
        _refuse_old(given)
        parameters = Parameters(**read_parameters(given, READERS))
        if parameters.stride is not None and parameters.stride >= self._room:
            raise InvalidRequest(
                f"{echo(parameters.stride)} leaves no room to advance: a window of this model has {self._room} tokens "
                "of text.",
                pointer="/parameters/stride",
                hint=f"Use a value below {self._room}, or leave it out.",
            )
        return Request(inputs, parameters)

    def _stride(self, parameters: Parameters) -> int:
        return min(STRIDE, self._room // 2) if parameters.stride is None else parameters.stride

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all windows, including overlaps."""
        stride, total = self._stride(request.parameters), 0
        for text in request.inputs.texts:
            tokens = tokens_in(text)
            beyond = max(0, tokens - self._room)
            windows = 1 + -(-beyond // (self._room - stride))
            total += min(tokens + beyond, windows * self._max_tokens) if windows == 1 else windows * self._max_tokens
        return max(1, total)

    def key(self, request: Request) -> bytes:
        """See `Task.key`."""
        return key_of(request.inputs, request.parameters)

    def prepare(self, request: Request) -> Prepared:
        """Tokenize each text and cut it into overlapping windows."""
        stride, from_left = self._stride(request.parameters), self._tokenizer.habits.from_left
        windows: list[Window] = []
        cuts: list[_Cut] = []
        total = 0
        for text in request.inputs.texts:
            tokens = self._tokenizer.encode(text)
            found = pieces(
                0, len(tokens), self._tokenizer.frame.specials, self._max_tokens, stride, from_left=from_left
            )
            windows += (Window(*self._tokenizer.framed(tokens.part(*piece))) for piece in found)
            cuts.append(_Cut(text, tokens, found))
            total += sum(count for _, count in found)
            if total * len(self._labels.names) > MOST_SCORES:
                raise PayloadTooLarge(
                    f"The request has more than {MOST_SCORES // len(self._labels.names):,} tokens, the limit for a "
                    f"model with {len(self._labels.names):,} labels.",
                    hint="Split it into several requests.",
                )
        return Prepared(windows, (request, cuts))

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """A list of entities for a text; a list of such lists for a list of texts, even for one text."""
        request, cuts = prepared.state
        answers, done = [], 0
        for one in cuts:
            answers.append(self._answer(one, outputs[done : done + len(one.pieces)], request.parameters))
            done += len(one.pieces)
        return answers if request.inputs.listed else answers[0]

    def _answer(self, one: _Cut, outputs: Sequence[Outputs], parameters: Parameters) -> list[Entity]:
        before = len(self._tokenizer.frame.before)
        ignored = frozenset(parameters.ignore_labels)
        found: list[Entity] = []
        for (first, count), (logits,) in zip(one.pieces, outputs, strict=True):
            chances = softmax(logits[before : before + count])
            scored = Scored(one.text, one.tokens.part(first, count), chances, before + first)
            found += entities(self._tokenizer, self._labels, scored, parameters.aggregation_strategy, ignored)
        return merged(found) if len(one.pieces) > 1 else found

    def probe(self) -> Request:
        """One window of a few tokens."""
        return self.parse({"inputs": "It is there."})


def _strategy(value: object, at: str) -> str:
    if not isinstance(value, str) or value.lower() not in STRATEGIES:
        raise InvalidRequest(f"{echo(value)} is not one of {', '.join(STRATEGIES)}.", pointer=at)
    return value.lower()


def _labels(value: object, at: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidRequest(
            f'expected a list of labels such as ["O"], found {kind(value)}: {echo(value)}.', pointer=at
        )
    for place, label in enumerate(value):
        if not isinstance(label, str):
            raise InvalidRequest(f"expected a label, found {kind(label)}: {echo(label)}.", pointer=f"{at}/{place}")
    return tuple(value)


def _stride(value: object, at: str) -> int:
    return whole(value, at, 0)


READERS: Readers = {"aggregation_strategy": _strategy, "ignore_labels": _labels, "stride": _stride}
"""Parameter → what reads it."""


def _refuse_old(given: object) -> None:
    """Raise InvalidRequest for the parameters that `aggregation_strategy` replaced, with the equivalent value."""
    if not isinstance(given, dict):
        return
    for name in ("grouped_entities", "ignore_subwords"):
        if given.get(name) is not None:
            subwords = "first" if given.get("ignore_subwords") else "simple"
            strategy = subwords if given.get("grouped_entities") else "none"
            raise InvalidRequest(
                "this parameter was replaced by aggregation_strategy.",
                pointer=f"/parameters/{name}",
                hint=f'Send {{"aggregation_strategy": "{strategy}"}} instead.',
            )


def _open(parts: ModelParts) -> TokenClassification:
    labels = label_names(parts.manifest.labels)
    return TokenClassification(parts.tokenizer, labels, parts.manifest.max_seq_len, parts.options.max_windows)


class Inputs(msgspec.Struct):
    """A text."""

    text: str


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """The parameters of transformers' token-classification pipeline. `stride` in tokens."""

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] | None = None
    ignore_labels: list[str] | None = None
    stride: Annotated[int, msgspec.Meta(ge=0)] | None = None


class LabeledText(msgspec.Struct):
    """A token with `entity` and `index`; or adjacent tokens of one type with `entity_group`, if they are aggregated.

    `start` and `end` count characters (code points).
    """

    score: float
    word: str
    start: int
    end: int
    entity: str | msgspec.UnsetType = msgspec.UNSET
    index: int | msgspec.UnsetType = msgspec.UNSET
    entity_group: str | msgspec.UnsetType = msgspec.UNSET


TOKEN_CLASSIFICATION = TaskSpec(
    name="token-classification",
    head="token",
    architectures=("ForTokenClassification",),
    default_window=None,
    inputs=str | Inputs,
    parameters=ParametersBody,
    answer=list[LabeledText],
    example={"inputs": "Ada Lovelace lived in London.", "parameters": {"aggregation_strategy": "simple"}},
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=_open,
    metric=ENTITY_F1,
    labelled=ENTITIES,
    aliases=("ner",),  # as transformers' pipeline()
)
