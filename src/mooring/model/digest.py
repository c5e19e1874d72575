"""One sha256 over everything in a model folder that determines its answers.

Equal folders have equal digests whatever their path, order or dates. mooring.json, model cards, licenses and files
that serving does not read are left out.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

from mooring.model.folder import CONFIG_FILE, GRAPH_FILES, MANIFEST_FILE, TOKENIZER_FILES, ModelFolder
from mooring.model.reading import open_file
from mooring.model.sentence_transformers import dense_weights, sentence_files
from mooring.model.weights import INDEX_FILE, weight_files


def digest_of(folder: ModelFolder, weights: Mapping[str, str]) -> str:
    """ "sha256:…" of the folder, given the hashes of its weight files by name: hex sha256 of each file's content."""
    small = (CONFIG_FILE, INDEX_FILE, *TOKENIZER_FILES)
    read = {name: folder.sha256(name) for name in small if folder.has(name) and name not in weights}
    built = any(name in weights for name in GRAPH_FILES)
    total = hashlib.sha256()
    for name, content in sorted((read | dict(weights) | _sentence_hashes(folder, built=built)).items()):
        total.update(f"{name}\0{content}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _sentence_hashes(folder: ModelFolder, *, built: bool) -> dict[str, str]:
    """The hashes of what sentence-transformers stores beside the model. A built graph contains the dense layers."""
    names = sentence_files(folder)
    weights = [] if built else [name for name in dense_weights(folder) if folder.outer.has(name)]
    return {name: folder.outer.sha256(name) for name in (*names, *weights)}


def folder_digest(folder: ModelFolder | Path, *, built: bool | None = None) -> str:
    """The digest of a folder that is not being opened. Reads every byte: about 1 s per gigabyte.

    `built`: whether a graph of `moor build` is served from it; None: whether there is one.
    """
    folder = ModelFolder.of(folder)
    if built is None:
        built = all(folder.has(name) for name in (MANIFEST_FILE, *GRAPH_FILES))
    paths = [folder.path / name for name in GRAPH_FILES] if built else list(weight_files(folder))
    return digest_of(folder, {path.name: _hash(path) for path in paths})


def _hash(path: Path) -> str:
    with io.BufferedReader(open_file(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
