"""Rank texts by their relevance to a query, with a cross-encoder: the model reads the query with each text.

Scores are those of sentence-transformers' `CrossEncoder.rank`. One difference: a pair that is too long is refused
unless `truncation` is true.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from mooring.backends.base import Floats, Outputs, Window
from mooring.errors import InvalidRequest, ModelUnsupported, PayloadTooLarge, echo
from mooring.model.folder import CONFIG_FILE, ModelFolder
from mooring.quality.ranking import NDCG, RANKED
from mooring.tasks.base import ModelParts, Prepared, TaskSpec
from mooring.tasks.body import (
    Keys,
    Readers,
    charged,
    count,
    digest_of,
    flag,
    kind,
    like,
    read_parameters,
    text,
    tokens_in,
    unwrapped,
)
from mooring.tasks.fit import TRUNCATION, Fit, fit_of, fitted
from mooring.tasks.scores import sigmoid
from mooring.tokenization.text import TextTokenizer

KEYS = ("query", "texts")
EXAMPLE = 'Send {"inputs": {"query": "…", "texts": ["…", "…"]}}.'
READERS: Readers = {"raw_scores": flag, "return_text": flag, "top_n": count, **TRUNCATION}
"""Parameter → what reads it."""

Activation = Callable[[Floats], Floats]
ACTIVATIONS: Mapping[str, Activation] = {"Identity": lambda logits: logits, "Sigmoid": sigmoid}
"""Class of torch.nn → from logits to scores."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """A query, and at least one text; all non-blank."""

    query: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """At least one ranking."""

    rankings: tuple[Ranking, ...]
    many: bool
    """Whether they came as a list."""
    raw_scores: bool
    """Whether the scores are logits."""
    return_text: bool
    top_n: int | None
    """Texts of an answer; None means all."""
    fit: Fit


class TextRanking:
    """The task of models with a sequence head of one label."""

    name = "text-ranking"

    def __init__(self, parts: ModelParts, activation: Activation) -> None:
        """`activation` turns logits into scores."""
        self._tokenizer: TextTokenizer = parts.tokenizer
        self._longest = parts.manifest.max_seq_len
        self._options = parts.options
        self._activation = activation

    def parse(self, body: object) -> Request:
        """See `Task.parse`. A query with texts, or a list of them."""
        keys = Keys(READERS, KEYS)
        inputs, given, at = unwrapped(body, keys)
        many = isinstance(inputs, list)
        items: list[Any] = inputs if isinstance(inputs, list) else [inputs]
        if not items:
            raise InvalidRequest("the list is empty.", pointer=at, hint=EXAMPLE)
        room = self._options.max_windows
        rankings = []
        for place, item in enumerate(items):
            rankings.append(_ranking(item, f"{at}/{place}" if many else at, keys, self._options.max_windows))
            room -= len(rankings[-1].texts)
            if room < 0:
                raise _too_many(f"more than {self._options.max_windows:,}", self._options.max_windows)
        values = read_parameters(given, READERS)
        fit = fit_of(values, self._longest, self._tokenizer, truncate=self._options.truncate)
        return Request(
            tuple(rankings),
            many,
            values.get("raw_scores", False),
            values.get("return_text", False),
            values.get("top_n"),
            fit,
        )

    def estimate(self, request: Request) -> int:
        """Estimated tokens of all pairs, up to the model's limit each."""
        total = 0
        for one in request.rankings:
            # The query is tokenized once, and computed with every text.
            query, longest = tokens_in(one.query), request.fit.longest
            frame = min(query, longest) + self._tokenizer.template.specials
            total += charged(query, 0) + sum(charged(frame + tokens_in(part), longest) for part in one.texts)
        return max(1, total)

    def key(self, request: Request) -> bytes:
        """BLAKE2b of the parameters and each text's own digest."""
        options = (request.many, request.raw_scores, request.return_text, request.top_n, request.fit)
        counts = [len(one.texts) for one in request.rankings]
        digest = hashlib.blake2b(repr((options, counts)).encode(), digest_size=20)
        for one in request.rankings:
            for part in (one.query, *one.texts):
                digest.update(digest_of(part))
        return digest.digest()

    def prepare(self, request: Request) -> Prepared:
        """One window for each text. Each query is tokenized once."""
        found = [one for ranking in request.rankings for one in self._windows(ranking, request.fit)]
        return Prepared([window for window, _ in found], request, sum(cut for _, cut in found))

    def _windows(self, ranking: Ranking, fit: Fit) -> list[tuple[Window, bool]]:
        query, *texts = self._tokenizer.ids_of((ranking.query, *ranking.texts))
        return [
            fitted(self._tokenizer, fit, f"The pair of query and text {number}", query, ids)
            for number, ids in enumerate(texts, 1)
        ]

    def finish(self, prepared: Prepared, outputs: Sequence[Outputs]) -> object:
        """For each ranking a list of texts by descending score; equal ones in the order of the request."""
        request: Request = prepared.state
        logits = np.array([row[0] for (row,) in outputs], np.float32)
        answers, done = [], 0
        for one in request.rankings:
            answers.append(self._ranked(one, logits[done : done + len(one.texts)], request))
            done += len(one.texts)
        return answers if request.many else answers[0]

    def _ranked(self, ranking: Ranking, logits: Floats, request: Request) -> list[dict[str, Any]]:
        # By the logits: scores of very relevant texts are all rounded to 1.
        order = np.argsort(-logits, kind="stable")[: request.top_n]
        scores = logits[order] if request.raw_scores else self._activation(logits[order])
        found: list[dict[str, Any]] = [
            {"index": index, "score": score} for index, score in zip(order.tolist(), scores.tolist(), strict=True)
        ]
        if request.return_text:
            for one in found:
                one["text"] = ranking.texts[one["index"]]
        return found

    def probe(self) -> Request:
        """One window of a few tokens."""
        return self.parse({"inputs": {"query": "Where is it?", "texts": ["It is there."]}})


