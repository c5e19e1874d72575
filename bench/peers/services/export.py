# mypy: ignore-errors
"""Writes a model folder's ONNX forms: model.onnx (fp32) and model-int8.onnx (ONNX Runtime's dynamic int8).

ONNX Runtime fuses both when it loads them; its offline optimiser was tried first and made both slower here.

    python export.py MODEL TARGET        # in the stock environment
"""

import shutil
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

OUTPUTS = ["start_logits", "end_logits"]


class Logits(torch.nn.Module):
    """Arguments by place, a pair out: what the exporter can trace."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *given):
        out = self.model(**dict(zip(self.names, given, strict=True)))
        return out.start_logits, out.end_logits


def main(source, target):
    model = AutoModelForQuestionAnswering.from_pretrained(
        source, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    sample = AutoTokenizer.from_pretrained(source)(["who?"], ["It is me."], return_tensors="pt")
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if model.config.model_type != "distilbert" else [])
    axes = {name: {0: "batch", 1: "tokens"} for name in [*names, *OUTPUTS]}
    torch.onnx.export(
        Logits(model, names),
        tuple(sample[name] for name in names),
        target / "model.onnx",
        input_names=names,
        output_names=OUTPUTS,
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(target / "model.onnx", target / "model-int8.onnx", weight_type=QuantType.QInt8, per_channel=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
