"""The safetensors reader: equal to the reference library on sound files, a clear error on every kind of damage."""

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from mooring.errors import ModelError, ModelIncomplete, ModelInvalid, UnsafeWeights
from mooring.model.folder import ModelFolder
from mooring.model.safetensors_file import MAX_HEADER_BYTES, NUMPY_TYPES
from mooring.model.weights import INDEX_FILE, SINGLE_FILE, Weights, open_weights
from tests.support.tiny_models import write_json, write_tiny_bert


def _write(folder: Path, header: Any, data: bytes, name: str = SINGLE_FILE) -> ModelFolder:
    """A safetensors file by hand: `header` is JSON, or text as it is."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    (folder / name).write_bytes(struct.pack("<Q", len(text)) + text + data)
    return ModelFolder(folder)


def arrays_of(weights: Weights) -> dict[str, np.ndarray[Any, Any]]:
    """Every tensor, read."""
    found = {name: np.empty(weights.shape(name), NUMPY_TYPES[weights.dtype(name)]) for name in weights.names()}
    weights.read(lambda name: found[name].reshape(-1).view(np.uint8).data)
    return found


def _f32(start: int, end: int, shape: list[int]) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


def test_every_tensor_equals_the_reference_librarys(tmp_path: Path) -> None:
    """Names, shapes, types and values of a whole model are those that the safetensors library reads."""
    write_tiny_bert(tmp_path)
    expected = load_file(tmp_path / SINGLE_FILE)
    with open_weights(ModelFolder(tmp_path)) as weights:
        seen = arrays_of(weights)
        assert {"F32"} == {weights.dtype(name) for name in expected}
        assert {name: array.nbytes for name, array in expected.items()} == {name: weights.size(name) for name in seen}
    assert seen.keys() == expected.keys()
    assert all(np.array_equal(array, seen[name]) for name, array in expected.items())


@pytest.mark.parametrize("kind", ["?", "u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8"])
def test_every_number_type_is_read(tmp_path: Path, kind: str) -> None:
    """Each of numpy's types that the format knows comes back with type and values, scalars and empty tensors too."""
    arrays = {
        "a": np.arange(6).reshape(2, 3).astype(kind),
        "scalar": np.ones((), kind),
        "empty": np.zeros((0, 4), kind),
    }
    save_file(arrays, tmp_path / SINGLE_FILE)
    with open_weights(ModelFolder(tmp_path)) as weights:
        seen = arrays_of(weights)
    assert {n: (a.dtype, a.shape, a.tolist()) for n, a in arrays.items()} == {
        n: (a.dtype, a.shape, a.tolist()) for n, a in seen.items()
    }


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    """Of exactly the bytes that were read; every time anew."""
    write_tiny_bert(tmp_path)
    expected = hashlib.sha256((tmp_path / SINGLE_FILE).read_bytes()).hexdigest()
    with open_weights(ModelFolder(tmp_path)) as weights:
        for _ in range(2):
            assert weights.read(lambda name: memoryview(bytearray(weights.size(name)))) == {SINGLE_FILE: expected}


def test_a_file_that_is_replaced_is_read_as_it_was_opened(tmp_path: Path) -> None:
    """Its name may mean another one by then."""
    save_file({"a": np.zeros(4, np.float32)}, tmp_path / SINGLE_FILE)
    with open_weights(ModelFolder(tmp_path)) as weights:
        save_file({"a": np.ones(4, np.float32)}, tmp_path / "other")
        (tmp_path / "other").replace(tmp_path / SINGLE_FILE)
        assert arrays_of(weights)["a"].tolist() == [0.0] * 4


@pytest.mark.parametrize("kept", [9, 40, -4])
def test_a_file_that_becomes_shorter_is_refused(tmp_path: Path, kept: int) -> None:
    """Neither a crash nor other numbers, wherever it ends now."""
    save_file({"a": np.zeros(4, np.float32)}, tmp_path / SINGLE_FILE)
    with open_weights(ModelFolder(tmp_path)) as weights:
        size = (tmp_path / SINGLE_FILE).stat().st_size
        os.truncate(tmp_path / SINGLE_FILE, kept % size)
        with pytest.raises(ModelInvalid, match="was truncated while Mooring read it"):
            arrays_of(weights)


