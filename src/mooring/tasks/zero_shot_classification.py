"""Classify a text with labels of the request, with a model for natural language inference.

Parameters, defaults and result shapes are those of transformers 4.57's zero-shot-classification pipeline: each label
makes a hypothesis, and its score is how much the text entails it. Differences: a misspelled parameter is an error, a
text that is too long is refused unless `truncation` is true, and a template has {} once and no other braces.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from mooring.backends.base import Outputs, Window
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge, echo
from mooring.quality.labels import CANDIDATES, CHOICE
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import (
    Keys,
    Readers,
    charged,
    digest_of,
    flag,
    kind,
    like,
    read_parameters,
    text,
    tokens_in,
    unwrapped,
)
from mooring.tasks.fit import TRUNCATION, Fit, fit_of, fitted_first
from mooring.tasks.label_names import label_names
from mooring.tasks.scores import softmax
from mooring.tokenization.text import TextTokenizer

KEYS = ("text",)
TEMPLATE = "This example is {}."
LONGEST_TEMPLATE = 1000
"""Characters: it is written out for every label."""
EXAMPLE = 'Send {"inputs": "…", "parameters": {"candidate_labels": ["…", "…"]}}.'


@dataclass(frozen=True, slots=True)
class Request:
    """At least one text and one label."""

    texts: tuple[str, ...]
    many: bool
    """Whether the texts came as a list."""
    labels: tuple[str, ...]
    template: str
    multi_label: bool
    """Whether each label is judged alone, so that several may be true."""
    fit: Fit

    @property
    def hypotheses(self) -> list[str]:
        """One for each label."""
        return [self.template.replace("{}", label) for label in self.labels]


class ZeroShotClassification:
    """The task of models with a sequence head that has a label for entailment."""

    name = "zero-shot-classification"

    def __init__(self, parts: ModelParts, entailment: int) -> None:
        """`entailment` is the number of that label."""
        self._tokenizer: TextTokenizer = parts.tokenizer
        self._longest = parts.manifest.max_seq_len
        self._options = parts.options
        # The pipeline's choice; the other label is usually "contradiction".
        self._pair = [-1 if entailment == 0 else 0, entailment]

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A text, an object with `text`, or a list of either, with `candidate_labels`."""
        keys = Keys(READERS, KEYS)
        inputs, given, at = unwrapped(body, keys)
        many = isinstance(inputs, list)
        items: list[Any] = inputs if isinstance(inputs, list) else [inputs]
        if not items:
            raise InvalidRequest("the list is empty.", pointer=at, hint=EXAMPLE)
        values = read_parameters(given, READERS)
        if "candidate_labels" not in values:
            raise InvalidRequest("missing `candidate_labels`.", pointer="/parameters", hint=EXAMPLE)
        labels = values["candidate_labels"]
        if len(items) * len(labels) > self._options.max_windows:
            raise PayloadTooLarge(
                f"The request has {len(items):,} texts with {len(labels):,} labels, which make "
                f"{len(items) * len(labels):,} windows; the limit is {self._options.max_windows:,}.",
                hint="Split it into several requests.",
            )
        texts = tuple([_text(item, f"{at}/{place}" if many else at, keys) for place, item in enumerate(items)])
        fit = fit_of(values, self._longest, self._tokenizer, truncate=self._options.truncate)
        template = values.get("hypothesis_template", TEMPLATE)
        return Request(texts, many, labels, template, values.get("multi_label", False), fit)

    def estimate(self, request: Request) -> int:
        """Estimated tokens of every text with every label, up to the model's limit each."""
        longest = request.fit.longest
        frame = tokens_in(request.template) + self._tokenizer.template.specials
        hypotheses = [frame + tokens_in(label) for label in request.labels]
        texts = [tokens_in(one) for one in request.texts]
        read = sum(charged(count, 0) for count in (*texts, *hypotheses))
        return max(1, read + sum(min(longest, one + other) for one in texts for other in hypotheses))

    def key(self, request: Request) -> bytes:
        """BLAKE2b of the parameters and of each text's and label's own digest."""
        options = (request.many, len(request.labels), request.multi_label, request.fit)
        digest = hashlib.blake2b(repr(options).encode(), digest_size=20)
        for one in (request.template, *request.labels, *request.texts):
            digest.update(digest_of(one))
        return digest.digest()

    def prepare(self, request: Request) -> Prepared:
        """One window for each text and label: all labels of the first text, then of the next."""
        texts = self._tokenizer.ids_of(request.texts)
        hypotheses = self._tokenizer.ids_of(request.hypotheses)
        windows: list[Window] = []
        cut = 0
        for number, ids in enumerate(texts, 1):
            which = f"Text {number} with a label" if len(texts) > 1 else "The text with a label"
            found = [fitted_first(self._tokenizer, request.fit, which, ids, other) for other in hypotheses]
            windows += [window for window, _ in found]
            cut += any(was_cut for _, was_cut in found)
        return Prepared(windows, request, cut)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """For each text its labels by descending score; equal ones in the order of the request."""
        request: Request = prepared.state
        logits = np.array([row[self._pair] for (row,) in outputs], np.float32)
        logits = logits.reshape(len(request.texts), len(request.labels), 2)
        alone = request.multi_label or len(request.labels) == 1
        scores = softmax(logits)[..., 1] if alone else softmax(logits[..., 1])
        answers = []
        for one, row in zip(request.texts, scores, strict=True):
            order = np.argsort(-row, kind="stable")
            labels = [request.labels[index] for index in order]
            answers.append({"sequence": one, "labels": labels, "scores": row[order].tolist()})
        return answers if request.many else answers[0]

    def probe(self) -> Request:
        """One window of a few tokens."""
        return self.parse({"inputs": "It is there.", "parameters": {"candidate_labels": ["good"]}})


