"""Recognize weights in unsupported formats by file name, and say how to convert them to safetensors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Foreign:
    """Files of one format."""

    names: str
    """The first few names, for a message."""
    format: str
    way_out: str


def _convert(flag: str, framework: str) -> str:
    return (
        f"Convert it inside that folder, with transformers 4 and {framework} installed: "
        'python -c "import json, transformers as t; '
        "M = getattr(t, json.load(open('config.json'))['architectures'][0]); "
        f"M.from_pretrained('.', {flag}=True).save_pretrained('.')\"."
    )


_ELSEWHERE = "Use model.safetensors from the model's own repository."

_FORMATS: Mapping[tuple[str, ...], tuple[str, str]] = {
    (".h5", "saved_model.pb"): ("TensorFlow's format", _convert("from_tf", "TensorFlow")),
    (".msgpack",): ("Flax's format", _convert("from_flax", "Flax")),
    (".ckpt.index", ".ckpt.meta"): ("a TensorFlow 1 checkpoint", _convert("from_tf", "TensorFlow")),
    (".onnx",): ("ONNX", _ELSEWHERE),
    (".gguf",): ("GGUF", _ELSEWHERE),
    (".ot",): ("rust-bert's format", _ELSEWHERE),
    (".tflite", ".mlmodel", ".mlpackage"): ("a mobile format", _ELSEWHERE),
    ("openvino_model.xml",): (
        "an OpenVINO graph that `moor build` did not make, without mooring.json",
        f"{_ELSEWHERE} `moor build` converts it to OpenVINO and checks its accuracy.",
    ),
}
"""File name suffix → (format, what to do). The first match wins."""


def foreign_weights(names: Iterable[str]) -> Foreign | None:
    """The foreign format among a folder's files, if any."""
    here = sorted(names)
    for endings, (kind, way_out) in _FORMATS.items():
        if found := [name for name in here if name.endswith(endings)]:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            return Foreign(", ".join(found[:SHOWN]) + more, kind, way_out)
    return None
