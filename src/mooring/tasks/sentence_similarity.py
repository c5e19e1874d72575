"""Compare one sentence with others, in the format of Hugging Face's Inference API: a number for each of the others.

The function is the model's (`similarity_fn_name` of config_sentence_transformers.json), cosine by default.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from mooring.backends.base import Floats, Outputs
from mooring.errors import InvalidRequest, PayloadTooLarge, echo
from mooring.model.sentence_transformers import SentenceRecord
from mooring.quality.sentences import SIMILARITY, SIMILARITY_PAIRS
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import Keys, kind, like, read_parameters, text, unwrapped
from mooring.tasks.sentence_embeddings import READERS, Embedder, ParametersBody, Request, normalized, sentence_of
from mooring.tasks.single_texts import read_items

KEYS = ("source_sentence", "sentences")
EXAMPLE = 'Send {"inputs": {"source_sentence": "…", "sentences": ["…", "…"]}}.'

FUNCTIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "cosine": lambda one, others: normalized(others) @ normalized(one[None])[0],
    "dot": lambda one, others: others @ one,
    "euclidean": lambda one, others: -np.sqrt(((others - one) ** 2).sum(axis=1)),
    "manhattan": lambda one, others: -np.abs(others - one).sum(axis=1),
}
"""Name → (a vector [D], vectors [N, D]) → [N]. Distances are negative, so that more is always more similar."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """At least one source sentence with the sentences to compare it with."""

    sources: Request
    """The texts of all, each source before its sentences."""
    counts: tuple[int, ...]
    """Number of sentences of each source."""
    many: bool
    """Whether they came as a list."""


class SentenceSimilarity:
    """The task of models with modules.json."""

    name = "sentence-similarity"

    def __init__(self, embedder: Embedder, sentence: SentenceRecord, max_texts: int) -> None:
        """`max_texts` is the limit of sentences in a request."""
        self._embedder = embedder
        self._compare = FUNCTIONS[sentence.similarity]
        self._max_texts = max_texts

    def parse(self, body: object) -> Comparisons:
        """See `Task.parse`. A source sentence with sentences, or a list of them."""
        keys = Keys(READERS, KEYS)
        inputs, given, at = unwrapped(body, keys)
        many = isinstance(inputs, list)
        items: list[Any] = inputs if isinstance(inputs, list) else [inputs]
        if not items:
            raise InvalidRequest("the list is empty.", pointer=at, hint=EXAMPLE)
        values = read_parameters(given, READERS)
        texts: list[str] = []
        counts = []
        for place, item in enumerate(items):
            found = self._request(item, values, f"{at}/{place}" if many else at, keys)
            texts += found.texts
            counts.append(len(found.texts) - 1)
            if sum(counts) > self._max_texts:
                raise PayloadTooLarge(
                    f"The request has more than {self._max_texts:,} sentences, the limit.",
                    hint="Split it into several requests.",
                )
        return Comparisons(replace(found, texts=tuple(texts)), tuple(counts), many)

    def _request(self, item: object, values: dict[str, Any], at: str, keys: Keys) -> Request:
        if not isinstance(item, dict):
            raise InvalidRequest(f"expected an object, found {kind(item)}: {echo(item)}.", pointer=at, hint=EXAMPLE)
        for key in KEYS:
            if key not in item:
                raise InvalidRequest(f"missing `{key}`{like(key, item)}.", pointer=at, hint=EXAMPLE)
        source = text(item["source_sentence"], f"{at}/source_sentence")
        others = item["sentences"]
        if not isinstance(others, list):
            raise InvalidRequest(f"expected a list, found {kind(others)}: {echo(others)}.", pointer=f"{at}/sentences")
        request = self._embedder.request(read_items(others, f"{at}/sentences", keys, self._max_texts), values)
        return replace(request, texts=(source, *request.texts))

    def estimate(self, request: Comparisons) -> int:
        """Estimated tokens of all texts, up to the model's limit each."""
        return self._embedder.estimate(request.sources)

    def key(self, request: Comparisons) -> bytes:
        """The digest of the texts, with their arrangement."""
        return repr((request.counts, request.many)).encode() + self._embedder.key(request.sources)

    def prepare(self, request: Comparisons) -> Prepared:
        """One window for each text."""
        found = self._embedder.prepare(request.sources)
        return replace(found, state=request)

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """A number for each of the sentences, in order; a list of such lists for a list."""
        request: Comparisons = prepared.state
        vectors = self._embedder.vectors(request.sources, outputs)
        answers, at = [], 0
        for count in request.counts:
            compared = self._compare(vectors[at], vectors[at + 1 : at + 1 + count])
            answers.append(compared.astype(np.float64).tolist())
            at += 1 + count
        return answers if request.many else answers[0]

    def probe(self) -> Comparisons:
        """Two windows of a few tokens."""
        return self.parse({"inputs": {"source_sentence": "It is there.", "sentences": ["It is here."]}})


def _open(parts: ModelParts) -> SentenceSimilarity:
    sentence = sentence_of(parts)
    return SentenceSimilarity(Embedder(parts, sentence), sentence, parts.options.max_windows)


def _takes(body: object) -> bool:
    inputs: Any = body.get("inputs", body) if isinstance(body, dict) else body
    first = inputs[0] if isinstance(inputs, list) and inputs else inputs
    return isinstance(first, dict) and "source_sentence" in first


class Inputs(msgspec.Struct):
    """A sentence and those to compare it with."""

    source_sentence: str
    sentences: list[str]


SENTENCE_SIMILARITY = TaskSpec(
    name="sentence-similarity",
    head="hidden",
    architectures=(),
    default_window=None,
    inputs=Inputs,
    parameters=ParametersBody,
    answer=list[float],
    example={
        "inputs": {
            "source_sentence": "The weather is lovely today.",
            "sentences": ["It is so sunny outside!", "He drove to the stadium."],
        }
    },
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=_open,
    metric=SIMILARITY,
    labelled=SIMILARITY_PAIRS,
    offered=lambda manifest: manifest.sentence is not None,
    takes=_takes,
)