def _text(item: object, at: str, keys: Keys) -> str:
    if not isinstance(item, dict):
        if not isinstance(item, str):
            raise InvalidRequest(f"expected a text, found {kind(item)}: {echo(item)}.", pointer=at, hint=EXAMPLE)
        return text(item, at)
    keys.check(item, at)
    if "text" not in item:
        raise InvalidRequest(f"missing `text`{like('text', item)}.", pointer=at, hint=EXAMPLE)
    if item.get("text_pair") is not None:
        raise InvalidRequest(
            "the labels take the place of the second text.", pointer=f"{at}/text_pair", hint="Leave it out."
        )
    return text(item["text"], f"{at}/text")


def _labels(value: object, at: str) -> tuple[str, ...]:
    """Read a list of labels, or labels separated by commas."""
    if isinstance(value, str):
        found = tuple(label.strip() for label in value.split(",") if label.strip())
    elif isinstance(value, list):
        found = tuple([text(label, f"{at}/{place}") for place, label in enumerate(value)])
    else:
        raise InvalidRequest(f"expected a list, found {kind(value)}: {echo(value)}.", pointer=at, hint=EXAMPLE)
    if not found:
        raise InvalidRequest(f"it has no labels: {echo(value)}.", pointer=at, hint=EXAMPLE)
    return found


def _template(value: object, at: str) -> str:
    found = text(value, at)
    if len(found) > LONGEST_TEMPLATE:
        raise InvalidRequest(f"{len(found):,} characters exceed the limit of {LONGEST_TEMPLATE:,}.", pointer=at)
    if found.count("{}") != 1 or any(brace in found.replace("{}", "") for brace in "{}"):
        raise InvalidRequest(
            f"it must contain {{}} once, in the label's place, and no other braces, not {echo(found)}.",
            pointer=at,
            hint=f"The default is {TEMPLATE!r}.",
        )
    return found


READERS: Readers = {
    "candidate_labels": _labels,
    "hypothesis_template": _template,
    "multi_label": flag,
    **TRUNCATION,
}
"""Parameter → what reads it."""


def _entailment(labels: Sequence[str]) -> int | None:
    return next((number for number, label in enumerate(labels) if label.lower().startswith("entail")), None)


def _open(parts: ModelParts) -> ZeroShotClassification:
    labels = label_names(parts.manifest.labels)
    entailment = _entailment(labels)
    if entailment is None or len(labels) < 2:
        raise ModelUnsupported(
            f"zero-shot-classification needs a label that begins with 'entail' and another one; this model has "
            f"{echo(', '.join(labels))}.",
            hint="Use a model for natural language inference (NLI), or leave out --task to classify texts.",
        )
    return ZeroShotClassification(parts, entailment)


def _takes(body: object) -> bool:
    if not isinstance(body, dict):
        return False
    places = (body.get("parameters"), body, body.get("inputs"))
    return any(isinstance(place, dict) and "candidate_labels" in place for place in places)


class Inputs(msgspec.Struct):
    """A text."""

    text: str


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """The parameters of transformers' zero-shot-classification pipeline. Lengths in tokens."""

    candidate_labels: list[str] | str | None = None
    """Required. Labels, or one text with commas between them."""
    hypothesis_template: str | None = None
    multi_label: bool | None = None
    truncate: bool | None = None
    truncation: bool | None = None
    truncation_direction: Literal["left", "right", "Left", "Right"] | None = None
    max_length: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Labels(msgspec.Struct):
    """The labels of a text by descending score."""

    sequence: str
    labels: list[str]
    scores: list[float]


ZERO_SHOT_CLASSIFICATION = TaskSpec(
    name="zero-shot-classification",
    head="sequence",
    architectures=(),
    default_window=None,
    inputs=str | Inputs,
    parameters=ParametersBody,
    answer=Labels,
    example={
        "inputs": "The keyboard does not work.",
        "parameters": {"candidate_labels": ["hardware", "weather"]},
    },
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=_open,
    metric=CHOICE,
    labelled=CANDIDATES,
    offered=lambda manifest: len(manifest.labels) > 1 and _entailment(list(manifest.labels.values())) is not None,
    takes=_takes,
    aliases=("zero-shot",),
)
