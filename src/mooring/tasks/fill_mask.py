"""Predict the tokens that fit best in place of a text's masks.

Parameters, defaults and result shapes are those of transformers 4.57's fill-mask pipeline. Two differences: a text that
is too long is refused, unless `truncation` or the server's default says to cut it; and a target without a token is an
error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

from mooring.backends.base import Floats, Outputs, Window
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge, echo
from mooring.model.folder import TOKENIZER_CONFIG_FILE
from mooring.quality.masks import MASK_ACCURACY, MASKED
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import Readers, charged, count, flag, kind, read_parameters, tokens_in
from mooring.tasks.scores import softmax
from mooring.tasks.single_texts import KEYS, Texts, key_of, read_inputs
from mooring.tasks.windows import truncated
from mooring.tokenization.decode import decode
from mooring.tokenization.text import TextTokenizer

TOP_K = 5
MOST_TARGETS = 1000
LONGEST_TARGET = 1000
"""Characters: a target is a word."""
MOST_SCORES = 1 << 25
"""Most logits (masks × vocabulary) of one request, in memory until it is answered: 128 MB."""
MOST_PREDICTIONS = 1 << 16
"""Most predictions of one request; each repeats its text."""
MOST_TEXT = 1 << 25
"""Most characters of all sequences of an answer."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a request."""

    top_k: int = TOP_K
    targets: tuple[str, ...] | None = None
    """None means the whole vocabulary."""
    truncation: bool = False
    """Whether to cut off a text that is too long."""


@dataclass(frozen=True, slots=True)
class Request:
    """Texts and how to fill their masks."""

    inputs: Texts
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Limits:
    """The model's limits."""

    max_tokens: int
    vocabulary: int
    max_texts: int
    truncate: bool = False
    """The server's default for `truncation`."""


