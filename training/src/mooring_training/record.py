"""How a model was made, in distil.json beside its weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mooring.model.folder import ModelFolder
from mooring.model.weights import weight_files
from mooring_training import __version__
from mooring_training.questions import digest_of

RECORD = "distil.json"
"""In every written folder."""


def write_record(folder: Path, content: Mapping[str, Any]) -> None:
    """Write it into a model folder."""
    text = json.dumps({"mooring_training": __version__, **content}, indent=2, ensure_ascii=False)
    (folder / RECORD).write_text(f"{text}\n", encoding="utf-8")


def origin_of(model: Path) -> dict[str, Any]:
    """Name and digests of a model that another is made from, and its own record if it has one."""
    origin: dict[str, Any] = {"name": model.resolve().name, "files": digest_of(weight_files(ModelFolder(model)))}
    record = model / RECORD
    if record.is_file():
        origin["record"] = json.loads(record.read_text(encoding="utf-8"))
    return origin
