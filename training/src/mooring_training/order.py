"""Carry out a recipe: read models and data, train, calibrate, judge on the held-back articles, write the folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from mooring.errors import UsageError
from mooring.model.digest import folder_digest
from mooring.model.folder import TOKENIZER_FILE, ModelFolder
from mooring.progress import Progress
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.text import TextTokenizer
from mooring_training.calibrate import fit_temperature
from mooring_training.curves import draw
from mooring_training.judge import Figures, asker, judge
from mooring_training.negatives import Negatives, Paragraphs, judged_pairs, negatives
from mooring_training.network import Network, keep_layers, load_network, save_network, scale_span_head, trimmed
from mooring_training.objectives import Objective, Questions, Text
from mooring_training.output import placed
from mooring_training.questions import Question, digest_of, hold_back, read_questions, spread
from mooring_training.recipe import fingerprint, read_recipe
from mooring_training.record import origin_of, write_record
from mooring_training.recurring import recurring, texts_of
from mooring_training.torch_backend import TorchBackend
from mooring_training.trainer import LOG, Plan, Trainer, device, uses_bf16
from mooring_training.windows import Cutter, Window, Windows

JUDGED = 600
"""Most held-back questions that are asked after a training."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks for."""

    recipe: Path
    out: Path
    data: Path
    work: Path
    seed: int | None = None
    """Instead of the recipe's."""
    stop_after_s: float = float("inf")


class Material:
    """The models and the data of a recipe, read once."""

    def __init__(self, order: Order) -> None:
        """Raises UsageError or a ModelError for files that are missing or invalid."""
        recipe = read_recipe(order.recipe)
        self.recipe = recipe if order.seed is None else msgspec.structs.replace(recipe, seed=order.seed)
        beside = order.recipe.resolve().parent
        self.start = beside / self.recipe.model.start
        self.where = device()
        torch.manual_seed(self.recipe.seed)
        self.network = self._network()
        self.tokenizer = _tokenizer_of(self.start, self.network)
        self.teachers = [self._teacher(beside / each) for each in self.recipe.model.teachers]
        paths = [order.data / name for name in self.recipe.data.files]
        for path in paths:
            if not path.is_file():
                raise UsageError(f"{path} not found.", hint="Name the folder of the data files with --data.")
        models = [self.start, *(beside / each for each in self.recipe.model.teachers)]
        self.files = digest_of(paths) | {f"model {n}": folder_digest(path) for n, path in enumerate(models)}
        self.training, self.held_back = self._questions([path for path in paths if path.suffix != ".txt"])
        self._texts = [path for path in paths if path.suffix == ".txt"]

    def _network(self) -> Network:
        network, kept = load_network(self.start), self.recipe.model.keep_layers
        network = keep_layers(network, kept) if kept else network
        generator = torch.Generator().manual_seed(self.recipe.seed)
        if self.head == "span":
            network.add_span_head(generator)
        else:
            network.add_masked_head(generator)
        return _ready(trimmed(network, self.head), self.where)

    def _teacher(self, folder: Path) -> Network:
        """Raises UsageError if its vocabulary is not the student's: their logits are of the same tokens."""
        teacher = load_network(folder)
        own, other = (ModelFolder(each).sha256(TOKENIZER_FILE) for each in (self.start, folder))
        if own != other:
            raise UsageError(
                f"The teacher {folder} has another {TOKENIZER_FILE} than {self.start}.",
                hint="Teachers need the tokenizer of the model that is trained.",
            )
        return _ready(teacher, self.where)

    @property
    def head(self) -> str:
        """The head that is trained."""
        return "masked" if self.recipe.kind == "text" else "span"

    def _questions(self, paths: Sequence[Path]) -> tuple[list[Question], list[Question]]:
        found = [one for path in paths for one in read_questions(path)]
        if not found or not self.recipe.data.held_out:
            return found, []
        return hold_back(found, self.recipe.data.held_out, self.recipe.data.held_out_seed)

    def objective(self) -> Objective:
        """What the recipe minimizes. Raises UsageError for a teacher without the head that its loss needs."""
        if self.recipe.kind != "text":
            return Questions(self.recipe, self._asked(), self.tokenizer, self.teachers)
        texts = list(dict.fromkeys(one.context for one in self.training))
        texts += [part for parts in self._raw().values() for part in parts]
        teacher = self.teachers[0] if self.teachers else None
        if teacher is not None and self.recipe.loss.distillation and not teacher.has_masked_head:
            raise UsageError(
                f"The teacher {self.recipe.model.teachers[0]} has no masked-language-modeling head.",
                hint="Train one first: a recipe of kind 'text' that starts from it, with loss.masked alone.",
            )
        return Text(self.recipe, texts, self.tokenizer, teacher)

    def _asked(self) -> Sequence[Question]:
        """The questions to train on. Raises UsageError if none can be made of spans."""
        if self.recipe.kind == "questions":
            return self.training
        articles, rng = texts_of(self.training) | self._raw(), np.random.default_rng([self.recipe.seed, 9])
        found = recurring(articles, self.recipe.data.recurring, rng)
        if not found:
            paragraphs = sum(len(parts) for parts in articles.values())
            raise UsageError(
                f"No question could be made of {paragraphs:,} paragraphs in {len(articles):,} articles.",
                hint="Provide articles in which names or phrases occur in several paragraphs.",
            )
        return found

    def _raw(self) -> dict[str, list[str]]:
        """Name of a .txt file → its texts."""
        return {
            path.name: [part for part in path.read_text(encoding="utf-8").split("\n\n") if part.strip()]
            for path in self._texts
        }


