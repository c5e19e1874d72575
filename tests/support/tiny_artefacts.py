"""Writes a small random artefact: an OpenVINO graph with the manifest that `moor build` would write beside it."""

from pathlib import Path
from typing import Any

import msgspec

from mooring.graph.runtime import import_openvino
from mooring.model.folder import GRAPH_FILES, ModelFolder
from mooring.model.manifest import write_manifest
from mooring.tasks.recognise import read_manifest
from tests.support.graphs import graph_of
from tests.support.tiny_models import write_tiny_bert


def write_tiny_artefact(folder: Path, seed: int = 0, **overrides: Any) -> Path:
    """In fp32, of `write_tiny_bert(folder, seed)`. `overrides` go into the manifest."""
    write_tiny_bert(folder, seed)
    manifest = read_manifest(ModelFolder(folder), source="org/tiny")
    import_openvino().save_model(graph_of(folder), str(folder / GRAPH_FILES[0]), compress_to_fp16=False)
    (folder / "model.safetensors").unlink()
    write_manifest(folder, msgspec.structs.replace(manifest, **{"format": "openvino", **overrides}))
    return folder
