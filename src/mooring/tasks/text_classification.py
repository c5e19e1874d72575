"""Classify a text or a pair of texts: the best label, or a score for each label.

Parameters, defaults and result shapes are those of transformers 4.57's text-classification pipeline. Two differences: a
misspelled parameter is an error, and a text that is too long is refused unless `truncation` is true. A model with one
label scores texts; `text_ranking.py` ranks with it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from mooring.backends.base import Floats, Outputs, Window
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge, echo
from mooring.model.folder import CONFIG_FILE
from mooring.quality.labels import ACCURACY, LABELS
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import (
    Keys,
    Readers,
    charged,
    count,
    digest_of,
    flag,
    kind,
    read_parameters,
    text,
    tokens_in,
    unwrapped,
)
from mooring.tasks.fit import TRUNCATION, Fit, fit_of, fitted
from mooring.tasks.label_names import label_names
from mooring.tasks.scores import sigmoid, softmax
from mooring.tokenization.text import TextTokenizer

KEYS = ("text", "text_pair")
EXAMPLE = 'Send {"inputs": "…"}, or {"inputs": {"text": "…", "text_pair": "…"}}.'
FUNCTIONS = ("softmax", "sigmoid", "none")
FUNCTION_OF = {
    "regression": "none",
    "multi_label_classification": "sigmoid",
    "single_label_classification": "softmax",
}
"""`problem_type` of config.json → function from logits to scores."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text or a pair, non-blank."""

    text: str
    pair: str | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a request."""

    top_k: int | None = 1
    """Labels per text; None means all."""
    legacy: bool = True
    """Whether `top_k` was omitted: then an answer is one object, and that of a single text is in a list."""
    function: str | None = None
    """None means the model's default."""


Shape = Literal["text", "object", "list"]


@dataclass(frozen=True, slots=True)
class Request:
    """At least one text."""

    texts: tuple[Text, ...]
    parameters: Parameters
    fit: Fit
    shape: Shape
    """Shape of `inputs`, which determines the shape of the answer."""


class TextClassification:
    """The task of models whose architecture ends in `ForSequenceClassification`."""

    name = "text-classification"

    def __init__(self, parts: ModelParts, labels: Sequence[str], function: str) -> None:
        """`function` is the default from logits to scores: one of `FUNCTIONS`."""
        self._tokenizer: TextTokenizer = parts.tokenizer
        self._longest = parts.manifest.max_seq_len
        self._options = parts.options
        self._labels = tuple(labels)
        self._function = function

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A text, an object with `text` and `text_pair`, or a list of either."""
        keys = Keys(READERS, KEYS)
        inputs, given, at = unwrapped(body, keys)
        many = isinstance(inputs, list)
        items: list[Any] = inputs if isinstance(inputs, list) else [inputs]
        if not items:
            raise InvalidRequest("the list is empty.", pointer=at, hint=EXAMPLE)
        if len(items) > self._options.max_windows:
            raise PayloadTooLarge(
                f"The request has {len(items)} texts; the limit is {self._options.max_windows}.",
                hint="Split it into several requests.",
            )
        texts = tuple(_text(item, f"{at}/{place}" if many else at, keys) for place, item in enumerate(items))
        values = read_parameters(given, READERS)
        fit = fit_of(values, self._longest, self._tokenizer, truncate=self._options.truncate)
        shape: Shape = "list" if many else "text" if isinstance(inputs, str) else "object"
        return Request(texts, _parameters(values, named=isinstance(given, dict) and "top_k" in given), fit, shape)

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all texts, up to the model's limit."""
        most = request.fit.longest
        counts = (tokens_in(one.text) + tokens_in(one.pair or "") for one in request.texts)
        return max(1, sum(charged(count, most) for count in counts))

    def key(self, request: Request) -> bytes:
        """BLAKE2b of the parameters, the shape and each text's own digest."""
        digest = hashlib.blake2b(repr((request.parameters, request.fit, request.shape)).encode(), digest_size=20)
        for one in request.texts:
            digest.update(digest_of(one.text))
            digest.update(b"\0" if one.pair is None else digest_of(one.pair))
        return digest.digest()

    def prepare(self, request: Request) -> Prepared:
        """One window for each text."""
        texts = [part for one in request.texts for part in ((one.text,) if one.pair is None else (one.text, one.pair))]
        ids = iter(self._tokenizer.ids_of(texts))
        windows: list[Window] = []
        cut = 0
        for number, one in enumerate(request.texts, 1):
            which = f"Text {number}" if len(request.texts) > 1 else "The text"
            first, second = next(ids), None if one.pair is None else next(ids)
            window, was_cut = fitted(self._tokenizer, request.fit, which, first, second)
            windows.append(window)
            cut += was_cut
        return Prepared(windows, request, cut)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """Labels with scores, in the pipeline's shape."""
        request: Request = prepared.state
        answers = [self._answer(logits, request.parameters) for (logits,) in outputs]
        if request.shape == "list":
            return answers
        alone = request.shape == "text" and request.parameters.legacy
        return [answers[0]] if alone else answers[0]

    def _answer(self, logits: Floats, parameters: Parameters) -> object:
        scores = _SCORES[parameters.function or self._function](logits).tolist()
        found = [{"label": label, "score": score} for label, score in zip(self._labels, scores, strict=True)]
        if parameters.legacy and parameters.top_k == 1:
            return max(found, key=lambda one: one["score"])
        if not parameters.legacy:
            found.sort(key=lambda one: -one["score"])
        return found[: parameters.top_k]

    def probe(self) -> Request:
        """One window of a few tokens."""
        return self.parse({"inputs": "It is there."})


