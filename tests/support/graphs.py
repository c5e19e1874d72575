"""Graphs of model folders, made as the server makes them."""

from pathlib import Path
from typing import Any

from mooring.graph.source import Checkpoint, Given
from mooring.model.folder import ModelFolder
from mooring.model.sentence_transformers import SentenceRecord


def graph_of(folder: Path, head: str = "span", sentence: SentenceRecord | None = None) -> Any:
    """The exact graph of a folder of safetensors."""
    source = Checkpoint(ModelFolder(folder), head, sentence)
    try:
        return source.model()
    finally:
        source.close()


def given(graph: Any) -> Given:
    """A graph that is there already, for a backend."""
    return Given(lambda: graph)
