"""The safetensors reader: equal to the reference library on sound files, a clear error on every kind of damage."""

import json
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
from mooring.model.safetensors_file import MAX_HEADER_BYTES
from mooring.model.weights import INDEX_FILE, SINGLE_FILE, open_weights
from tests.support.tiny_models import write_json, write_tiny_bert


def _write(folder: Path, header: Any, data: bytes, name: str = SINGLE_FILE) -> Path:
    """A safetensors file by hand: `header` is JSON, or text as it is."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    (folder / name).write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


def _f32(start: int, end: int, shape: list[int]) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


def test_every_tensor_equals_the_reference_librarys(tmp_path: Path) -> None:
    """Names, shapes, types and values of a whole model are those that the safetensors library reads."""
    write_tiny_bert(tmp_path)
    expected = load_file(tmp_path / SINGLE_FILE)
    with open_weights(tmp_path) as weights:
        assert frozenset(expected) == weights.names()
        assert {n: a.shape for n, a in expected.items()} == {n: weights.shape(n) for n in expected}
        assert {"F32"} == {weights.dtype(n) for n in expected}
        assert all(np.array_equal(a, weights.array(n)) for n, a in expected.items())
        assert sum(a.nbytes for a in expected.values()) == weights.total_bytes


@pytest.mark.parametrize("kind", ["?", "u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8"])
def test_every_number_type_is_read(tmp_path: Path, kind: str) -> None:
    """Each of numpy's types that the format knows comes back with type and values, scalars and empty tensors too."""
    arrays = {
        "a": np.arange(6).reshape(2, 3).astype(kind),
        "scalar": np.ones((), kind),
        "empty": np.zeros((0, 4), kind),
    }
    save_file(arrays, tmp_path / SINGLE_FILE)
    with open_weights(tmp_path) as weights:
        seen = {name: weights.array(name) for name in arrays}
    assert {n: (a.dtype, a.shape, a.tolist()) for n, a in arrays.items()} == {
        n: (a.dtype, a.shape, a.tolist()) for n, a in seen.items()
    }


