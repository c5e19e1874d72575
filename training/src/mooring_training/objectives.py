"""What is minimized in a training: batches and their losses, as functions of the recipe, the seed and the step."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mooring.tokenization.text import TextTokenizer
from mooring_training.losses import cosine_loss, distillation_loss, masked_loss, soft_span_loss, span_loss
from mooring_training.negatives import Paragraphs, negatives
from mooring_training.network import Batch, Network
from mooring_training.questions import Question
from mooring_training.recipe import Loss, Recipe
from mooring_training.windows import Cutter, Ids, Window, plan

CHUNK = 128
"""Tokens of a window of raw text, special tokens included."""
MASKED_SHARE = 0.15
IGNORED = -100


class Objective(Protocol):
    """One kind of training."""

    size: int
    """Number of examples that it is made of."""
    unit: str
    """What an example is, in the plural."""

    @property
    def steps(self) -> int:
        """Number of batches of all epochs."""

    def losses(self, network: Network, step: int) -> Mapping[str, Tensor]:
        """The weighted losses of one batch, by name. Their sum is minimized."""

    def tokens(self, step: int) -> int:
        """Tokens of that batch, without padding."""


class Questions:
    """Spans of answers, and [CLS] for questions without one. Negatives and windows are drawn anew for every epoch."""

    unit = "questions"

    def __init__(
        self, recipe: Recipe, questions: Sequence[Question], tokenizer: TextTokenizer, teachers: Sequence[Network]
    ) -> None:
        cutter, paragraphs = Cutter(tokenizer, recipe.windows), Paragraphs(questions)
        self.size = len(questions)
        self._teachers, self._loss = teachers, recipe.loss
        self._batches: list[list[Window]] = []
        for epoch in range(recipe.optimizer.epochs):
            rng = np.random.default_rng([recipe.seed, epoch])
            asked = [*questions, *negatives(questions, paragraphs, recipe.unanswerable, rng)]
            windows = [window for one in asked for window in cutter.windows(one, rng)]
            order = plan([len(window) for window in windows], recipe.optimizer.batch_tokens, rng)
            self._batches += [[windows[place] for place in batch] for batch in order]

    @property
    def steps(self) -> int:
        """As `Objective.steps`."""
        return len(self._batches)

    def tokens(self, step: int) -> int:
        """As `Objective.tokens`."""
        return sum(len(window) for window in self._batches[step])

    def losses(self, network: Network, step: int) -> Mapping[str, Tensor]:
        """As `Objective.losses`: "hard" and "soft"."""
        windows, device = self._batches[step], network.device
        batch, allowed = padded(windows, device), allowed_of(windows, device)
        logits = network.spans(batch)
        found: dict[str, Tensor] = {}
        if self._loss.hard:
            targets = torch.tensor([[window.start, window.end] for window in windows], device=device)
            found["hard"] = self._loss.hard * span_loss(logits, targets, allowed)
        if self._loss.soft:
            with torch.no_grad():
                taught = torch.stack([teacher.spans(batch) for teacher in self._teachers]).mean(0)
            found["soft"] = self._loss.soft * soft_span_loss(logits, taught, allowed, self._loss.temperature)
        return found


def padded(windows: Sequence[Window], device: torch.device) -> Batch:
    """The windows as one batch."""
    return batch_of([window.ids for window in windows], [window.segments for window in windows], device)


def batch_of(ids: Sequence[Ids], segments: Sequence[Ids], device: torch.device) -> Batch:
    """Rows of different lengths, padded with 0."""
    shape = (len(ids), max(len(row) for row in ids))
    stacked = np.zeros((3, *shape), np.int64)
    for row, (tokens, kinds) in enumerate(zip(ids, segments, strict=True)):
        stacked[:, row, : len(tokens)] = tokens, np.ones(len(tokens)), kinds
    parts = torch.from_numpy(stacked).to(device)
    return Batch(parts[0], parts[1], parts[2])


def allowed_of(windows: Sequence[Window], device: torch.device) -> Tensor:
    """[B, L]: the paragraph's tokens and [CLS], which the softmax of the server is over."""
    allowed = np.zeros((len(windows), max(len(window) for window in windows)), bool)
    for row, window in enumerate(windows):
        allowed[row, 0] = True
        allowed[row, window.first : window.first + window.count] = True
    return torch.from_numpy(allowed).to(device)


