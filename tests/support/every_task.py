"""A small model for each task, for tests that hold for all of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.golden_sentences import write
from tests.support.tiny_models import write_tiny_bert, write_tiny_roberta

NLI = {"0": "contradiction", "1": "neutral", "2": "entailment"}
NAMES = {"0": "O", "1": "B-PER", "2": "I-PER"}
ONE = {"0": "LABEL_0"}

MODELS: Mapping[str, Callable[[Path], Path]] = {
    "question-answering": write_tiny_bert,
    "text-classification": lambda folder: write_tiny_bert(folder, head="sequence"),
    "token-classification": lambda folder: write_tiny_bert(folder, head="token", id2label=NAMES),
    "fill-mask": lambda folder: write_tiny_roberta(folder, head="masked"),
    "text-ranking": lambda folder: write_tiny_bert(folder, head="sequence", id2label=ONE),
    "zero-shot-classification": lambda folder: write_tiny_bert(folder, head="sequence", id2label=NLI),
    "feature-extraction": lambda folder: write_tiny_bert(folder, head="hidden"),
    "sentence-embeddings": lambda folder: write("bert-mean", folder),
    "sentence-similarity": lambda folder: write("bert-mean", folder),
}
"""Task → writes the folder of a model that offers it. `--task` chooses it where it is not the folder's own."""
