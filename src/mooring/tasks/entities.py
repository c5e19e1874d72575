"""Turn label probabilities of tokens into entities. Called by `token_classification.py`.

Semantics are those of transformers 4.57's token-classification pipeline: its five aggregation strategies, and its way
of merging overlapping windows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mooring.backends.base import Floats
from mooring.tokenization.decode import joined
from mooring.tokenization.text import TextTokenizer, Tokens

STRATEGIES = ("none", "simple", "first", "average", "max")

Entity = dict[str, Any]
"""(entity, score, index, word, start, end) of a token, or (entity_group, score, word, start, end) of a group."""
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labels:
    """The model's labels, split into prefix and type."""

    names: tuple[str, ...]
    types: npt.NDArray[np.int64]
    """[C]: the number of each label's type; "B-PER" and "I-PER" have the same."""
    begins: Flags
    """[C]: whether the label begins an entity ("B-")."""

    @classmethod
    def of(cls, names: Sequence[str]) -> "Labels":
        """Of names with the prefixes "B-" and "I-", or without any."""
        types = [name[2:] if name.startswith(("B-", "I-")) else name for name in names]
        begins = np.array([name.startswith("B-") for name in names])
        return cls(tuple(names), np.unique(types, return_inverse=True)[1], begins)


@dataclass(frozen=True, slots=True)
class Scored:
    """The tokens of one window with the probabilities of their labels."""

    text: str
    """The whole text, into which the tokens' places point."""
    tokens: Tokens
    """n tokens, without special tokens."""
    chances: Floats
    """[n, C]."""
    index: int
    """The number of the first token in the whole text with its special tokens."""


@dataclass(frozen=True, slots=True)
class _Units:
    """What is grouped: tokens or words, in order."""

    best: Indices
    """[n]: each unit's label."""
    scores: Floats
    """[n]: and its probability."""
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    word: Callable[[int], str]
    """A unit's text. Called only for those in the answer: decoding is slow."""


def entities(
    tokenizer: TextTokenizer, labels: Labels, scored: Scored, strategy: str, ignored: frozenset[str]
) -> list[Entity]:
    """The entities of one window, without those whose label (or group, if aggregated) is `ignored`."""
    units = _tokens(tokenizer, scored)
    if strategy == "none":
        return _listed(units, labels, scored.index, ignored)
    if strategy != "simple":
        units = _words(tokenizer, scored, units, strategy)
    return _grouped(tokenizer, units, labels, ignored)


def _tokens(tokenizer: TextTokenizer, scored: Scored) -> _Units:
    tokens, places = scored.tokens, scored.tokens.places
    best = scored.chances.argmax(axis=1)
    scores = np.take_along_axis(scored.chances, best[:, None], axis=1)[:, 0]

    def word(place: int) -> str:
        number = int(tokens.ids[place])
        if number == tokenizer.habits.unk_id:
            start, end = places[place].tolist()
            return scored.text[start:end]
        return str(tokenizer.tokenizer.id_to_token(number))

    return _Units(best, scores, places[:, 0], places[:, 1], word)


def _listed(units: _Units, labels: Labels, index: int, ignored: frozenset[str]) -> list[Entity]:
    kept = np.array([name not in ignored for name in labels.names])
    return [
        {
            "entity": labels.names[units.best[place]],
            "score": float(units.scores[place]),
            "index": index + place,
            "word": units.word(place),
            "start": int(units.starts[place]),
            "end": int(units.ends[place]),
        }
        for place in np.flatnonzero(kept[units.best]).tolist()
    ]


def _words(tokenizer: TextTokenizer, scored: Scored, tokens: _Units, strategy: str) -> _Units:
    """Merge the tokens of each word, so that a word has one label."""
    begins = ~_continues(tokenizer, scored)
    begins[:1] = True  # a word that the window's edge cuts
    firsts = np.flatnonzero(begins)
    ends = np.append(firsts[1:], len(begins))[: len(firsts)]
    spans = list(zip(firsts.tolist(), ends.tolist(), strict=True))
    if strategy == "average":
        chances = np.array([scored.chances[first:end].mean(axis=0) for first, end in spans], np.float32)
        chances = chances.reshape(len(spans), scored.chances.shape[1])
    else:
        chosen = firsts
        if strategy == "max":
            highest = [first + int(tokens.scores[first:end].argmax()) for first, end in spans]
            chosen = np.array(highest, np.int64)
        chances = scored.chances[chosen]
    best = chances.argmax(axis=1)
    scores = np.take_along_axis(chances, best[:, None], axis=1)[:, 0]

    def word(place: int) -> str:
        return joined(tokenizer, map(tokens.word, range(*spans[place])))

    return _Units(best, scores, tokens.starts[firsts], tokens.ends[ends - 1], word)


def _continues(tokenizer: TextTokenizer, scored: Scored) -> Flags:
    """[n]: whether each token continues the word of the token before it.

    A tokenizer that marks continuations ("##ing") shows it by the token's length. For others a token continues a word
    if there is no space before it, so punctuation belongs to the word that it follows.
    """
    tokens = scored.tokens
    starts = tokens.places[:, 0]
    if getattr(tokenizer.tokenizer.model, "continuing_subword_prefix", None):
        ids, where = np.unique(tokens.ids, return_inverse=True)
        lengths = np.array([len(str(tokenizer.tokenizer.id_to_token(int(number)))) for number in ids], np.int32)
        found: Flags = lengths[where] != tokens.places[:, 1] - starts
    else:
        # One more, for a token of no width at the end of the text.
        spaces = np.frombuffer((scored.text + "x").encode("utf-32-le"), np.uint32) == ord(" ")
        found = (starts > 0) & ~spaces[starts - 1] & ~spaces[starts]
    if tokenizer.habits.unk_id is not None:
        found &= tokens.ids != tokenizer.habits.unk_id
    return found


def _grouped(tokenizer: TextTokenizer, units: _Units, labels: Labels, ignored: frozenset[str]) -> list[Entity]:
    """Merge neighbours of one type; "B-" begins a new group."""
    types = labels.types[units.best]
    begins = np.ones(len(types), bool)
    begins[1:] = (types[1:] != types[:-1]) | labels.begins[units.best][1:]
    firsts = np.flatnonzero(begins)
    ends = np.append(firsts[1:], len(types))[: len(firsts)]
    found = []
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        name = labels.names[units.best[first]].split("-", 1)[-1]
        if name not in ignored:
            found.append(
                {
                    "entity_group": name,
                    "score": float(units.scores[first:end].mean()),
                    "word": joined(tokenizer, map(units.word, range(first, end))),
                    "start": int(units.starts[first]),
                    "end": int(units.ends[end - 1]),
                }
            )
    return found


def merged(found: Sequence[Entity]) -> list[Entity]:
    """The entities of several overlapping windows: of those that overlap, the longest, then the most probable."""
    kept: list[Entity] = []
    for entity in sorted(found, key=lambda entity: entity["start"]):
        last = kept[-1] if kept else None
        if last is None or not last["start"] <= entity["start"] < last["end"]:
            kept.append(entity)
        elif (_length(entity), entity["score"]) > (_length(last), last["score"]):
            kept[-1] = entity
    return kept


def _length(entity: Entity) -> int:
    return int(entity["end"] - entity["start"])
