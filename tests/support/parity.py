"""Compares our graphs with transformers: the largest error of a model type's head, over the windows of heads.npz."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mooring.backends.base import Floats, Outputs, ShapeGrid, Window
from mooring.backends.openvino import OpenVinoBackend
from mooring.model.sentence_transformers import SentenceRecord
from tests.support.golden_inputs import HEAD_LENGTHS, MODEL_TYPES, POSITIONS, sequence
from tests.support.graphs import given, graph_of

TOLERANCE = 1e-4
GOLDEN = Path(__file__).parents[1] / "golden" / "heads.npz"
GRID = ShapeGrid(lengths=(16, 64, 128, 512), batches=(1, 2, 4, 8), tokens=4096)
POOLING = ("mean", "cls", "max")
HIDDEN = 32
"""Hidden size of the models."""


def opened(folder: Path, head: str, sentence: SentenceRecord | None = None) -> OpenVinoBackend:
    """The graph of a folder on the real engine."""
    return OpenVinoBackend(given(graph_of(folder, head, sentence)), precision="fp32", grid=GRID, threads=1)


def window(length: int, head: str) -> Window:
    """As the golden numbers were made from."""
    ids, types = sequence(length)
    return Window(ids, types, POSITIONS[length > POSITIONS] if head == "masked" else None)


def largest_error(model_type: str, head: str, folder: Path) -> float:
    """The largest difference from transformers, of each window alone and of all in one padded batch.

    `head` is one of `golden_inputs.HEADS`; the model is written to `folder`.
    """
    pooled = head in POOLING
    MODEL_TYPES[model_type](folder, head="hidden" if pooled else head)
    sentence = SentenceRecord(pooling=(head,), size=HIDDEN) if pooled else None
    backend = opened(folder, "hidden" if pooled else head, sentence)
    windows = [window(length, head) for length in HEAD_LENGTHS]
    alone = [backend.run([one])[0] for one in windows]
    golden = np.load(GOLDEN)
    wanted = [golden[f"{model_type}/{head}/{length}"] for length in HEAD_LENGTHS]
    return max(_errors(alone, wanted, head) + _errors(backend.run(windows), wanted, head))


def _errors(found: Sequence[Outputs], wanted: Sequence[Floats], head: str) -> list[float]:
    errors = []
    for outputs, expected, length in zip(found, wanted, HEAD_LENGTHS, strict=True):
        at = POSITIONS[length > POSITIONS]
        ours = np.stack(outputs)[:, at] if head == "span" else outputs[-1]
        ours = ours[at] if head in ("token", "hidden") else ours
        assert ours.shape == expected.shape, (head, length, ours.shape, expected.shape)
        errors.append(float(np.abs(ours - expected).max()))
    return errors