def _ready(network: Network, where: torch.device) -> Network:
    return replace(network, weights={name: tensor.to(where) for name, tensor in network.weights.items()})


def _tokenizer_of(folder: Path, network: Network) -> TextTokenizer:
    return load_tokenizer(ModelFolder(folder), embeddings=network.family.sizes(network.config).vocabulary)


def carry_out(order: Order, progress: Progress) -> dict[str, Any]:
    """Train as ordered and write the folder; its record. Continues where an earlier run of the same order ended.

    Raises UsageError, a ModelError, Diverged, or KeyboardInterrupt after a checkpoint was written.
    """
    progress.begin("Reading models and data")
    material = Material(order)
    recipe = material.recipe
    objective = material.objective()
    if material.head == "span":
        given = recipe.kind == "questions" and any(not one.answerable for one in material.training)
        material.network.config["mooring"] = {"no_answer": recipe.unanswerable.share > 0 or given}
    progress.end(f"{objective.size:,} {objective.unit}, {len(material.held_back):,} questions held back")
    bf16 = uses_bf16(recipe.precision, material.where)
    record: dict[str, Any] = {
        "recipe": msgspec.to_builtins(recipe),
        "files": material.files,
        "device": material.where.type,
        "bf16": bf16,
        "torch": torch.__version__,
        "examples": objective.size,
        "held_back_articles": sorted({one.article for one in material.held_back}),
    }

    def snapshot(network: Network, step: int) -> None:
        folder = order.work / f"step-{step:06d}"
        save_network(network, material.start, folder, recipe.dtype, material.head)
        write_record(folder, {**record, "step": step})

    plan = Plan(
        order.work,
        fingerprint(recipe, {**material.files, "bf16": str(bf16)}),
        recipe.seed,
        bf16=bf16,
        stop_after_s=order.stop_after_s,
        snapshot=snapshot,
    )
    trainer = Trainer(material.network, objective, recipe.optimizer, plan, progress)
    try:
        trainer.run()
    finally:
        if (order.work / LOG).is_file():
            draw(order.work / LOG, order.work / "loss.svg")
    network = trainer.network.copy()
    record |= {"steps": objective.steps, "seconds": round(trainer.seconds)}
    if material.head == "span":
        record |= finished(network, material, progress)
    with placed(order.out) as folder:
        save_network(network, material.start, folder, recipe.dtype, material.head)
        write_record(folder, record)
    return record


def finished(network: Network, material: Material, progress: Progress) -> dict[str, Any]:
    """Calibrate the network, in place, and judge it on held-back questions. The figures for the record."""
    record: dict[str, Any] = {}
    if material.recipe.calibrate and (
        windows := calibration_windows(material.held_back, material.tokenizer, material.recipe.seed)
    ):
        progress.begin("Calibrating")
        fit = fit_temperature(network, windows)
        scale_span_head(network, fit.temperature)
        record["calibration"] = asdict(fit)
        progress.end(f"temperature {fit.temperature:.2f}")
    if material.held_back:
        progress.begin("Judging on held-back questions")
        asked = spread(material.held_back, JUDGED)
        pairs = judged_pairs(asked, material.held_back, material.recipe.seed)
        figures = judge(asked, pairs, asker(material.tokenizer, TorchBackend(network)))
        record["held_back"] = {**asdict(figures), "f1_lost": figures.f1_lost}
        progress.end(said(figures))
    return record


def said(figures: Figures) -> str:
    """The main figures in one line."""
    parts = [f"F1 {figures.f1:.1f}", f"{figures.f1_lost:.1f} lost with no answer"]
    if figures.hard_recognized is not None and figures.random_recognized is not None:
        parts.append(
            f"no answer recognized {figures.random_recognized:.0f} % random, {figures.hard_recognized:.0f} % hard"
        )
    return ", ".join([*parts, f"calibration error {figures.calibration_error:.1f}"])


def calibration_windows(questions: Sequence[Question], tokenizer: TextTokenizer, seed: int) -> list[Window]:
    """Windows of questions whose paragraph fits into one, and as many without an answer, if they can be made."""
    rng = np.random.default_rng([seed, 7])
    moved = negatives(questions, Paragraphs(questions), Negatives(share=1.0, same_article=1.0), rng)
    cutter = Cutter(tokenizer, Windows(length=384, choose="all"))
    found = (list(cutter.windows(one, rng)) for one in (*questions, *moved))
    return [windows[0] for windows in found if len(windows) == 1]


def calibrated(
    model: Path, questions: Sequence[Question], temperature: float | None, out: Path, progress: Progress
) -> str:
    """Write the folder `model` to `out` with calibrated scores, and say how.

    The temperature is fitted on the questions, unless it is given. Raises UsageError without usable questions.
    """
    progress.begin("Calibrating")
    network = load_network(model)
    record: dict[str, Any] = {"temperature": temperature}
    said = f"temperature {temperature:.3f}" if temperature else ""
    if temperature is None:
        windows = calibration_windows(questions, _tokenizer_of(model, network), seed=0)
        if not windows:
            raise UsageError("No question fits into one window.", hint="Provide questions on shorter paragraphs.")
        fit = fit_temperature(network, windows)
        temperature, record = fit.temperature, asdict(fit)
        said = f"temperature {temperature:.3f}, loss {fit.before:.3f} before and {fit.after:.3f} after"
    scale_span_head(network, temperature)
    with placed(out) as folder:
        save_network(network, model, folder)
        write_record(folder, {"calibration": record, "of": origin_of(model)})
    progress.end()
    return said