def test_a_header_that_changes_is_refused(tmp_path: Path) -> None:
    """What it says of the tensors was checked before."""
    save_file({"a": np.zeros(4, np.float32)}, tmp_path / SINGLE_FILE)
    with open_weights(ModelFolder(tmp_path)) as weights:
        content = (tmp_path / SINGLE_FILE).read_bytes()
        (tmp_path / SINGLE_FILE).write_bytes(content.replace(b'"a"', b'"b"'))
        with pytest.raises(ModelInvalid, match="was written to while the model was loading"):
            arrays_of(weights)


def test_an_unknown_tensor_is_named(tmp_path: Path) -> None:
    """Asking for a tensor that is not there names it and the file."""
    write_tiny_bert(tmp_path)
    with (
        open_weights(ModelFolder(tmp_path)) as weights,
        pytest.raises(ModelInvalid, match=r"Tensor 'nope' not found in the weights \(\d+ .*safetensors"),
    ):
        weights.shape("nope")


@pytest.mark.parametrize(
    ("header", "data", "says"),
    [
        ({"a": _f32(0, 4, [2])}, b"\0" * 4, r"'a' .* F32 of shape \[2\] takes 8 bytes, but its offsets 0 to 4 span 4"),
        ({"a": _f32(0, 8, [2]), "b": _f32(4, 8, [1])}, b"\0" * 8, r"'b' .* overlaps tensor 'a'"),
        ({"a": _f32(0, 4, [1]), "b": _f32(8, 12, [1])}, b"\0" * 12, r"'b' .* gap of 4 bytes after tensor 'a'"),
        ({"a": _f32(4, 8, [1])}, b"\0" * 8, r"'a' .* gap of 4 bytes after the header"),
        ({"a": _f32(8, 0, [1])}, b"\0" * 8, r"'a' .* takes 4 bytes, but its offsets 8 to 0 span -8"),
        ({"a": _f32(0, 4, [1])}, b"\0" * 9, r"has \d+ bytes, but its header describes \d+"),
        ({"a": _f32(0, 4, [-1])}, b"\0" * 4, "invalid header entry"),
        ({"a": _f32(0, 4, [True])}, b"\0" * 4, "invalid header entry"),
        ({"a": {**_f32(0, 4, [1]), "data_offsets": [0, 4, 8]}}, b"\0" * 4, "invalid header entry"),
        ({"a": {"dtype": "F32"}}, b"", "invalid header entry"),
        ({"a": 7}, b"", "invalid header entry"),
        ({"a": {**_f32(0, 4, [1]), "dtype": "F31"}}, b"\0" * 4, "unknown type 'F31'"),
        ({"a": _f32(0, 4, [1 << 62, 1 << 62])}, b"\0" * 4, "takes 85070591730234615865843651857942052864 bytes"),
        ("[1]", b"", "not a JSON object"),
        ("{", b"", "is not JSON"),
        ("[" * 100_000, b"", "is not JSON"),
        ('{"a": 1, "a": 2}', b"", "the key 'a' twice"),
    ],
)
def test_an_impossible_header_is_refused(tmp_path: Path, header: Any, data: bytes, says: str) -> None:
    """Each contradiction in the header is refused with file and tensor before a byte of data is believed."""
    with pytest.raises(ModelInvalid, match=says) as caught:
        open_weights(_write(tmp_path, header, data))
    assert SINGLE_FILE in caught.value.message