class Text:
    """Hidden words of raw text, and the hidden states of a teacher."""

    unit = "texts"

    def __init__(self, recipe: Recipe, texts: Sequence[str], tokenizer: TextTokenizer, teacher: Network | None) -> None:
        self.size = len(texts)
        self._loss: Loss = recipe.loss
        self._teacher, self._seed = teacher, recipe.seed
        self._frame = tokenizer.frame
        mask = tokenizer.habits.mask_id
        if mask is None:
            raise ValueError("the tokenizer has no mask token")
        self._mask, self._vocabulary = mask, tokenizer.tokenizer.get_vocab_size()
        chunks = list(chunks_of(texts, tokenizer))
        self._batches: list[list[Ids]] = []
        for epoch in range(recipe.optimizer.epochs):
            rng = np.random.default_rng([recipe.seed, epoch])
            order = plan([len(chunk) for chunk in chunks], recipe.optimizer.batch_tokens, rng)
            self._batches += [[chunks[place] for place in batch] for batch in order]

    @property
    def steps(self) -> int:
        """As `Objective.steps`."""
        return len(self._batches)

    def tokens(self, step: int) -> int:
        """As `Objective.tokens`."""
        return sum(len(chunk) for chunk in self._batches[step])

    def losses(self, network: Network, step: int) -> Mapping[str, Tensor]:
        """As `Objective.losses`: "distillation", "masked" and "cosine"."""
        rows = self._batches[step]
        batch = batch_of(rows, [np.zeros(len(row), np.int32) for row in rows], network.device)
        hidden_ids, labels = self._hide(batch, np.random.default_rng([self._seed, 1, step]))
        batch = Batch(hidden_ids, batch.mask, batch.segments)
        states, loss = network.hidden(batch), self._loss
        chosen = labels != IGNORED
        found: dict[str, Tensor] = {}
        words = network.vocabulary(states[chosen]) if loss.masked or loss.distillation else states
        if loss.masked:
            found["masked"] = loss.masked * masked_loss(words, labels[chosen])
        if self._teacher is not None and (loss.distillation or loss.cosine):
            with torch.no_grad():
                taught = self._teacher.hidden(batch)
                right = self._teacher.vocabulary(taught[chosen]) if loss.distillation else taught
            if loss.distillation:
                found["distillation"] = loss.distillation * distillation_loss(words, right, loss.temperature)
            if loss.cosine:
                real = batch.mask.bool()
                found["cosine"] = loss.cosine * cosine_loss(states[real].float(), taught[real].float())
        return found

    def _hide(self, batch: Batch, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(ids, labels) with 15 % of the words hidden (Devlin et al. 2018): 80 % masked, 10 % random, 10 % kept."""
        ids = batch.ids.cpu().numpy().copy()
        labels = np.full_like(ids, IGNORED)
        words = batch.mask.cpu().numpy().astype(bool)
        specials = np.concatenate([self._frame.before, self._frame.after])
        words &= ~np.isin(ids, specials)
        chosen = words & (rng.random(ids.shape) < MASKED_SHARE)
        if not chosen.any():
            chosen.flat[np.flatnonzero(words)[0]] = True
        labels[chosen] = ids[chosen]
        kind = rng.random(ids.shape)
        ids[chosen & (kind < 0.8)] = self._mask
        random = chosen & (kind >= 0.9)
        ids[random] = rng.integers(0, self._vocabulary, int(random.sum()))
        return (torch.from_numpy(part).to(batch.ids.device) for part in (ids, labels))  # type: ignore[return-value]


def chunks_of(texts: Sequence[str], tokenizer: TextTokenizer) -> Iterator[Ids]:
    """All texts one after the other, in windows of `CHUNK` tokens with special tokens; a short rest is left out."""
    room = CHUNK - tokenizer.frame.specials
    rest = np.zeros(0, np.int32)
    for text in texts:
        rest = np.concatenate([rest, tokenizer.encode(text).ids])
        while len(rest) >= room:
            yield tokenizer.framed_ids(rest[:room])[0]
            rest = rest[room:]