def _ranking(item: object, at: str, keys: Keys, most: int) -> Ranking:
    if not isinstance(item, dict):
        raise InvalidRequest(f"expected an object, found {kind(item)}: {echo(item)}.", pointer=at, hint=EXAMPLE)
    keys.check(item, at)
    for key in KEYS:
        if key not in item:
            raise InvalidRequest(f"missing `{key}`{like(key, item)}.", pointer=at, hint=EXAMPLE)
    texts, where = item["texts"], f"{at}/texts"
    if not isinstance(texts, list):
        raise InvalidRequest(f"expected a list, found {kind(texts)}: {echo(texts)}.", pointer=where, hint=EXAMPLE)
    if not texts:
        raise InvalidRequest("the list is empty.", pointer=where, hint=EXAMPLE)
    if len(texts) > most:
        raise _too_many(f"{len(texts):,}", most)
    query = text(item["query"], f"{at}/query")
    return Ranking(query, tuple([text(one, f"{where}/{place}") for place, one in enumerate(texts)]))


def _too_many(found: str, most: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The request has {found} texts; the limit is {most:,}.", hint="Split it into several requests."
    )


def activation_of(folder: ModelFolder) -> Activation:
    """The activation in config.json, as sentence-transformers stores it. Raises ModelUnsupported for another one."""
    config = folder.json_or_empty(CONFIG_FILE)
    stored = config.get("sentence_transformers")
    key, named = "sentence_transformers.activation_fn", None
    if isinstance(stored, dict):
        named = stored.get("activation_fn")
    if named is None:  # its name before sentence-transformers 4
        key = "sbert_ce_default_activation_function"
        named = config.get(key)
    if named is None:
        return sigmoid
    name = str(named).rpartition(".")[2]
    if not str(named).startswith("torch.") or name not in ACTIVATIONS:
        raise ModelUnsupported(
            f"{CONFIG_FILE}: {key} is {echo(named)}, which is not supported.",
            hint="Supported: torch.nn.modules.linear.Identity, torch.nn.modules.activation.Sigmoid (the default).",
        )
    return ACTIVATIONS[name]


def _open(parts: ModelParts) -> TextRanking:
    labels = parts.manifest.labels
    if len(labels) != 1:
        found = f"{len(labels)}: {echo(', '.join(labels.values()))}"
        raise ModelUnsupported(
            f"text-ranking needs a model with one label, but this one has {found}.",
            hint="Use a cross-encoder for ranking, or leave out --task to classify texts.",
        )
    return TextRanking(parts, activation_of(parts.folder))


def _takes(body: object) -> bool:
    inputs: Any = body.get("inputs", body) if isinstance(body, dict) else body
    first = inputs[0] if isinstance(inputs, list) and inputs else inputs
    return isinstance(first, dict) and "text" not in first and any(key in first for key in KEYS)


class Inputs(msgspec.Struct):
    """A query, and the texts to rank."""

    query: str
    texts: list[str]


class ParametersBody(msgspec.Struct, omit_defaults=True):
    """Parameters of a ranking. Lengths in tokens."""

    raw_scores: bool | None = None
    """Whether the scores are the model's logits."""
    return_text: bool | None = None
    top_n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Number of texts in the answer; all by default."""
    truncate: bool | None = None
    truncation: bool | None = None
    truncation_direction: Literal["left", "right", "Left", "Right"] | None = None
    max_length: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Ranked(msgspec.Struct):
    """One of the texts, by its place in the request."""

    index: int
    score: float
    text: str | msgspec.UnsetType = msgspec.UNSET


TEXT_RANKING = TaskSpec(
    name="text-ranking",
    head="sequence",
    architectures=(),
    default_window=None,
    inputs=Inputs,
    parameters=ParametersBody,
    answer=list[Ranked],
    example={"inputs": {"query": "Who wrote it?", "texts": ["Ada wrote it.", "It is raining."]}},
    columns=KEYS,
    several=lambda inputs: isinstance(inputs, list),
    open=_open,
    metric=NDCG,
    labelled=RANKED,
    offered=lambda manifest: len(manifest.labels) == 1,
    takes=_takes,
    aliases=("rerank", "reranking", "sentence-ranking"),
)
