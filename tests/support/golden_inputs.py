"""The inputs that golden logits were made from: shared by the script that makes them and the tests that compare."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.support.tiny_models import vocabulary, write_tiny_bert, write_tiny_distilbert, write_tiny_roberta
from tests.support.tiny_robertas import write_tiny_camembert, write_tiny_mpnet, write_tiny_xlm_roberta

FAMILIES: Mapping[str, Callable[..., Path]] = {
    "bert": write_tiny_bert,
    "distilbert": write_tiny_distilbert,
    "roberta": write_tiny_roberta,
}
MODEL_TYPES: Mapping[str, Callable[..., Path]] = {
    **FAMILIES,
    "xlm-roberta": write_tiny_xlm_roberta,
    "camembert": write_tiny_camembert,
    "mpnet": write_tiny_mpnet,
}
"""Every `model_type` that is served."""
SEGMENTS = ("bert",)
"""Families that are given token_type_ids."""
LENGTHS = (
    1,
    2,
    3,
    5,
    8,
    13,
    15,
    16,
    17,
    31,
    32,
    33,
    63,
    64,
    65,
    127,
    128,
    129,
    191,
    255,
    256,
    257,
    383,
    384,
    385,
    511,
    512,
)
PADDED = (5, 64, 1, 37)
"""Lengths of the rows of the padded batch."""

HEADS = ("span", "sequence", "token", "masked", "hidden", "mean", "cls", "max")
"""The heads, and the pooling modes of the hidden head."""
HEAD_LENGTHS = (1, 2, 13, 64, 512)
"""Lengths of the windows of heads.npz; 512 is the longest that the models read."""
POSITIONS = np.array([0, 1, 5, 12, 60, 511], np.int32)
"""Tokens whose output is in heads.npz, as far as a window has them."""

Ids = npt.NDArray[np.int32]


def sequence(length: int) -> tuple[Ids, Ids]:
    """`length` token ids and their segments, the same for the same length."""
    ids = np.random.default_rng(length).integers(5, len(vocabulary()), length).astype(np.int32)
    return ids, (np.arange(length) > length // 3).astype(np.int32)


def padded_batch() -> tuple[Ids, Ids, Ids]:
    """input_ids, attention_mask and token_type_ids of a batch with rows of `PADDED` lengths."""
    shape = (len(PADDED), max(PADDED))
    ids, mask, types = (np.zeros(shape, np.int32) for _ in range(3))
    for row, length in enumerate(PADDED):
        ids[row, :length], types[row, :length] = sequence(length)
        mask[row, :length] = 1
    return ids, mask, types
