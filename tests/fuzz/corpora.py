"""The corpus of each harness, made by code, which is smaller than files. What fuzzing finds is added there."""

from collections.abc import Callable, Iterator, Mapping

from tests.fuzz.archive_corpus import archives
from tests.fuzz.model_corpora import configs, headers, manifests, modules
from tests.fuzz.request_corpus import requests
from tests.fuzz.tokenizer_corpus import tokenizers

CORPORA: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "request": requests,
    "archive": archives,
    "safetensors": headers,
    "config": configs,
    "manifest": manifests,
    "tokenizer": tokenizers,
    "modules": modules,
}
