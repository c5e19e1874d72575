"""Every head against transformers, from the same weights; and what each of them computes of a window."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mooring.backends.base import Floats, OutputSpec, Window
from mooring.families import FAMILIES as SERVED
from mooring.model.sentence_transformers import SentenceRecord
from tests.support.golden_inputs import FAMILIES, HEADS, MODEL_TYPES, sequence
from tests.support.parity import TOLERANCE, largest_error, opened, window

SHAPES = {
    "sequence": (3,),
    "token": ("token", 3),
    "masked": ("position", None),
    "hidden": ("token", 32),
}
"""Head → axes of its output; None is the vocabulary."""


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@pytest.mark.parametrize("head", HEADS)
def test_a_head_gives_what_transformers_gives(model_type: str, head: str, tmp_path: Path) -> None:
    """One window of each length, and all of them in one padded batch."""
    assert largest_error(model_type, head, tmp_path) < TOLERANCE


def test_every_served_model_type_is_compared() -> None:
    """A new one needs golden numbers: scripts/golden_logits.py makes them."""
    assert SERVED.keys() == MODEL_TYPES.keys()


@pytest.mark.parametrize("head", SHAPES)
def test_outputs_say_which_axes_are_the_window_s(head: str, tmp_path: Path) -> None:
    """Only those are cut: an axis of labels or of the vocabulary is not."""
    (spec,) = opened(FAMILIES["bert"](tmp_path, head=head), head).outputs
    assert isinstance(spec, OutputSpec)
    wanted = tuple(192 if axis is None else axis for axis in SHAPES[head])
    assert spec.axes == wanted


def test_a_masked_head_computes_the_wanted_positions_alone(tmp_path: Path) -> None:
    """[M, V], in the order of the positions, with a different number of them in each row of a batch."""
    backend = opened(FAMILIES["bert"](tmp_path, head="masked"), "masked")
    ids, types = sequence(40)
    every = backend.run([Window(ids, types, np.arange(40, dtype=np.int32))])[0][0]
    picks = [np.array(one, np.int32) for one in ([7], [39, 0, 3], [2, 2])]
    rows = backend.run([Window(ids, types, one) for one in picks])
    for positions, (logits,) in zip(picks, rows, strict=True):
        assert logits.shape == (len(positions), 192)
        assert np.abs(logits - every[positions]).max() < TOLERANCE


POOLS: dict[str, Callable[[Floats], Floats]] = {
    "mean": lambda hidden: hidden.mean(axis=0),
    "cls": lambda hidden: hidden[0],
    "max": lambda hidden: hidden.max(axis=0),
    "mean_sqrt_len_tokens": lambda hidden: hidden.sum(axis=0) / np.sqrt(len(hidden)),
}


@pytest.mark.parametrize("modes", [*((mode,) for mode in POOLS), ("cls", "mean")])
def test_pooling_is_in_the_graph_and_ignores_padding(modes: tuple[str, ...], tmp_path: Path) -> None:
    """As numpy pools the tokens' vectors, whatever shares the batch; a window names the outputs that it wants."""
    folder = FAMILIES["bert"](tmp_path, head="hidden")
    windows = [window(length, "hidden") for length in (5, 64, 1)]
    tokens = [opened(folder, "hidden").run([one])[0][0] for one in windows]
    expected = [np.concatenate([POOLS[mode](hidden) for mode in modes]) for hidden in tokens]
    backend = opened(folder, "hidden", SentenceRecord(pooling=modes, size=32 * len(modes)))
    assert [spec.axes for spec in backend.outputs] == [("token", 32), (32 * len(modes),)]
    for (hidden, vector), exact, wanted in zip(backend.run(windows), tokens, expected, strict=True):
        assert np.abs(hidden - exact).max() < TOLERANCE
        assert np.abs(vector - wanted).max() < TOLERANCE
    for (vector,), wanted in zip(backend.run([replace(one, outputs=(1,)) for one in windows]), expected, strict=True):
        assert np.abs(vector - wanted).max() < TOLERANCE


@pytest.mark.parametrize("prefix", ["", "model.", "0.auto_model."])
def test_weights_are_found_under_any_prefix(prefix: str, tmp_path: Path) -> None:
    """As wrapping classes and sentence-transformers name them, and an encoder by itself."""
    plain = FAMILIES["bert"](tmp_path / "plain", head="hidden")
    wrapped = FAMILIES["bert"](tmp_path / "wrapped", head="hidden")
    arrays = load_file(wrapped / "model.safetensors")
    save_file({prefix + name: array for name, array in arrays.items()}, wrapped / "model.safetensors")
    one, other = (opened(folder, "hidden").run([window(13, "hidden")])[0][0] for folder in (plain, wrapped))
    assert np.array_equal(one, other)
