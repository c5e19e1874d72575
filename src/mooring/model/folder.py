"""Read the files of one model folder, each once.

Everything that affects an answer is read through here, so what was checked is what is served, even if a file is
replaced meanwhile. Weights are too large to keep and have their own reader (`weights.py`).
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mooring.errors import ModelIncomplete, ModelInvalid, echo
from mooring.families.base import CONFIG_FILE as CONFIG_FILE
from mooring.model.reading import naming, open_file

TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"
VOCAB_FILE = "vocab.txt"
BPE_FILES = ("vocab.json", "merges.txt")
TOKENIZER_FILES = (
    TOKENIZER_FILE,
    TOKENIZER_CONFIG_FILE,
    SPECIAL_TOKENS_FILE,
    ADDED_TOKENS_FILE,
    VOCAB_FILE,
    *BPE_FILES,
)
"""Every file that can affect token ids."""
MODULES_FILE = "modules.json"
"""The list of modules that sentence-transformers writes."""
MANIFEST_FILE = "mooring.json"
"""The manifest that `moor build` writes."""
GRAPH_FILES = ("openvino_model.xml", "openvino_model.bin")
"""The graph and the weights that `moor build` writes."""

MAX_BYTES = 256 << 20
"""Largest file read as a whole: the graph's XML."""
MAX_TOKENIZER_BYTES = 64 << 20
"""Largest tokenizer.json; that of a vocabulary of 250,000 pieces takes 17 MB."""
MAX_TEXT_BYTES = 16 << 20
"""Largest of all other files that are read as JSON or text: Python takes up to 30 times as much memory for them."""
MAX_CONTAINERS = 200_000
"""Most objects and lists in one JSON file, counted as opening brackets, except in tokenizer.json."""

MOST_MODULES_BYTES = 1 << 20
"""Largest modules.json in which the transformer's subfolder is looked up."""

LFS_POINTER = b"version https://git-lfs"
"""Start of a Git LFS pointer: a placeholder for a file that was not fetched."""
LFS_HINT = "Fetch the files with `git lfs pull`, or download the model again."


class ModelFolder:
    """Reads files on demand and keeps them. Not thread-safe: a model is opened by one thread."""

    def __init__(self, path: Path, *, look_inside: bool = True) -> None:
        """`look_inside`: if sentence-transformers put the transformer into a subfolder, `self.path` is that one."""
        inner = _transformer_folder(path) if look_inside else None
        self.path = path if inner is None else inner
        """Holds config.json, weights and tokenizer."""
        self.outer: ModelFolder = self if inner is None else ModelFolder(path, look_inside=False)
        """The folder as given; holds modules.json."""
        self._contents: dict[str, bytes] = {}
        self._objects: dict[str, dict[str, Any]] = {}

    @classmethod
    def of(cls, folder: "ModelFolder | Path") -> "ModelFolder":
        """The folder itself, or a new one for a path."""
        return folder if isinstance(folder, ModelFolder) else cls(folder)

    def __str__(self) -> str:
        return echo(str(self.path))

    def has(self, name: str) -> bool:
        """Whether something has that name, even if unreadable: `read` reports that."""
        return name in self._contents or os.path.lexists(self.path / name)

    def names(self) -> frozenset[str]:
        """Names of the files in the folder itself."""
        return (
            frozenset(path.name for path in self.path.iterdir() if path.is_file())
            if self.path.is_dir()
            else frozenset()
        )

    def read(self, name: str) -> bytes:
        """The content of a file. Raises ModelIncomplete if it does not exist; ModelInvalid for an LFS pointer, a file
        that is too large, or one that cannot be read.
        """
        if name not in self._contents:
            self._contents[name] = self._read(name)
        return self._contents[name]

    def _read(self, name: str) -> bytes:
        path, most = self.path / name, most_bytes(name)
        try:
            with naming(path), io.BufferedReader(open_file(path)) as file:
                content = file.read(most + 1)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not os.path.lexists(path):
                raise ModelIncomplete(f"{name} not found in {self}.", missing=(name,)) from error
            raise unreadable(self.path, error) from error
        if len(content) > most:
            raise ModelInvalid(f"{name} in {self} has more than {most} bytes, which is the limit.")
        if content.startswith(LFS_POINTER):
            raise ModelInvalid(
                f"{name} in {self} is a Git LFS pointer, not the file itself.",
                hint=LFS_HINT,
            )
        return content

    def json(self, name: str) -> dict[str, Any]:
        """The JSON object in a file, in UTF-8 (with or without a byte order mark), UTF-16 or UTF-32.

        Shared between callers: do not change it. Raises ModelIncomplete without the file, ModelInvalid for anything
        else in it.
        """
        if name not in self._objects:
            try:
                value = read_json(self.read(name))
            except (ValueError, RecursionError) as error:
                raise ModelInvalid(f"{name} in {self} is not JSON: {error}.") from error
            if not isinstance(value, dict):
                raise ModelInvalid(f"{name} in {self} contains {echo(value)}, not a JSON object.")
            self._objects[name] = value
        return self._objects[name]

    def json_or_empty(self, name: str) -> dict[str, Any]:
        """Like `json`, but empty without the file."""
        return self.json(name) if self.has(name) else {}

    def sha256(self, name: str) -> str:
        """Hex digest of a file's content."""
        return hashlib.sha256(self.read(name)).hexdigest()


def most_bytes(name: str) -> int:
    """The largest file of that name that is read."""
    if name == TOKENIZER_FILE:
        return MAX_TOKENIZER_BYTES
    return MAX_TEXT_BYTES if name.endswith((".json", ".txt")) else MAX_BYTES


def read_json(content: bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Decode JSON of at most `MAX_CONTAINERS` objects and lists: each takes 60 bytes of memory for 2 of the file.

    `pairs` makes objects, as in `json.loads`. Raises ValueError or RecursionError.
    """
    found = content.count(b"[") + content.count(b"{")
    if found > MAX_CONTAINERS:
        raise ValueError(f"it has {found} opening brackets; the limit is {MAX_CONTAINERS}")
    return json.loads(content, object_pairs_hook=pairs)


def _transformer_folder(path: Path) -> Path | None:
    """The subfolder that modules.json names as the transformer's, if it is not the folder itself."""
    if (path / CONFIG_FILE).exists():
        return None
    with contextlib.suppress(OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError, IndexError):
        with io.BufferedReader(open_file(path / MODULES_FILE)) as file:
            name = read_json(file.read(MOST_MODULES_BYTES))[0]["path"]
        inner = path / str(name)
        if name and Path(name).name == name and (inner / CONFIG_FILE).is_file():
            return inner
    return None


def unreadable(folder: Path, error: OSError) -> ModelInvalid:
    """The error for an existing file that cannot be read. `error` names it."""
    path = Path(error.filename or folder)
    name = path.name if path.parent == folder else str(path)
    where = f"{name} in {echo(str(folder))}"
    if isinstance(error, PermissionError):
        hint = "Make the folder and its files readable: chmod -R a+rX FOLDER."
        return ModelInvalid(f"{where}: permission denied for this user.", hint=hint)
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        hint = "Download the model again, or copy it together with the files that its links point to."
        return ModelInvalid(f"{where} is a link to {echo(str(path.readlink()))}, which does not exist.", hint=hint)
    hint = "Download the model again, or restore the file."
    return ModelInvalid(f"Cannot read {where}: {error.strerror or error}.", hint=hint)