def _parameters(values: dict[str, Any], *, named: bool) -> Parameters:
    """`named`: whether the request has `top_k`, be it null."""
    every = values.pop("return_all_scores", None)
    if named:
        values.setdefault("top_k", None)  # null means all labels
    elif every is not None:
        values["top_k"] = None if every else 1
    if "function_to_apply" in values:
        values["function"] = values.pop("function_to_apply")
    return Parameters(**values, legacy=not named)


def _text(item: object, at: str, keys: Keys) -> Text:
    if isinstance(item, str):
        return Text(text(item, at))
    if not isinstance(item, dict):
        raise InvalidRequest(f"expected a text, found {kind(item)}: {echo(item)}.", pointer=at, hint=EXAMPLE)
    keys.check(item, at)
    if "text" not in item:
        raise InvalidRequest("missing `text`.", pointer=at, hint=EXAMPLE)
    pair = item.get("text_pair")
    return Text(text(item["text"], f"{at}/text"), None if pair is None else text(pair, f"{at}/text_pair"))


def _function(value: object, at: str) -> str:
    if not isinstance(value, str) or value.lower() not in FUNCTIONS:
        raise InvalidRequest(f"{echo(value)} is not one of {', '.join(FUNCTIONS)}.", pointer=at)
    return value.lower()


READERS: Readers = {
    "top_k": count,
    "function_to_apply": _function,
    "return_all_scores": flag,
    **TRUNCATION,
}
"""Parameter → what reads it."""


_SCORES: Mapping[str, Callable[[Floats], Floats]] = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "none": lambda logits: logits,
}


def _open(parts: ModelParts) -> TextClassification:
    named = label_names(parts.manifest.labels)
    kind_of = parts.folder.json_or_empty(CONFIG_FILE).get("problem_type")
    if kind_of is not None and kind_of not in FUNCTION_OF:
        raise ModelUnsupported(
            f"{CONFIG_FILE}: problem_type is {echo(kind_of)}, which is not supported.",
            hint=f"Supported: {', '.join(FUNCTION_OF)}.",
        )
    # As in the pipeline: one label that is no regression has a sigmoid, whatever its problem_type says.
    one = len(named) == 1 and kind_of != "regression"
    function = "sigmoid" if one else FUNCTION_OF.get(str(kind_of), "softmax")
    return TextClassification(parts, named, function)


class Inputs(msgspec.Struct):
    """A text, or a pair of texts."""

    text: str
    text_pair: str | None = None


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """The parameters of transformers' text-classification pipeline. Lengths in tokens."""

    top_k: Annotated[int, msgspec.Meta(ge=1)] | None = None
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = None
    return_all_scores: bool | None = None
    truncate: bool | None = None
    truncation: bool | None = None
    truncation_direction: Literal["left", "right", "Left", "Right"] | None = None
    max_length: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Label(msgspec.Struct):
    """A label and its score."""

    label: str
    score: float


TEXT_CLASSIFICATION = TaskSpec(
    name="text-classification",
    head="sequence",
    architectures=("ForSequenceClassification",),
    default_window=None,
    inputs=str | Inputs,
    parameters=ParametersBody,
    answer=Label | list[Label],
    example={"inputs": "I like it."},
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=_open,
    metric=ACCURACY,
    labelled=LABELS,
    aliases=("sentiment-analysis",),  # as transformers' pipeline()
)
