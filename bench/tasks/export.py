"""Export a model folder to ONNX, in float32 and with dynamic int8 weights, for the comparison in `__main__.py`.

    python export.py FOLDER embed|classify

Needs torch, transformers, onnx and onnxruntime. Writes FOLDER/onnx/model.onnx and model_qint8.onnx.
"""

import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer


def main() -> None:
    """Export and quantize."""
    folder, task = Path(sys.argv[1]), sys.argv[2]
    kind = AutoModel if task == "embed" else AutoModelForSequenceClassification
    model = kind.from_pretrained(folder, attn_implementation="eager").eval()
    batch = AutoTokenizer.from_pretrained(folder)(["a text", "another text"], return_tensors="pt", padding=True)
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch]
    axes = {name: {0: "batch", 1: "length"} for name in names}
    (folder / "onnx").mkdir(exist_ok=True)
    target = folder / "onnx" / "model.onnx"
    inputs = tuple(batch[name] for name in names)
    by_name = model.forward
    # The exporter passes inputs by place.
    model.forward = lambda *values: by_name(**dict(zip(names, values, strict=True)))[0]
    torch.onnx.export(
        model, inputs, target, input_names=names, output_names=["output"], dynamic_axes=axes, dynamo=False
    )
    quantize_dynamic(target, target.with_name("model_qint8.onnx"), weight_type=QuantType.QInt8)


if __name__ == "__main__":
    main()
