"""A recipe: everything that decides which model a training makes, as a TOML file.

Folders of models are relative to the recipe; data files are names in the folder that --data names.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from mooring.errors import UsageError
from mooring_training.negatives import Negatives
from mooring_training.windows import Windows

Share = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the weights come from."""

    start: str
    """Folder of the model that is trained."""
    keep_layers: tuple[int, ...] = ()
    """Layers of `start` that the student keeps, from 0; all by default."""
    teachers: tuple[str, ...] = ()
    """Folders of models whose logits are averaged; they have the tokenizer of `start`."""


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it is trained on."""

    files: Annotated[tuple[str, ...], Meta(min_length=1)]
    """SQuAD JSON; for kinds "spans" and "text" also .txt, with empty lines between texts."""
    held_out: Share = 0.1
    """Share of the articles that are not trained on, for choosing and calibrating. 0: none."""
    held_out_seed: Annotated[int, Meta(ge=0)] = 0
    """Selects these articles. It is separate from `seed`, so trainings with different seeds hold back the same ones."""
    recurring: Annotated[int, Meta(ge=1)] = 20_000
    """Spans: maximum number of questions."""


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of the losses; a loss with weight 0 is not computed."""

    hard: Weight = 1.0
    """Questions and spans: cross-entropy with the labels."""
    soft: Weight = 0.0
    """Questions and spans: KL of start and end to the teachers."""
    distillation: Weight = 5.0
    """Text: KL of the masked tokens to the teacher. Defaults as in DistilBERT."""
    masked: Weight = 2.0
    """Text: cross-entropy of the masked tokens."""
    cosine: Weight = 1.0
    """Text: 1 − cosine of the last hidden states."""
    temperature: Positive = 2.0


class Optimizer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """AdamW with linear warm-up and decay."""

    epochs: Annotated[int, Meta(ge=1)] = 1
    learning_rate: Positive = 6e-5
    """At its peak."""
    warmup: Share = 0.05
    """Share of the steps over which it rises."""
    weight_decay: Weight = 0.01
    """Of matrices; biases and norms do not decay."""
    clip: Positive = 1.0
    """Largest norm of the gradient."""
    batch_tokens: Annotated[int, Meta(ge=1)] = 3072
    """Largest batch in tokens, padding included."""
    dropout: Share = 0.1
    attention_dropout: Share = 0.0
    snapshots: Annotated[int, Meta(ge=0)] = 0
    """Number of model folders to write on the way, equally spaced, for averages and teachers."""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One training."""

    kind: Literal["questions", "spans", "text"]
    """spans: questions made of recurring spans of the paragraphs, whose own questions are not used."""
    model: Model
    data: Data
    seed: Annotated[int, Meta(ge=0)] = 0
    unanswerable: Negatives = Negatives()
    windows: Windows = Windows()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    calibrate: bool = True
    """Questions and spans: fit a temperature on the held-back articles and fold it into the head."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the device computes it fast, else fp32. Results differ slightly between the two."""
    dtype: Literal["F16", "F32"] = "F16"
    """Type of the written weights."""


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe. Raises UsageError that names the field."""
    try:
        recipe = msgspec.toml.decode(path.read_bytes(), type=Recipe)
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.", hint="Check the path.") from error
    except msgspec.DecodeError as error:
        hint = "The fields of a recipe: training/README.md."
        raise UsageError(f"{path} is not a valid recipe: {error}.", hint=hint) from error
    loss, teachers = recipe.loss, len(recipe.model.teachers)
    if recipe.kind != "text" and loss.soft and not teachers:
        raise UsageError(f"{path}: loss.soft is {loss.soft:g}, but model.teachers is empty.", hint="Name a teacher.")
    if recipe.kind != "text" and not loss.hard and not loss.soft:
        raise UsageError(f"{path}: loss.hard and loss.soft are both 0.", hint="Give one of them a weight.")
    if recipe.kind == "text":
        if (loss.distillation or loss.cosine) and teachers != 1:
            raise UsageError(
                f"{path}: loss.distillation and loss.cosine need exactly one teacher; model.teachers has {teachers}.",
                hint="Name one, or set both weights to 0.",
            )
        if not (loss.distillation or loss.cosine or loss.masked):
            raise UsageError(f"{path}: all losses of kind 'text' are 0.", hint="Give one of them a weight.")
    return recipe


def fingerprint(recipe: Recipe, files: dict[str, str]) -> str:
    """A digest of the recipe and of the content of its files: a checkpoint of another one does not fit."""
    content = msgspec.json.encode([recipe, sorted(files.items())])
    return hashlib.sha256(content).hexdigest()
