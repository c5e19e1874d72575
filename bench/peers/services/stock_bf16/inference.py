# mypy: ignore-errors
# ruff: noqa: ARG001 - names are the product's
"""A user's five lines for the stock stack: the same pipeline in bf16."""

import torch
from transformers import pipeline


def model_fn(model_dir, context=None):
    return pipeline("question-answering", model=model_dir, tokenizer=model_dir, dtype=torch.bfloat16, device="cpu")