class FillMask:
    """The task of models whose architecture ends in `ForMaskedLM`."""

    name = "fill-mask"

    def __init__(self, tokenizer: TextTokenizer, mask: str, limits: Limits) -> None:
        """`mask` is the text of the tokenizer's mask token."""
        self._tokenizer = tokenizer
        self._mask = mask
        self._limits = limits

    @property
    def example(self) -> dict[str, Any]:
        """An example body with this model's mask token."""
        return {"inputs": f"Paris is the {self._mask} of France."}

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A text, an object with `text`, or a list of either."""
        inputs, given = read_inputs(body, READERS, self._limits.max_texts)
        parameters = Parameters(**{"truncation": self._limits.truncate, **read_parameters(given, READERS)})
        if parameters.top_k > self._limits.vocabulary:
            raise InvalidRequest(
                f"{echo(parameters.top_k)} exceeds this model's vocabulary of {self._limits.vocabulary} tokens.",
                pointer="/parameters/top_k",
            )
        return Request(inputs, parameters)

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all texts, up to the model's limit."""
        most = self._limits.max_tokens
        targets = len(request.parameters.targets or ())
        return max(1, targets + sum(charged(tokens_in(text), most) for text in request.inputs.texts))

    def key(self, request: Request) -> bytes:
        """See `Task.key`."""
        return key_of(request.inputs, request.parameters)

    def prepare(self, request: Request) -> Prepared:
        """One window for each text."""
        targets = self._targets(request.parameters.targets)
        texts = request.inputs.texts
        found = [self._window(text, place, request) for place, text in enumerate(texts)]
        windows = [window for window, _ in found]
        self._check_size(windows, texts, request.parameters, targets)
        return Prepared(windows, (request, windows, targets), sum(cut for _, cut in found))

    def _window(self, text: str, place: int, request: Request) -> tuple[Window, bool]:
        """The window, and whether some of the text is not in it. Raises PayloadTooLarge or InvalidRequest."""
        tokenizer, longest = self._tokenizer, self._limits.max_tokens
        tokens = tokenizer.encode(text)
        ids, types = tokenizer.framed(tokens)
        cut = len(ids) > longest
        which = f"Text {place + 1}" if request.inputs.listed else "The text"
        if cut and not request.parameters.truncation:
            raise PayloadTooLarge(
                f"{which} has {len(ids)} tokens; the limit is {longest}.",
                hint='Shorten it, send {"truncation": true} in `parameters` to cut it, or start the server with '
                "--too-long truncate.",
            )
        if cut:
            ids, types = tokenizer.framed(*truncated(tokens, None, tokenizer, longest))
        masks = np.flatnonzero(ids == tokenizer.habits.mask_id).astype(np.int32)
        if not len(masks):
            where = f"the text, cut to {longest} tokens," if cut else "the text"
            raise InvalidRequest(
                f"{where} contains no mask: {echo(text)}.",
                pointer=f"/inputs/{place}" if request.inputs.listed else "/inputs",
                hint=f"Write {self._mask}, this model's mask token, where a word is to be predicted.",
            )
        return Window(ids, types, masks), cut

    def _check_size(
        self, windows: Sequence[Window], texts: Sequence[str], parameters: Parameters, targets: tuple[int, ...] | None
    ) -> None:
        """Raise PayloadTooLarge for a request whose scores or answer would take too much memory."""
        masks = [0 if window.positions is None else len(window.positions) for window in windows]
        most = MOST_SCORES // self._limits.vocabulary
        if sum(masks) > most:
            raise PayloadTooLarge(
                f"The request has {sum(masks):,} masks; the limit for this model's vocabulary is {most:,}.",
                hint="Split it into several requests.",
            )
        each = _predictions(parameters, targets)
        characters = each * sum(number * len(text) for number, text in zip(masks, texts, strict=True))
        if each * sum(masks) > MOST_PREDICTIONS or characters > MOST_TEXT:
            raise PayloadTooLarge(
                f"{each:,} predictions for each of {sum(masks):,} masks make an answer that is too large.",
                hint="Ask for fewer predictions (top_k), or send fewer texts at once.",
            )

    def _targets(self, targets: tuple[str, ...] | None) -> tuple[int, ...] | None:
        """The ids of the targets, ascending. One that is not a token stands for the first of its tokens."""
        if targets is None:
            return None
        tokenizer, found = self._tokenizer, set()
        for place, target in enumerate(targets):
            number = tokenizer.tokenizer.token_to_id(target)
            if number is None:
                tokens = tokenizer.encode(target)
                if not len(tokens):
                    raise InvalidRequest(f"{echo(target)} has no tokens.", pointer=f"/parameters/targets/{place}")
                number = int(tokens.ids[-1 if tokenizer.habits.from_left else 0])
            if number >= self._limits.vocabulary:
                raise InvalidRequest(
                    f"the token {echo(target)} (id {number}) has no embedding in the model.",
                    pointer=f"/parameters/targets/{place}",
                )
            found.add(number)
        return tuple(sorted(found))

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """The predictions of a text, best first; with several masks a list of them for each mask.

        A list of texts has a list of these; as in the pipeline, a list of one text is answered like that text alone.
        """
        request, windows, targets = prepared.state
        answers = [
            self._answer(window, logits, request.parameters, targets)
            for window, (logits,) in zip(windows, outputs, strict=True)
        ]
        return answers[0] if len(answers) == 1 else answers

    def _answer(
        self, window: Window, logits: Floats, parameters: Parameters, targets: tuple[int, ...] | None
    ) -> list[Any]:
        masks = [] if window.positions is None else window.positions.tolist()
        rows = []
        for place, row in zip(masks, logits, strict=True):
            chances = softmax(row)
            allowed = np.arange(len(row)) if targets is None else np.array(targets)
            best = _highest(chances[allowed], _predictions(parameters, targets))
            ids = [(int(number), float(chances[number])) for number in allowed[best]]
            rows.append([self._prediction(window, place, *one, alone=len(masks) == 1) for one in ids])
        return rows[0] if len(rows) == 1 else rows

    def _prediction(self, window: Window, place: int, token: int, score: float, *, alone: bool) -> dict[str, Any]:
        """With several masks, special tokens stay in the sequence: without them the other masks would be missing."""
        filled = window.input_ids.copy()
        filled[place] = token
        filled = filled[filled != self._tokenizer.habits.pad_id]
        return {
            "score": score,
            "token": token,
            "token_str": decode(self._tokenizer, [token]),
            "sequence": decode(self._tokenizer, filled.tolist(), skip_special_tokens=alone),
        }

    def probe(self) -> Request:
        """One window of a few tokens."""
        return self.parse({"inputs": f"It is {self._mask}."})


