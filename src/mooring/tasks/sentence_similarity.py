"""Compare one sentence with others, in the format of Hugging Face's Inference API: a number for each of the others.

The function is the model's (`similarity_fn_name` of config_sentence_transformers.json), cosine by default.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from mooring.backends.base import Floats, Outputs
from mooring.errors import InvalidRequest, echo
from mooring.model.sentence_transformers import SentenceRecord
from mooring.quality.sentences import SIMILARITY, SIMILARITY_PAIRS
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import Keys, kind, like, read_parameters, text, unwrapped
from mooring.tasks.sentence_embeddings import READERS, Embedder, ParametersBody, Request, normalized, sentence_of

KEYS = ("source_sentence", "sentences")
EXAMPLE = 'Send {"inputs": {"source_sentence": "…", "sentences": ["…", "…"]}}.'

FUNCTIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "cosine": lambda one, others: normalized(others) @ normalized(one[None])[0],
    "dot": lambda one, others: others @ one,
    "euclidean": lambda one, others: -np.sqrt(((others - one) ** 2).sum(axis=1)),
    "manhattan": lambda one, others: -np.abs(others - one).sum(axis=1),
}
"""Name → (a vector [D], vectors [N, D]) → [N]. Distances are negative, so that more is always more similar."""


class SentenceSimilarity:
    """The task of models with modules.json."""

    name = "sentence-similarity"

    def __init__(self, embedder: Embedder, sentence: SentenceRecord) -> None:
        self._embedder = embedder
        self._compare = FUNCTIONS[sentence.similarity]
        self.estimate = embedder.estimate
        self.key = embedder.key
        self.prepare = embedder.prepare

    def parse(self, body: object) -> Request:
        """See `Task.parse`. The first text of the request is the source sentence."""
        inputs, given, at = unwrapped(body, Keys(READERS, KEYS))
        if not isinstance(inputs, dict):
            raise InvalidRequest(f"expected an object, found {kind(inputs)}: {echo(inputs)}.", pointer=at, hint=EXAMPLE)
        for key in KEYS:
            if key not in inputs:
                raise InvalidRequest(f"missing `{key}`{like(key, inputs)}.", pointer=at, hint=EXAMPLE)
        source = text(inputs["source_sentence"], f"{at}/source_sentence")
        others = inputs["sentences"]
        if not isinstance(others, list):
            raise InvalidRequest(f"expected a list, found {kind(others)}: {echo(others)}.", pointer=f"{at}/sentences")
        request = self._embedder.request(others, read_parameters(given, READERS), f"{at}/sentences")
        return replace(request, texts=(source, *request.texts))

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """A number for each of the sentences, in order."""
        vectors = self._embedder.vectors(prepared.state, outputs)
        return self._compare(vectors[0], vectors[1:]).astype(np.float64).tolist()

    def probe(self) -> Request:
        """Two windows of a few tokens."""
        return self.parse({"inputs": {"source_sentence": "It is there.", "sentences": ["It is here."]}})


def _open(parts: ModelParts) -> SentenceSimilarity:
    sentence = sentence_of(parts)
    return SentenceSimilarity(Embedder(parts, sentence), sentence)


def _takes(body: object) -> bool:
    inputs: Any = body.get("inputs", body) if isinstance(body, dict) else None
    return isinstance(inputs, dict) and "source_sentence" in inputs


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
