"""Tell from the names of a model's files whether a tokenizer is among them, and what to do if not.

`tokenization/load.py` builds it; here it is only clear that some class can be built from the files.
"""

from collections.abc import Iterable

from mooring.model.folder import BPE_FILES, TOKENIZER_FILE, VOCAB_FILE

WANTED = f"{TOKENIZER_FILE} (or {VOCAB_FILE}, or {' and '.join(BPE_FILES)})"
"""How a missing tokenizer is listed among missing files."""

CONVERT = (
    "with transformers, sentencepiece and protobuf installed: "
    "python -c \"from transformers import AutoTokenizer; AutoTokenizer.from_pretrained('.').save_pretrained('.')\""
)
"""A command that writes tokenizer.json, to be run inside the model folder."""

_SENTENCEPIECE = (
    "sentencepiece.bpe.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.model",
    "tokenizer.model",
)


def has_tokenizer(names: Iterable[str]) -> bool:
    """Whether these files are enough for a tokenizer."""
    here = frozenset(names)
    return TOKENIZER_FILE in here or VOCAB_FILE in here or here.issuperset(BPE_FILES)


def sentencepiece_in(names: Iterable[str]) -> str | None:
    """The SentencePiece model among these files, in case it is the only tokenizer."""
    here = frozenset(names)
    return None if has_tokenizer(here) else next((name for name in _SENTENCEPIECE if name in here), None)


def only_sentencepiece(what: str, name: str) -> str:
    """The message for a model, e.g. "The model folder 'it'", with `name` as its only tokenizer."""
    return f"{what} has a SentencePiece tokenizer ({name}) but no {TOKENIZER_FILE}, which Mooring needs."