def test_a_truncated_file_says_expected_and_seen_bytes(tmp_path: Path) -> None:
    """A download that ended early is recognised by its size, wherever it was cut."""
    write_tiny_bert(tmp_path)
    whole = (tmp_path / SINGLE_FILE).read_bytes()
    header_end = 8 + int.from_bytes(whole[:8], "little")
    for cut, expected in [(len(whole) - 1, len(whole)), (header_end + 5, len(whole)), (100, header_end)]:
        (tmp_path / SINGLE_FILE).write_bytes(whole[:cut])
        with pytest.raises(ModelInvalid, match=f"truncated: expected {expected} bytes, found {cut}"):
            open_weights(ModelFolder(tmp_path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has only 0 bytes"),
        (b"\0" * 7, "has only 7 bytes"),
        (b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer"),
        (struct.pack("<Q", MAX_HEADER_BYTES + 1), "declares a header of 16777217 bytes"),
    ],
)
def test_other_files_under_that_name_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """Empty files, Git LFS pointers and the like are no safetensors."""
    (tmp_path / SINGLE_FILE).write_bytes(content)
    with pytest.raises(ModelInvalid, match=says):
        open_weights(ModelFolder(tmp_path))


@given(noise=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_random_damage_never_escapes_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, noise: list[tuple[int, int]]
) -> None:
    """Whatever bytes change in header or length, the file is read within its bounds or refused with a ModelError."""
    folder = tmp_path_factory.getbasetemp() / "noise"
    folder.mkdir(exist_ok=True)
    save_file({"a": np.ones((2, 3), np.float32), "b": np.ones(5, np.float16)}, folder / SINGLE_FILE)
    content = bytearray((folder / SINGLE_FILE).read_bytes())
    for position, value in noise:
        content[position % len(content)] = value
    (folder / SINGLE_FILE).write_bytes(bytes(content))
    try:
        with open_weights(ModelFolder(folder)) as weights:
            assert arrays_of(weights).keys() == weights.names()
    except ModelError:
        pass


def _shards(folder: Path) -> Path:
    save_file({"a": np.zeros(2, np.float32), "b": np.ones(3, np.float32)}, folder / "model-00001-of-00002.safetensors")
    save_file({"c": np.full(4, 2, np.float16)}, folder / "model-00002-of-00002.safetensors")
    names = {"a": 1, "b": 1, "c": 2}
    weight_map = {name: f"model-0000{number}-of-00002.safetensors" for name, number in names.items()}
    write_json(folder / INDEX_FILE, {"metadata": {"total_size": 28}, "weight_map": weight_map})
    return folder


def test_shards_are_one_set_of_weights(tmp_path: Path) -> None:
    """A sharded model reads like a single file."""
    with open_weights(ModelFolder(_shards(tmp_path))) as weights:
        assert {"a", "b", "c"} == weights.names()
        seen = arrays_of(weights)
        assert (seen["b"].tolist(), seen["c"].tolist()) == ([1.0] * 3, [2.0] * 4)
        assert weights.main_dtype == "F32"


def test_missing_shards_are_named(tmp_path: Path) -> None:
    """A shard that was not downloaded is named, and machine-readable."""
    (_shards(tmp_path) / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelIncomplete, match="lists 2 files; 1 are missing: model-00002") as caught:
        open_weights(ModelFolder(tmp_path))
    assert caught.value.missing == ("model-00002-of-00002.safetensors",)


def _points_outside(folder: Path) -> None:
    write_json(folder / INDEX_FILE, {"weight_map": {"a": "../elsewhere/model.safetensors"}})


def _says_more_than_the_shard_has(folder: Path) -> None:
    write_json(folder / INDEX_FILE, {"weight_map": {"z": "model-00001-of-00002.safetensors"}})


def _one_name_twice(folder: Path) -> None:
    save_file({"c": np.zeros(1), "a": np.zeros(2)}, folder / "model-00002-of-00002.safetensors")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_points_outside, r"'\.\./elsewhere/model\.safetensors', which is not the name of a file beside it"),
        (_says_more_than_the_shard_has, "'z' in model-00001-of-00002.safetensors, which does not contain it"),
        (_one_name_twice, "'a' is in two files"),
        (lambda f: write_json(f / INDEX_FILE, {"weight_map": []}), "must map tensors to files"),
        (lambda f: write_json(f / INDEX_FILE, []), "not a JSON object"),
        (lambda f: (f / INDEX_FILE).write_bytes(b"\xff"), "is not JSON"),
    ],
)
def test_an_index_that_contradicts_its_shards_is_refused(
    tmp_path: Path, harm: Callable[[Path], object], says: str
) -> None:
    """The index is checked against the files, and may not lead out of the folder."""
    harm(_shards(tmp_path))
    with pytest.raises(ModelInvalid, match=says):
        open_weights(ModelFolder(tmp_path))


def test_an_empty_folder_lacks_its_weights(tmp_path: Path) -> None:
    """Without any weights the usual file is named as missing."""
    with pytest.raises(ModelIncomplete) as caught:
        open_weights(ModelFolder(tmp_path))
    assert caught.value.missing == (SINGLE_FILE,)


def test_pickle_is_refused_unopened(tmp_path: Path) -> None:
    """A folder with pickled weights only is refused for that reason, though the file is not even readable."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"not even a pickle")
    with pytest.raises(UnsafeWeights, match=r"only pickled weights \(pytorch_model\.bin\)"):
        open_weights(ModelFolder(tmp_path))


def test_safetensors_beside_pickle_are_served(tmp_path: Path) -> None:
    """A pickle that lies beside safetensors is ignored."""
    write_tiny_bert(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with open_weights(ModelFolder(tmp_path)) as weights:
        assert "qa_outputs.weight" in weights.names()
