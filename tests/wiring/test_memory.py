"""Weights that cannot fit into memory are refused before any memory is taken for them."""

import os
import struct
from pathlib import Path

import pytest

from mooring.errors import ModelInvalid
from mooring.model.folder import ModelFolder
from mooring.model.manifest import Manifest
from mooring.tasks.recognise import read_manifest
from mooring.wiring.model import check_memory
from tests.support.tiny_models import write_tiny_bert


def _model(folder: Path) -> tuple[ModelFolder, Manifest]:
    found = ModelFolder(write_tiny_bert(folder / "it"))
    return found, read_manifest(found, source="it")


def test_a_sparse_file_of_a_terabyte(tmp_path: Path) -> None:
    """It takes a block on the disk."""
    folder, manifest = _model(tmp_path)
    path = folder.path / "model.safetensors"
    head = b'{"t": {"dtype": "U8", "shape": [1099511627776], "data_offsets": [0, 1099511627776]}}'
    path.write_bytes(struct.pack("<Q", len(head)) + head)
    os.truncate(path, 8 + len(head) + (1 << 40))
    with pytest.raises(ModelInvalid, match=r"1,099,511,627,\d+ bytes, more than .* 8,000,000,000 bytes"):
        check_memory(folder, manifest, 8_000_000_000)


def test_weights_that_fit(tmp_path: Path) -> None:
    """Or whose machine does not say how much memory it has."""
    folder, manifest = _model(tmp_path)
    size = (folder.path / "model.safetensors").stat().st_size
    check_memory(folder, manifest, size)
    check_memory(folder, manifest, None)
    with pytest.raises(ModelInvalid):
        check_memory(folder, manifest, size - 1)
