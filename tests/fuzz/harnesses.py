"""What is fuzzed: parsers of untrusted bytes, each with the errors that it may raise and the code that it covers.

An input of several parts has `SEPARATOR` between them.
"""

import atexit
import gzip
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from pathlib import Path

from mooring.errors import ModelError, RequestError
from mooring.model.archive import Limits, unpack
from mooring.model.config import read_facts
from mooring.model.folder import ModelFolder
from mooring.model.manifest import read_built
from mooring.model.safetensors_file import open_tensors
from mooring.model.sentence_transformers import read_sentence
from mooring.tasks.base import ModelParts, Task
from mooring.tasks.offer import open_offer
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer
from mooring.web.decode import decode
from mooring.web.form import form_of
from mooring.web.media import KINDS
from tests.support.every_task import MODELS
from tests.support.tiny_models import write_tiny_bert

SEPARATOR = b"\0--\0"
TASKS = tuple(MODELS)
ALL: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Harness:
    """One parser."""

    read: Callable[[bytes], object]
    """Raises one of `refusals` for an input that it refuses; anything else is a finding."""
    refusals: tuple[type[Exception], ...]
    covers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """File below src/mooring → functions that make up the parser, or `ALL`."""

    def accepts(self, data: bytes) -> bool:
        """Read an input."""
        try:
            self.read(data)
        except self.refusals:
            return False
        return True


@cache
def _place() -> Path:
    """A folder in memory if there is one: files are written for each input."""
    memory = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(prefix="mooring-fuzz-", dir=memory if os.access(memory, os.W_OK) else None))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


@cache
def _sound() -> Path:
    """A small model with all its files."""
    return write_tiny_bert(_place() / "sound")


def sound_file(name: str) -> bytes:
    """A file of the small model."""
    return (_sound() / name).read_bytes()


def _with(data: bytes, *names: str) -> Path:
    """The small model with the input's parts as these files; an empty part is no file."""
    folder = _place() / f"model of {names[0]}"
    if not folder.is_dir():
        shutil.copytree(_sound(), folder)
    for name, part in zip_longest(names, data.split(SEPARATOR)[: len(names)], fillvalue=b""):
        path = folder / str(name)
        if part:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(part)
        else:
            path.unlink(missing_ok=True)
    return folder


@cache
def _task(number: int) -> tuple[str, Task]:
    name = TASKS[number % len(TASKS)]
    folder = ModelFolder(MODELS[name](_place() / f"task-{number}"))
    manifest = read_manifest(folder, source="it", task=name)
    return name, open_offer(ModelParts(folder, manifest, load_tokenizer(folder)))


def read_request(data: bytes) -> None:
    """Two bytes choose the task and the type of the body; the rest is the body."""
    if len(data) < 2:
        return
    name, task = _task(data[0] % len(TASKS))
    decoded = decode(KINDS[data[1] % len(KINDS)], data[2:], form_of((name,)))
    request = task.parse(decoded.body)
    task.estimate(request)
    task.key(request)


def read_archive(data: bytes) -> None:
    """A .tar.gz; without gzip's magic number, the tar alone, which is faster to mutate."""
    archive, target = _place() / "model.tar.gz", _place() / "unpacked"
    archive.write_bytes(data if data.startswith(b"\x1f\x8b") else gzip.compress(data, 0))
    try:
        unpack(archive, target, Limits(1 << 20, 100))
    finally:
        shutil.rmtree(target, ignore_errors=True)
    assert not list(_place().glob(".unpacked*")), "something half-unpacked was left behind"


def read_header(data: bytes) -> None:
    """A safetensors file."""
    path = _place() / "it.safetensors"
    path.write_bytes(data)
    open_tensors(path).file.close()


def read_config(data: bytes) -> None:
    """config.json and tokenizer_config.json."""
    read_facts(ModelFolder(_with(data, "config.json", "tokenizer_config.json")))


def read_mooring(data: bytes) -> None:
    """mooring.json and config.json."""
    read_built(ModelFolder(_with(data, "mooring.json", "config.json")))


TOKENIZER_PARTS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def read_tokenizer(data: bytes) -> None:
    """The files of a tokenizer, which is then used."""
    tokenizer = load_tokenizer(ModelFolder(_with(data, *TOKENIZER_PARTS)), embeddings=1000)
    try:
        tokenizer.encode("Ada wrote it, \u00e9 \u5317!")
    except RequestError:  # a vocabulary without an unknown token
        return


MODULE_PARTS = (
    "modules.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
)


def read_modules(data: bytes) -> None:
    """The files of sentence-transformers."""
    folder = _with(data, *MODULE_PARTS)
    (folder / "2_Dense").mkdir(exist_ok=True)
    (folder / "2_Dense" / "model.safetensors").touch()
    read_sentence(ModelFolder(folder), 32)


HARNESSES: Mapping[str, Harness] = {
    "request": Harness(
        read_request,
        (RequestError,),
        {
            "web/decode.py": ALL,
            "web/records.py": ALL,
            "web/text.py": ALL,
            "tasks/body.py": ALL,
            "tasks/qa_request.py": ALL,
            "tasks/single_texts.py": ALL,
            "tasks/targets.py": ("read_targets",),
            "tasks/text_classification.py": ("TextClassification.parse", "_text", "_parameters", "_function"),
        },
    ),
    "archive": Harness(
        read_archive,
        (ModelError,),
        {"model/archive.py": ("unpack", "_extract", "_Placed.*", "_write", "_parts"), "model/tar.py": ALL},
    ),
    "safetensors": Harness(read_header, (ModelError,), {"model/safetensors_file.py": ALL}),
    "config": Harness(
        read_config,
        (ModelError,),
        {"model/config.py": ALL, "families/base.py": ("Family.sizes", "whole", "check_positions")},
    ),
    "manifest": Harness(read_mooring, (ModelError,), {"model/manifest.py": ("read_built", "_check_sizes")}),
    "tokenizer": Harness(
        read_tokenizer,
        (ModelError,),
        {
            "tokenization/bounds.py": ALL,
            "tokenization/patterns.py": ALL,
            "tokenization/special.py": ALL,
            "tokenization/config.py": ALL,
        },
    ),
    "modules": Harness(read_modules, (ModelError,), {"model/sentence_transformers.py": ALL}),
}
