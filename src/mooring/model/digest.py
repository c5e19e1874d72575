"""A model folder in, one sha256 over all that determines its answers out. Called by `manifest.py` and for `/info`."""

import hashlib
from pathlib import Path

_NAMES = frozenset({"config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"})
_SUFFIXES = (".safetensors", ".safetensors.index.json", ".xml", ".bin")


def folder_digest(folder: Path) -> str:
    """ "sha256:…" over names and contents of weights, config and tokenizer; not over mooring.json, cards or licences.

    Reads every byte: about 1 s a gigabyte. Equal folders have equal digests whatever their path, order or dates.
    """
    total = hashlib.sha256()
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.is_file() and (path.name in _NAMES or path.name.endswith(_SUFFIXES)):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{path.name}\0{content}\n".encode())
    return f"sha256:{total.hexdigest()}"
