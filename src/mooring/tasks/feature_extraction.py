"""Give the vectors of a text's tokens: the last hidden state, as transformers' feature-extraction pipeline.

For one vector per text see `sentence_embeddings.py`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

from mooring.backends.base import Outputs
from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.quality.sentences import TOKEN_VECTORS, UNLABELLED
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import Readers, charged, digest_of, flag, kind, read_parameters, tokens_in
from mooring.tasks.fit import TRUNCATION, Fit, fit_of, windows_of
from mooring.tasks.single_texts import KEYS, read_inputs

HIDDEN = 0
"""Index of the tokens' vectors among the graph's outputs."""
MOST_VALUES = 1 << 22
"""Values of one answer: 16 MB of memory, about 45 MB of JSON."""


@dataclass(frozen=True, slots=True)
class Request:
    """At least one text."""

    texts: tuple[str, ...]
    many: bool
    fit: Fit


class FeatureExtraction:
    """The task of encoders without a task head."""

    name = "feature-extraction"

    def __init__(self, parts: ModelParts) -> None:
        self._tokenizer = parts.tokenizer
        self._options = parts.options
        self._longest = parts.manifest.max_seq_len
        self._hidden = parts.manifest.hidden_size
        self._lower = parts.manifest.sentence is not None and parts.manifest.sentence.lower_case

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A text, or a list of texts."""
        found, given = read_inputs(body, READERS, self._options.max_windows)
        values = read_parameters(given, READERS)
        values |= read_parameters(values.pop("tokenize_kwargs", None), TRUNCATION)
        values.pop("return_tensors", None)
        fit = fit_of(values, self._longest, self._tokenizer, truncate=self._options.truncate)
        return Request(found.texts, found.listed, fit)

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all texts, up to the model's limit each."""
        return max(1, sum(charged(tokens_in(text), request.fit.longest) for text in request.texts))

    def key(self, request: Request) -> bytes:
        """BLAKE2b of the parameters and each text's own digest."""
        digest = hashlib.blake2b(repr((request.many, request.fit)).encode(), digest_size=20)
        for text in request.texts:
            digest.update(digest_of(text))
        return digest.digest()

    def prepare(self, request: Request) -> Prepared:
        """One window for each text. Raises PayloadTooLarge for an answer of more than `MOST_VALUES` values."""
        texts = [text.lower() for text in request.texts] if self._lower else request.texts
        windows, cut = windows_of(self._tokenizer, texts, request.fit, (HIDDEN,))
        if (values := self._hidden * sum(len(window) for window in windows)) > MOST_VALUES:
            raise PayloadTooLarge(
                f"The answer would have {values:,} values; the limit is {MOST_VALUES:,}.",
                hint="Send fewer texts, or ask for one vector per text (/embed) if the model offers it.",
            )
        return Prepared(windows, request, cut)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """[1][tokens][hidden] of a text, float32; a list of these for a list."""
        found = [[np.ascontiguousarray(hidden)] for (hidden,) in outputs]
        return found if prepared.state.many else found[0]

    def probe(self) -> Request:
        """One window of a few tokens."""
        return self.parse({"inputs": "It is there."})


def _keywords(value: object, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest(f"expected an object, found {kind(value)}: {echo(value)}.", pointer=at)
    return value


def _no_tensors(value: object, at: str) -> bool:
    if flag(value, at):
        raise InvalidRequest("tensors cannot be sent; leave return_tensors out.", pointer=at)
    return False


READERS: Readers = {"tokenize_kwargs": _keywords, "return_tensors": _no_tensors, **TRUNCATION}
"""Parameter → what reads it."""


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """The parameters of transformers' feature-extraction pipeline. Lengths in tokens."""

    truncation: bool | None = None
    max_length: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tokenize_kwargs: dict[str, Any] | None = None


FEATURE_EXTRACTION = TaskSpec(
    name="feature-extraction",
    head="hidden",
    architectures=("Model",),
    default_window=None,
    inputs=str,
    parameters=ParametersBody,
    answer=list[list[list[float]]],
    example={"inputs": "The weather is lovely today."},
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=FeatureExtraction,
    metric=TOKEN_VECTORS,
    labelled=UNLABELLED,
    judged_as="sentence-embeddings",
)