def _predictions(parameters: Parameters, targets: tuple[int, ...] | None) -> int:
    """Predictions for each mask."""
    return parameters.top_k if targets is None else min(parameters.top_k, len(targets))


def _highest(scores: Floats, number: int) -> Any:
    """Indices of the highest scores, descending; of equal ones the first comes first."""
    if number < len(scores):
        # Every score that may be among them, so that ties do not depend on the partition.
        least = np.partition(scores, len(scores) - number)[len(scores) - number]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(len(scores))
    return candidates[np.argsort(-scores[candidates], kind="stable")][:number]


def _target_list(value: object, at: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        raise InvalidRequest(f"expected a word or a list of words, found {kind(value)}: {echo(value)}.", pointer=at)
    if not listed:
        raise InvalidRequest("the list is empty.", pointer=at, hint="Name at least one target, or leave it out.")
    if len(listed) > MOST_TARGETS:
        raise PayloadTooLarge(
            f"The request has {len(listed):,} targets; the limit is {MOST_TARGETS:,}.",
            hint="Send fewer, or leave them out and use top_k.",
        )
    for place, target in enumerate(listed):
        if isinstance(target, str) and len(target) > LONGEST_TARGET:
            raise InvalidRequest(
                f"{len(target):,} characters exceed the limit of {LONGEST_TARGET:,}.", pointer=f"{at}/{place}"
            )
        if not isinstance(target, str) or not target:
            where = at if isinstance(value, str) else f"{at}/{place}"
            what = "the target is empty." if target == "" else f"expected a word, found {kind(target)}: {echo(target)}."
            raise InvalidRequest(what, pointer=where)
    return tuple(listed)


READERS: Readers = {"top_k": count, "targets": _target_list, "truncation": flag}
"""Parameter → what reads it."""


def _open(parts: ModelParts) -> FillMask:
    mask = parts.tokenizer.habits.mask_id
    text = None if mask is None else parts.tokenizer.tokenizer.id_to_token(mask)
    if text is None:
        raise ModelUnsupported(
            "The tokenizer has no mask token, which fill-mask needs.",
            hint=f"Set mask_token in {TOKENIZER_CONFIG_FILE}, as in the model's own repository.",
        )
    manifest, options = parts.manifest, parts.options
    limits = Limits(manifest.max_seq_len, manifest.vocab_size, options.max_windows, options.truncate)
    return FillMask(parts.tokenizer, text, limits)


class Inputs(msgspec.Struct):
    """A text with at least one mask."""

    text: str


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """The parameters of transformers' fill-mask pipeline."""

    top_k: Annotated[int, msgspec.Meta(ge=1)] | None = None
    targets: str | list[str] | None = None
    truncation: bool | None = None


class Prediction(msgspec.Struct):
    """A token for a mask: its probability, its id, its text, and the whole text with it."""

    score: float
    token: int
    token_str: str
    sequence: str


FILL_MASK = TaskSpec(
    name="fill-mask",
    head="masked",
    architectures=("ForMaskedLM", "BertForPreTraining"),
    default_window=None,
    inputs=str | Inputs,
    parameters=ParametersBody,
    answer=list[Prediction | list[Prediction]],
    example={"inputs": "Paris is the [MASK] of France."},
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=_open,
    metric=MASK_ACCURACY,
    labelled=MASKED,
    unlisted=True,
)