def test_arrays_are_views_on_the_file(tmp_path: Path) -> None:
    """Two arrays of one tensor share memory: nothing was copied. Writing into one leaves the file as it is."""
    save_file({"a": np.arange(4, dtype=np.float32)}, tmp_path / SINGLE_FILE)
    weights = open_weights(tmp_path)
    first, second = weights.array("a"), weights.array("a")
    assert np.shares_memory(first, second)
    assert np.shares_memory(first, weights.array_f32("a"))
    first[0] = 99
    assert load_file(tmp_path / SINGLE_FILE)["a"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_arrays_outlive_the_weights(tmp_path: Path) -> None:
    """An array is valid after `close`: engines keep constants that point into the file."""
    save_file({"a": np.arange(4, dtype=np.float32)}, tmp_path / SINGLE_FILE)
    with open_weights(tmp_path) as weights:
        array = weights.array("a")
    assert array.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    """F16 and F64 are converted; BF16 comes as bits from `array` and as numbers from `array_f32`."""
    values = np.array([1.0, -2.5, 0.15625, 3.0e38], dtype=np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    header = {"b": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}
    with open_weights(_write(tmp_path, header, bits.tobytes())) as weights:
        assert (weights.dtype("b"), weights.array("b").dtype.name) == ("BF16", "uint16")
        assert np.allclose(values, weights.array_f32("b"), rtol=1 / 128)
    save_file({"h": np.array([0.1, 65504], np.float16), "d": np.array([0.1])}, tmp_path / SINGLE_FILE)
    with open_weights(tmp_path) as weights:
        assert [np.float32(np.float16(0.1)), 65504] == weights.array_f32("h").tolist()
        assert [np.float32(0.1)] == weights.array_f32("d").tolist()


def test_integers_are_no_weights(tmp_path: Path) -> None:
    """`array_f32` of an integer tensor is refused with its type."""
    save_file({"ids": np.arange(3)}, tmp_path / SINGLE_FILE)
    with open_weights(tmp_path) as weights, pytest.raises(ModelInvalid, match=r"'ids' in model\.safetensors .* I64"):
        weights.array_f32("ids")


def test_an_unpadded_header_still_gives_aligned_numbers(tmp_path: Path) -> None:
    """Old writers do not align the data; engines get aligned arrays all the same."""
    header = json.dumps({"a": _f32(0, 8, [2])})
    data = np.array([1.5, -2.0], np.float32).tobytes()
    for padding in range(8):
        with open_weights(_write(tmp_path, header + " " * padding, data)) as weights:
            assert weights.array("a").flags.aligned
            assert weights.array("a").tolist() == [1.5, -2.0]


def test_an_unknown_tensor_is_named(tmp_path: Path) -> None:
    """Asking for a tensor that is not there names it and the file."""
    write_tiny_bert(tmp_path)
    with open_weights(tmp_path) as weights, pytest.raises(ModelInvalid, match=r"no tensor 'nope' \(\d+ .*safetensors"):
        weights.array("nope")


@pytest.mark.parametrize(
    ("header", "data", "says"),
    [
        ({"a": _f32(0, 4, [2])}, b"\0" * 4, r"'a' .* F32 of shape \[2\] takes 8 bytes, its offsets 0 to 4 hold 4"),
        ({"a": _f32(0, 8, [2]), "b": _f32(4, 8, [1])}, b"\0" * 8, r"'b' .* overlaps tensor 'a'"),
        ({"a": _f32(0, 4, [1]), "b": _f32(8, 12, [1])}, b"\0" * 12, r"'b' .* hole of 4 bytes after tensor 'a'"),
        ({"a": _f32(4, 8, [1])}, b"\0" * 8, r"'a' .* hole of 4 bytes after the header"),
        ({"a": _f32(8, 0, [1])}, b"\0" * 8, r"'a' .* takes 4 bytes, its offsets 8 to 0 hold -8"),
        ({"a": _f32(0, 4, [1])}, b"\0" * 9, r"has \d+ bytes, its header accounts for \d+ only"),
        ({"a": _f32(0, 4, [-1])}, b"\0" * 4, "impossible header entry"),
        ({"a": _f32(0, 4, [True])}, b"\0" * 4, "impossible header entry"),
        ({"a": {**_f32(0, 4, [1]), "data_offsets": [0, 4, 8]}}, b"\0" * 4, "impossible header entry"),
        ({"a": {"dtype": "F32"}}, b"", "impossible header entry"),
        ({"a": 7}, b"", "impossible header entry"),
        ({"a": {**_f32(0, 4, [1]), "dtype": "F31"}}, b"\0" * 4, "unknown type 'F31'"),
        ({"a": _f32(0, 4, [1 << 62, 1 << 62])}, b"\0" * 4, "takes 85070591730234615865843651857942052864 bytes"),
        ("[1]", b"", "not a JSON object"),
        ("{", b"", "is not JSON"),
        ("[" * 100_000, b"", "is not JSON"),
        ('{"a": 1, "a": 2}', b"", "the name 'a' twice"),
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
        with pytest.raises(ModelInvalid, match=f"cut off: expected {expected} bytes, seen {cut}"):
            open_weights(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has 0 bytes"),
        (b"\0" * 7, "has 7 bytes"),
        (b"version https://git-lfs.github.com/spec/v1", "declares a header of"),
        (struct.pack("<Q", MAX_HEADER_BYTES + 1), "declares a header of 100000001 bytes"),
    ],
)
def test_other_files_under_that_name_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """Empty files, Git LFS pointers and the like are no safetensors."""
    (tmp_path / SINGLE_FILE).write_bytes(content)
    with pytest.raises(ModelInvalid, match=says):
        open_weights(tmp_path)


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
        with open_weights(folder) as weights:
            assert all(weights.array(name).shape == weights.shape(name) for name in weights.names())
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
    with open_weights(_shards(tmp_path)) as weights:
        assert {"a", "b", "c"} == weights.names()
        assert (weights.array("b").tolist(), weights.array("c").tolist()) == ([1.0] * 3, [2.0] * 4)
        assert (weights.total_bytes, weights.main_dtype) == (28, "F32")


def test_missing_shards_are_named(tmp_path: Path) -> None:
    """A shard that was not downloaded is named, and machine-readable."""
    (_shards(tmp_path) / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelIncomplete, match="names 2 files, of which 1 are missing: model-00002") as caught:
        open_weights(tmp_path)
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
        (_points_outside, r"'\.\./elsewhere/model\.safetensors', which is no file beside it"),
        (_says_more_than_the_shard_has, "'z' is in model-00001-of-00002.safetensors, and it is not"),
        (_one_name_twice, "'a' is in two files"),
        (lambda f: write_json(f / INDEX_FILE, {"weight_map": []}), "not a map"),
        (lambda f: write_json(f / INDEX_FILE, []), "not JSON with a `weight_map`"),
        (lambda f: (f / INDEX_FILE).write_bytes(b"\xff"), "not JSON with a `weight_map`"),
    ],
)
def test_an_index_that_contradicts_its_shards_is_refused(
    tmp_path: Path, harm: Callable[[Path], object], says: str
) -> None:
    """The index is checked against the files, and may not lead out of the folder."""
    harm(_shards(tmp_path))
    with pytest.raises(ModelInvalid, match=says):
        open_weights(tmp_path)


def test_an_empty_folder_lacks_its_weights(tmp_path: Path) -> None:
    """Without any weights the usual file is named as missing."""
    with pytest.raises(ModelIncomplete) as caught:
        open_weights(tmp_path)
    assert caught.value.missing == (SINGLE_FILE,)


def test_pickle_is_refused_unopened(tmp_path: Path) -> None:
    """A folder with pickled weights only is refused for that reason, though the file is not even readable."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"not even a pickle")
    with pytest.raises(UnsafeWeights, match=r"only as pickle \(pytorch_model\.bin\)"):
        open_weights(tmp_path)


def test_safetensors_beside_pickle_are_served(tmp_path: Path) -> None:
    """A pickle that lies beside safetensors is ignored."""
    write_tiny_bert(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with open_weights(tmp_path) as weights:
        assert "qa_outputs.weight" in weights
