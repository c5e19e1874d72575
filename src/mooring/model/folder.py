"""The files of one model folder, each read once.

Everything that decides an answer is read through here: what was checked is what is served, even if a file is replaced
meanwhile. Weights, which are too large to keep, have a reader of their own (`weights.py`).
"""

import hashlib
import io
import json
import os
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
TOKENIZER_FILES = (TOKENIZER_FILE, TOKENIZER_CONFIG_FILE, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE, VOCAB_FILE)
"""Every file that may decide on token ids."""
MANIFEST_FILE = "mooring.json"
"""What `moor build` writes beside them."""
GRAPH_FILES = ("openvino_model.xml", "openvino_model.bin")
"""The graph and the weights of an artefact."""

MAX_BYTES = 256 << 20
"""Largest file read as a whole; the tokenizer.json of a vocabulary of 250,000 pieces has 17 MB."""

LFS_POINTER = b"version https://git-lfs"
"""How a file begins that stands for another one, which was not fetched."""
LFS_HINT = "Fetch the files with `git lfs pull`, or download the model again."


class ModelFolder:
    """Reads files on demand and keeps them. Not thread-safe: a model is opened by one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._contents: dict[str, bytes] = {}
        self._objects: dict[str, dict[str, Any]] = {}

    @classmethod
    def of(cls, folder: "ModelFolder | Path") -> "ModelFolder":
        """The folder itself, or one made for a path."""
        return folder if isinstance(folder, ModelFolder) else cls(folder)

    def __str__(self) -> str:
        return echo(str(self.path))

    def has(self, name: str) -> bool:
        """Whether there is something of that name, also if it cannot be read: `read` says so then."""
        return name in self._contents or os.path.lexists(self.path / name)

    def read(self, name: str) -> bytes:
        """Content of a file. Raises ModelIncomplete without one; ModelInvalid for an LFS pointer, one too large, or
        something that cannot be read.
        """
        if name not in self._contents:
            self._contents[name] = self._read(name)
        return self._contents[name]

    def _read(self, name: str) -> bytes:
        path = self.path / name
        try:
            with naming(path), io.BufferedReader(open_file(path)) as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not os.path.lexists(path):
                raise ModelIncomplete(f"There is no {name} in {self}.", missing=(name,)) from error
            raise unreadable(self.path, error) from error
        if len(content) > MAX_BYTES:
            raise ModelInvalid(f"{name} in {self} has more than {MAX_BYTES} bytes; no model needs that.")
        if content.startswith(LFS_POINTER):
            raise ModelInvalid(
                f"{name} in {self} is a Git LFS pointer, not the file itself.",
                hint=LFS_HINT,
            )
        return content

    def json(self, name: str) -> dict[str, Any]:
        """The JSON object in a file, in UTF-8 (with or without a byte order mark), UTF-16 or UTF-32.

        Shared by all who ask: not to be changed. Raises ModelIncomplete without the file, ModelInvalid if it holds
        anything else.
        """
        if name not in self._objects:
            try:
                value = json.loads(self.read(name))
            except (ValueError, RecursionError) as error:
                raise ModelInvalid(f"{name} in {self} is not JSON: {error}.") from error
            if not isinstance(value, dict):
                raise ModelInvalid(f"{name} in {self} holds {echo(value)}, not a JSON object.")
            self._objects[name] = value
        return self._objects[name]

    def json_or_empty(self, name: str) -> dict[str, Any]:
        """As `json`; empty without the file."""
        return self.json(name) if self.has(name) else {}

    def sha256(self, name: str) -> str:
        """Hex digest of a file's content."""
        return hashlib.sha256(self.read(name)).hexdigest()


def unreadable(folder: Path, error: OSError) -> ModelInvalid:
    """The error for a file of the folder that is there and cannot be read. `error` names it."""
    path = Path(error.filename or folder)
    name = path.name if path.parent == folder else str(path)
    where = f"{name} in {echo(str(folder))}"
    if isinstance(error, PermissionError):
        hint = "Whoever runs this has to be allowed to read every file of it: chmod -R a+rX FOLDER."
        return ModelInvalid(f"{where} may not be read by this user.", hint=hint)
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        hint = "Download the model again, or copy the files that its links point to along with them."
        return ModelInvalid(f"{where} is a link to {echo(str(path.readlink()))}, which is not there.", hint=hint)
    hint = "Download the model again, or put the file in its place."
    return ModelInvalid(f"{where} cannot be read: {error.strerror or error}.", hint=hint)
