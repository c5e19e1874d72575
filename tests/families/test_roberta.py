"""RoBERTa: what differs from BERT. Its numbers beside transformers' are in tests/graph, over all families."""

import json
from pathlib import Path

import numpy as np
import pytest

from mooring.backends.base import Window
from mooring.backends.grid import LENGTHS, default_grid
from mooring.backends.openvino import OpenVinoBackend
from mooring.errors import ModelInvalid
from mooring.families import FAMILIES
from mooring.model.folder import ModelFolder
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer
from tests.support.graphs import given, graph_of
from tests.support.tiny_models import write_json, write_tiny_roberta


def test_positions_of_padding_are_not_usable(tmp_path: Path) -> None:
    """514 rows are 512 tokens: no window and no shape of the grid is longer."""
    manifest = read_manifest(write_tiny_roberta(tmp_path), source="it")
    assert (manifest.max_positions, manifest.max_seq_len) == (512, 384)
    assert default_grid(manifest.max_positions).lengths == LENGTHS


def test_positions_follow_the_padding_token_of_the_config(tmp_path: Path) -> None:
    """The first token's position is behind it."""
    folder = write_tiny_roberta(tmp_path, pad_token_id=5)
    assert FAMILIES["roberta"].sizes(json.loads((folder / "config.json").read_text())).positions == 508


@pytest.mark.parametrize(("padding", "said"), [(600, "601 are reserved"), (-1, "is -1")])
def test_a_padding_token_that_leaves_no_position_is_refused(padding: int, said: str, tmp_path: Path) -> None:
    """With what the config says."""
    with pytest.raises(ModelInvalid, match=said):
        read_manifest(write_tiny_roberta(tmp_path, pad_token_id=padding), source="it")


def test_a_padding_token_within_a_text_has_its_own_position(tmp_path: Path) -> None:
    """The tokens behind it are numbered on as if it were not there, as in transformers."""
    folder = write_tiny_roberta(tmp_path, head="hidden")
    grid = default_grid(64)
    backend = OpenVinoBackend(given(graph_of(folder, "hidden")), precision="fp32", grid=grid, threads=1)
    ids = np.array([0, 40, 1, 41, 2], np.int32)
    hidden = backend.run([Window(ids, np.zeros(5, np.int32))])[0][0]
    by_transformers = [1.85639, -1.1292, -0.11347, -0.07214, 0.76466, 0.71414]
    assert np.abs(hidden[3, :6] - by_transformers).max() < 1e-4


def test_texts_and_pairs_are_framed_as_robertas(tmp_path: Path) -> None:
    """Two separators between a pair, no segments, and a space belongs to the word behind it."""
    tokenizer = load_tokenizer(ModelFolder(write_tiny_roberta(tmp_path)), embeddings=269)
    the = tokenizer.encode(" the")
    assert len(the) == 1
    ids, segments = tokenizer.framed(the, the)
    assert ids.tolist() == [0, *the.ids, 2, 2, *the.ids, 2]
    assert not segments.any()
    assert tokenizer.framed(the)[0].tolist() == [0, *the.ids, 2]


def test_without_a_class_the_family_names_the_tokenizer(tmp_path: Path) -> None:
    """As transformers chooses it by model_type."""
    folder = write_tiny_roberta(tmp_path)
    write_json(folder / "tokenizer_config.json", {"model_max_length": 512})
    assert load_tokenizer(ModelFolder(folder)).cls_id == 0
