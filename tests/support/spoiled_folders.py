"""What can be done to a sound model folder, each as a function of the folder: for the tests of broken ones."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

CONFIG, TOKENIZER, TOKENIZER_CONFIG, VOCAB = "config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"
WEIGHTS, INDEX, MANIFEST = "model.safetensors", "model.safetensors.index.json", "mooring.json"
GRAPH, CONSTANTS = "openvino_model.xml", "openvino_model.bin"

Spoil = Callable[[Path], object]


def changed(file: str, **changes: Any) -> Spoil:
    """Keys of a JSON file."""

    def spoil(folder: Path) -> None:
        path = folder / file
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))

    return spoil


def filled(file: str, content: bytes) -> Spoil:
    """A file with other content."""
    return lambda folder: (folder / file).write_bytes(content)


def replaced(file: str, by: Callable[[Path], object]) -> Spoil:
    """Something else in a file's place, which `by` makes."""

    def spoil(folder: Path) -> None:
        (folder / file).unlink()
        by(folder / file)

    return spoil


KINDS: dict[str, Spoil] = {
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "a link to itself": lambda path: path.symlink_to(path),
    "a pipe": os.mkfifo,
    "a file that fails": lambda path: path.symlink_to("/proc/self/mem"),
}
"""What is no file that can be read."""


def with_bias(value: float) -> Spoil:
    """The head's bias, all of this value."""

    def spoil(folder: Path) -> None:
        arrays = load_file(folder / WEIGHTS)
        arrays["qa_outputs.bias"][:] = value
        save_file(arrays, folder / WEIGHTS, {"format": "pt"})

    return spoil


def with_header(**entry: Any) -> Spoil:
    """One tensor in a file of its own, whose header says this of it."""
    text = json.dumps({"qa_outputs.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **entry}}).encode()
    return filled(WEIGHTS, struct.pack("<Q", len(text)) + text + b"\0\0\0\0")


def without(*names: str) -> Spoil:
    """Weights without these tensors."""

    def spoil(folder: Path) -> None:
        arrays = load_file(folder / WEIGHTS)
        save_file({name: array for name, array in arrays.items() if name not in names}, folder / WEIGHTS)

    return spoil


def stored_as(dtype: str) -> Spoil:
    """Weights of another type."""

    def spoil(folder: Path) -> None:
        arrays = load_file(folder / WEIGHTS)
        save_file({name: np.ascontiguousarray(array.astype(dtype)) for name, array in arrays.items()}, folder / WEIGHTS)

    return spoil


def sharded(index: object) -> Spoil:
    """No weights but an index."""

    def spoil(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / INDEX).write_text(json.dumps(index))

    return spoil


def with_vocabulary(content: bytes) -> Spoil:
    """vocab.txt alone, with this content."""

    def spoil(folder: Path) -> None:
        (folder / TOKENIZER).unlink()
        (folder / VOCAB).write_bytes(content)

    return spoil


def unreadable(file: str) -> Spoil:
    """One file that only its owner might have read; the others anybody."""

    def spoil(folder: Path) -> None:
        for path in folder.iterdir():
            path.chmod(0o644)
        (folder / file).chmod(0)

    return spoil
