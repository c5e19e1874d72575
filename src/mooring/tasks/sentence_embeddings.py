"""Embed texts: one vector per text, for search and clustering, as sentence-transformers' `encode` gives it.

A model needs the files of sentence-transformers (modules.json), which say how token vectors are pooled.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from mooring.backends.base import Floats, Outputs
from mooring.errors import InvalidRequest, echo
from mooring.model.sentence_transformers import SentenceRecord
from mooring.quality.sentences import PAIRS, SPEARMAN
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import Readers, charged, count, digest_of, flag, read_parameters, tokens_in
from mooring.tasks.fit import TRUNCATION, Fit, fit_of, windows_of
from mooring.tasks.single_texts import KEYS, Texts, read_inputs
from mooring.tokenization.text import TextTokenizer

EMBEDDING = 1
"""Index of the vector among the graph's outputs; 0 are the tokens' vectors."""
LONGEST_PROMPT = 10_000
"""Characters: it is put before every text."""


@dataclass(frozen=True, slots=True)
class Request:
    """At least one text, without the prompt."""

    texts: tuple[str, ...]
    many: bool
    """Whether the texts came as a list; then the answer has a row for each."""
    prompt: str
    """Put before every text."""
    normalize: bool
    dimensions: int | None
    """Values kept of each vector; None for all."""
    fit: Fit


class Embedder:
    """Reads texts and makes vectors of them. Shared with sentence-similarity."""

    def __init__(self, parts: ModelParts, sentence: SentenceRecord) -> None:
        self._tokenizer: TextTokenizer = parts.tokenizer
        self._sentence = sentence
        self._options = parts.options
        self._longest = parts.manifest.max_seq_len

    def request(self, found: Texts, values: dict[str, Any]) -> Request:
        """A request of these texts with the parameters of `READERS`. Raises InvalidRequest."""
        values = dict(values)
        fit = fit_of(values, self._longest, self._tokenizer, truncate=self._options.truncate)
        dimensions = values.get("dimensions")
        if dimensions is not None and dimensions > self._sentence.size:
            raise InvalidRequest(
                f"{dimensions} exceeds the {self._sentence.size} dimensions of this model.",
                pointer="/parameters/dimensions",
            )
        normalize = values.get("normalize", self._sentence.normalize)
        return Request(found.texts, found.listed, self._prompt(values), normalize, dimensions, fit)

    def _prompt(self, values: Mapping[str, Any]) -> str:
        """As sentence-transformers: the text given, the named prompt, or the model's default one."""
        if (given := values.get("prompt")) is not None:
            if len(given) > LONGEST_PROMPT:
                raise InvalidRequest(
                    f"{len(given):,} characters exceed the limit of {LONGEST_PROMPT:,}.", pointer="/parameters/prompt"
                )
            return str(given)
        name, known = values.get("prompt_name", self._sentence.default_prompt), self._sentence.prompts
        if name is None:
            return ""
        if name not in known:
            none = "This model has no prompts; put yours in front of each text."
            hint = f"Prompts: {', '.join(known)}." if known else none
            raise InvalidRequest(f"unknown prompt {echo(name)}.", pointer="/parameters/prompt_name", hint=hint)
        return known[name]

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all texts, up to the model's limit each."""
        more = tokens_in(request.prompt)
        return max(1, sum(charged(tokens_in(text) + more, request.fit.longest) for text in request.texts))

    def key(self, request: Request) -> bytes:
        """BLAKE2b of the parameters and each text's own digest."""
        options = (request.many, request.prompt, request.normalize, request.dimensions, request.fit)
        digest = hashlib.blake2b(repr(options).encode("utf-8", "surrogatepass"), digest_size=20)
        for text in request.texts:
            digest.update(digest_of(text))
        return digest.digest()

    def prepare(self, request: Request) -> Prepared:
        """One window for each text."""
        texts = [request.prompt + text for text in request.texts] if request.prompt else request.texts
        texts = [text.lower() for text in texts] if self._sentence.lower_case else texts
        windows, cut = windows_of(self._tokenizer, texts, request.fit, (EMBEDDING,))
        return Prepared(windows, request, cut)

    def vectors(self, request: Request, outputs: Sequence[Outputs]) -> Floats:
        """[N, D], one row for each text."""
        found: Floats = np.stack([vector for (vector,) in outputs])
        if request.dimensions is not None:
            found = found[:, : request.dimensions]
        return np.ascontiguousarray(normalized(found) if request.normalize else found)


def normalized(vectors: Floats) -> Floats:
    """x / max(‖x‖, 1e-12) for every row, as torch.nn.functional.normalize."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    found: Floats = vectors / np.maximum(lengths, np.float32(1e-12))[:, None]
    return found


class SentenceEmbeddings:
    """The task of models with modules.json."""

    name = "sentence-embeddings"

    def __init__(self, embedder: Embedder, max_texts: int) -> None:
        """`max_texts` is the limit of a request."""
        self._embedder = embedder
        self._max_texts = max_texts
        self.estimate = embedder.estimate
        self.key = embedder.key
        self.prepare = embedder.prepare

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A text, or a list of texts."""
        found, given = read_inputs(body, READERS, self._max_texts)
        return self._embedder.request(found, read_parameters(given, READERS))

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """[D] for a text, [N, D] for a list, float32."""
        vectors = self._embedder.vectors(prepared.state, outputs)
        return vectors if prepared.state.many else vectors[0]

    def probe(self) -> Request:
        """One window of a few tokens."""
        return self.parse({"inputs": "It is there."})


def plain_text(value: object, at: str) -> str:
    """Read a text that may be empty."""
    if not isinstance(value, str):
        raise InvalidRequest(f"it must be text, not {echo(value)}.", pointer=at)
    return value


READERS: Readers = {
    "normalize": flag,
    "dimensions": count,
    "prompt_name": plain_text,
    "prompt": plain_text,
    **TRUNCATION,
}
"""Parameter → what reads it."""


def sentence_of(parts: ModelParts) -> SentenceRecord:
    """The model's record; `TaskSpec.offered` has checked that there is one."""
    assert parts.manifest.sentence is not None  # noqa: S101
    return parts.manifest.sentence


def _open(parts: ModelParts) -> SentenceEmbeddings:
    return SentenceEmbeddings(Embedder(parts, sentence_of(parts)), parts.options.max_windows)


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """Lengths in tokens."""

    normalize: bool | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1)] | None = None
    prompt_name: str | None = None
    prompt: str | None = None
    truncate: bool | None = None
    truncation_direction: Literal["left", "right"] | None = None
    max_length: Annotated[int, msgspec.Meta(ge=1)] | None = None


SENTENCE_EMBEDDINGS = TaskSpec(
    name="sentence-embeddings",
    head="hidden",
    architectures=(),
    default_window=None,
    inputs=str,
    parameters=ParametersBody,
    answer=list[float],
    example={"inputs": "The weather is lovely today."},
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=_open,
    metric=SPEARMAN,
    labelled=PAIRS,
    offered=lambda manifest: manifest.sentence is not None,
    aliases=("embeddings", "embed", "sentence-embedding"),
)
