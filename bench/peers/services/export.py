# mypy: ignore-errors
"""Export a model folder to ONNX: model.onnx (fp32) and model-int8.onnx (ONNX Runtime's dynamic int8).

python export.py MODEL TARGET        # in the stock environment
"""

import shutil
import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

source, target = map(Path, sys.argv[1:])
options = {"dtype": torch.float32, "attn_implementation": "eager", "return_dict": False}
model = AutoModelForQuestionAnswering.from_pretrained(source, **options).eval()
sample = dict(AutoTokenizer.from_pretrained(source)(["who?"], ["It is me."], return_tensors="pt"))
if model.config.model_type == "distilbert":
    sample.pop("token_type_ids", None)
outputs = ["start_logits", "end_logits"]
torch.onnx.export(
    model,
    (sample,),
    target / "model.onnx",
    input_names=list(sample),
    output_names=outputs,
    dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*sample, *outputs]},
    opset_version=17,
    dynamo=False,
)
quantize_dynamic(target / "model.onnx", target / "model-int8.onnx", weight_type=QuantType.QInt8, per_channel=True)
for name in ("config.json", "tokenizer_config.json", "vocab.txt", "tokenizer.json"):
    shutil.copyfile(source / name, target / name)
