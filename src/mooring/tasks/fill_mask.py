"""Predict the tokens that fit best in place of a text's masks.

Parameters, defaults and result shapes are those of transformers 4.57's fill-mask pipeline. Two differences: a text that
is too long is refused, unless `truncation` or the server's default says to cut it; and a target without a token is an
error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from mooring.backends.base import Floats, Outputs, Window
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge, echo
from mooring.model.folder import TOKENIZER_CONFIG_FILE
from mooring.quality.masks import MASK_ACCURACY, MASKED
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import Readers, charged, count, read_parameters, tokens_in
from mooring.tasks.fit import TRUNCATION, Fit, fit_of, windows_of
from mooring.tasks.scores import softmax
from mooring.tasks.single_texts import KEYS, Texts, key_of, read_inputs
from mooring.tasks.targets import ids_of_targets, read_targets
from mooring.tokenization.decode import decode
from mooring.tokenization.text import TextTokenizer

TOP_K = 5
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


@dataclass(frozen=True, slots=True)
class Request:
    """Texts and how to fill their masks."""

    inputs: Texts
    parameters: Parameters
    fit: Fit


@dataclass(frozen=True, slots=True)
class Limits:
    """The model's limits."""

    max_tokens: int
    vocabulary: int
    max_texts: int
    truncate: bool = False
    """The server's default for texts that are too long."""


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
        values = read_parameters(given, READERS)
        fit = fit_of(values, self._limits.max_tokens, self._tokenizer, truncate=self._limits.truncate)
        parameters = Parameters(**values)
        if parameters.top_k > self._limits.vocabulary:
            raise InvalidRequest(
                f"{echo(parameters.top_k)} exceeds this model's vocabulary of {self._limits.vocabulary} tokens.",
                pointer="/parameters/top_k",
            )
        return Request(inputs, parameters, fit)

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all texts, up to the model's limit."""
        targets = len(request.parameters.targets or ())
        return max(1, targets + sum(charged(tokens_in(text), request.fit.longest) for text in request.inputs.texts))

    def key(self, request: Request) -> bytes:
        """See `Task.key`."""
        return key_of(request.inputs, (request.parameters, request.fit))

    def prepare(self, request: Request) -> Prepared:
        """One window for each text."""
        targets = ids_of_targets(self._tokenizer, request.parameters.targets, self._limits.vocabulary)
        texts = request.inputs.texts
        windows, cut = windows_of(self._tokenizer, texts, request.fit)
        windows = [self._masked(window, place, request) for place, window in enumerate(windows)]
        self._check_size(windows, texts, request.parameters, targets)
        return Prepared(windows, (request, windows, targets), cut)

    def _masked(self, window: Window, place: int, request: Request) -> Window:
        """The window with the positions of its masks. Raises InvalidRequest if it has none."""
        masks = np.flatnonzero(window.input_ids == self._tokenizer.habits.mask_id).astype(np.int32)
        if not len(masks):
            cut = len(window) == request.fit.longest
            where = f"the {len(window)} tokens that the model reads contain" if cut else "the text contains"
            raise InvalidRequest(
                f"{where} no mask: {echo(request.inputs.texts[place])}.",
                pointer=f"/inputs/{place}" if request.inputs.listed else "/inputs",
                hint=f"Write {self._mask}, this model's mask token, where a word is to be predicted.",
            )
        return replace(window, positions=masks)

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


READERS: Readers = {"top_k": count, "targets": read_targets, **TRUNCATION}
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
    truncate: bool | None = None
    truncation: bool | None = None
    truncation_direction: Literal["left", "right"] | None = None
    max_length: Annotated[int, msgspec.Meta(ge=1)] | None = None


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
