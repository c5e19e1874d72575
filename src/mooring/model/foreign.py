"""Weights in formats that are not served, recognised by the names of their files, and the way to safetensors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Foreign:
    """Files of one format."""

    names: str
    """A few of them, as a list to read."""
    format: str
    way_out: str


def _convert(flag: str, framework: str) -> str:
    return (
        f"Convert it inside that folder, with transformers 4 and {framework} installed: "
        'python -c "from transformers import AutoModelForQuestionAnswering as M; '
        f"M.from_pretrained('.', {flag}=True).save_pretrained('.')\"."
    )


_ELSEWHERE = "Take model.safetensors from the model's own repository."

_FORMATS: Mapping[tuple[str, ...], tuple[str, str]] = {
    (".h5", "saved_model.pb"): ("TensorFlow's format", _convert("from_tf", "TensorFlow")),
    (".msgpack",): ("Flax's format", _convert("from_flax", "Flax")),
    (".ckpt.index", ".ckpt.meta"): ("a checkpoint of TensorFlow 1", _convert("from_tf", "TensorFlow")),
    (".onnx",): ("ONNX", _ELSEWHERE),
    (".gguf",): ("GGUF", _ELSEWHERE),
    (".ot",): ("rust-bert's format", _ELSEWHERE),
    (".tflite", ".mlmodel", ".mlpackage"): ("a format for phones", _ELSEWHERE),
    ("openvino_model.xml",): (
        "an OpenVINO graph that `moor build` did not make (there is no mooring.json)",
        f"{_ELSEWHERE} `moor build` makes an OpenVINO graph of it whose accuracy is known.",
    ),
}
"""End of a file's name → (what the format is, the way out). The first that fits counts."""


def foreign_weights(names: Iterable[str]) -> Foreign | None:
    """What a folder's files are, if there are weights of a foreign format among them."""
    here = sorted(names)
    for endings, (kind, way_out) in _FORMATS.items():
        if found := [name for name in here if name.endswith(endings)]:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            return Foreign(", ".join(found[:SHOWN]) + more, kind, way_out)
    return None
