"""Folders with one thing wrong each, opened as a server opens them: a ModelError that names the file and the value."""

import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mooring.model.digest import folder_digest
from tests.support.opened_apart import Outcome, opened_apart
from tests.support.spoiled_folders import (
    CONFIG,
    CONSTANTS,
    GRAPH,
    INDEX,
    KINDS,
    MANIFEST,
    TOKENIZER,
    TOKENIZER_CONFIG,
    VOCAB,
    WEIGHTS,
    Spoil,
    changed,
    filled,
    replaced,
    sharded,
    stored_as,
    unreadable,
    with_bias,
    with_header,
    with_vocabulary,
    without,
)
from tests.support.tiny_artefacts import write_tiny_artefact
from tests.support.tiny_models import write_tiny_bert, write_tiny_distilbert

pytestmark = pytest.mark.wire

NAN, INFINITY = float("nan"), float("inf")

Write = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """What is done to a sound folder, and which words the error has to have."""

    name: str
    spoil: Spoil
    says: tuple[str, ...]
    """Each of these; alternatives have a bar between them."""
    write: Write = write_tiny_bert
    stranger: bool = False
    """Opened by a user who owns none of the files."""


def _value(value: object) -> str:
    """As messages show values, as far as that is the same in all of them."""
    value = value[0] if isinstance(value, list) and value else value
    return repr(value)[:40] if isinstance(value, str) else str(value)[:12]


def of_config(key: str, *values: Any, write: Write = write_tiny_bert) -> list[Case]:
    """A key of config.json with each of these values."""
    return [
        Case(f"{key}={str(value)[:12]}", changed(CONFIG, **{key: value}), (CONFIG, _value(value)), write)
        for value in values
    ]


def of_key(file: str, key: str, *values: Any, write: Write = write_tiny_bert) -> list[Case]:
    """A key of another file. NaN is no JSON for mooring.json's reader, so that no key can be named."""
    return [
        Case(
            f"{file} {key}={str(value)[:12]}",
            changed(file, **{key: value}),
            (file,) if value is NAN and file == MANIFEST else (file, f"{key}|{_value(value)}"),
            write,
        )
        for value in values
    ]


def of_manifest(key: str, *values: Any) -> list[Case]:
    """A key of an artefact's mooring.json."""
    return of_key(MANIFEST, key, *values, write=write_tiny_artefact)


NO_SIZES: tuple[Any, ...] = (0, -5, 1.5, "x", None, [], {}, True, NAN, INFINITY, 10**9, 10**30)

VALUES = [
    *of_config("hidden_size", *NO_SIZES),
    *of_config("num_attention_heads", *NO_SIZES),
    *of_config("num_hidden_layers", *NO_SIZES),
    *of_config("intermediate_size", *NO_SIZES),
    *of_config("vocab_size", *NO_SIZES),
    *of_config("type_vocab_size", *NO_SIZES),
    *of_config("max_position_embeddings", *NO_SIZES),
    *of_config("layer_norm_eps", "x", -1.0, NAN, INFINITY, [], {}),
    Case("layer_norm_eps=10**400", changed(CONFIG, layer_norm_eps=10**400), (CONFIG, "layer_norm_eps", "1329 bits")),
    *of_config("hidden_act", "swish", 7, None, [], NAN),
    *of_config("position_embedding_type", "relative_key", 7, []),
    *of_config("model_type", "t5", 7, None, [], {}),
    *of_config("architectures", "x", None, [], [7], {}, ["BertForFun"]),
    *of_config("dim", 0, "x", NAN, 10**9, write=write_tiny_distilbert),
    *of_config("n_heads", 0, "x", NAN, 10**9, write=write_tiny_distilbert),
    *of_config("activation", "swish", 7, None, write=write_tiny_distilbert),
    *of_key(TOKENIZER_CONFIG, "model_max_length", 0, -5, 0.5, "x", [], {}, NAN, -INFINITY, True),
    *of_manifest("max_seq_len", 0, -5, "x", NAN, 10**9, 10**30),
    *of_manifest("max_positions", 0, -1, "x", NAN, 10**9, 10**30),
    *of_manifest("vocab_size", 0, -1, "x", NAN),
    *of_manifest("precision", "int3", 7, None),
    *of_manifest("format", "onnx", None),
    *of_manifest("schema", 99, "x"),
    *of_manifest("task", "juggling", 7),
    *of_manifest("family", "t5", None),
    *of_manifest("labels", [], {"0": 7}),
    *of_manifest("digest", 7),
]

TEXTS = [b"", b"{", b"[]", b"null", b"\xff{}", b"[" * 100_000, b"\x00" * 64]
"""What is no JSON object."""


def of_texts(file: str, *texts: bytes, write: Write = write_tiny_bert, claimed: bool = False) -> list[Case]:
    """A file with each of these contents; `claimed`: the manifest's digest is that of the broken files."""

    def spoil(folder: Path, text: bytes) -> None:
        (folder / file).write_bytes(text)
        if claimed:
            changed(MANIFEST, digest=folder_digest(folder, built=True))(folder)

    return [
        Case(f"{file} of {len(text)} bytes: {text[:4]!r}", partial(spoil, text=text), (file,), write) for text in texts
    ]


EMPTY = (CONSTANTS, "a file that fails")
"""It has no bytes to whoever asks for its size first."""


def of_kinds(*files: str, write: Write = write_tiny_bert) -> list[Case]:
    """Something that cannot be read in the place of each of these files."""
    return [
        Case(f"{file} is {kind}", replaced(file, by), (file,), write)
        for file in files
        for kind, by in KINDS.items()
        if (file, kind) != EMPTY
    ]


def of_rights(*files: str, write: Write = write_tiny_bert) -> list[Case]:
    """Files that only somebody else may read."""
    return [Case(f"{file} may not be read", unreadable(file), (file,), write, stranger=True) for file in files]


HEAD = "qa_outputs.weight"
NO_MAPS: tuple[Any, ...] = ([], {}, {"a": 7}, {"a": "../b"})
FILES = [
    *of_texts(CONFIG, *TEXTS),
    *of_texts(TOKENIZER_CONFIG, *TEXTS),
    *of_texts(TOKENIZER, *TEXTS, b"{}"),
    *of_texts(MANIFEST, *TEXTS, write=write_tiny_artefact),
    *of_texts(GRAPH, b"", b"<net", b"{}", write=write_tiny_artefact, claimed=True),
    *of_texts(CONSTANTS, b"", b"\0" * 64, write=write_tiny_artefact, claimed=True),
    *of_texts(
        WEIGHTS,
        b"",
        b"\0" * 8,
        b"\0" * 4096,
        struct.pack("<Q", 2**63) + b"{}",
        b"version https://git-lfs.github.com/spec/v1\n",
    ),
    *(Case(f"{VOCAB} begins {t[:4]!r}", with_vocabulary(t), (VOCAB,)) for t in (b"", b"\xff\xfe", b"\0" * 64)),
    Case("no tensors", filled(WEIGHTS, struct.pack("<Q", 2) + b"{}"), (HEAD,)),
    Case("a negative shape", with_header(shape=[-1]), (WEIGHTS, HEAD)),
    Case("a huge shape", with_header(shape=[2**62, 2**62]), (WEIGHTS, HEAD)),
    Case("a fractional shape", with_header(shape=[1.5]), (WEIGHTS, HEAD)),
    Case("a shape of text", with_header(shape="x"), (WEIGHTS, HEAD)),
    Case("offsets beyond the end", with_header(data_offsets=[0, 10**30]), (WEIGHTS, HEAD)),
    Case("offsets backwards", with_header(data_offsets=[4, 0]), (WEIGHTS, HEAD)),
    Case("an unknown type", with_header(dtype="F7"), (WEIGHTS, HEAD, "F7")),
    Case("weights of whole numbers", stored_as("int32"), ("I32",)),
    Case("no head", without(HEAD), (HEAD,)),
    Case("half a head", without("qa_outputs.bias"), ("qa_outputs.bias",)),
    Case("no embeddings", without("bert.embeddings.word_embeddings.weight"), ("word_embeddings",)),
    Case("weights that are NaN", with_bias(NAN), ("NaN",)),
    Case("weights that are infinite", with_bias(INFINITY), ("infinit",)),
    *(
        Case(f"{INDEX} is {index}", sharded(index), (INDEX,))
        for index in ({}, [], *({"weight_map": value} for value in NO_MAPS))
    ),
    Case("a shard that is not there", sharded({"weight_map": {"a": "b.safetensors"}}), ("b.safetensors",)),
    *of_kinds(CONFIG, TOKENIZER, TOKENIZER_CONFIG, WEIGHTS),
    *of_kinds(MANIFEST, GRAPH, CONSTANTS, write=write_tiny_artefact),
    *of_rights(CONFIG, TOKENIZER, TOKENIZER_CONFIG, WEIGHTS),
    *of_rights(MANIFEST, GRAPH, CONSTANTS, write=write_tiny_artefact),
]

CASES = {case.name: case for case in (*VALUES, *FILES)}


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Outcome]]:
    """What came of every case. They lie where anybody may look."""
    place = Path(tempfile.mkdtemp(prefix="mooring-broken-"))
    place.chmod(0o755)
    try:
        sound = {
            write: write(place / f"sound-{number}") for number, write in enumerate({c.write for c in CASES.values()})
        }
        folders = {}
        for number, case in enumerate(CASES.values()):
            folders[case.name] = Path(shutil.copytree(sound[case.write], place / str(number)))
            case.spoil(folders[case.name])
        folders |= {f"sound {folder.name}": folder for folder in sound.values()}
        yield opened_apart(folders, frozenset(case.name for case in CASES.values() if case.stranger))
    finally:
        shutil.rmtree(place)


def test_the_sound_folders_are_opened(outcomes: dict[str, Outcome]) -> None:
    """What is wrong with the others is what was done to them."""
    assert len(CASES) == len(VALUES) + len(FILES)
    assert [(name, outcome) for name, outcome in outcomes.items() if name.startswith("sound") and outcome.kinds] == []


@pytest.mark.parametrize("name", CASES)
def test_a_broken_folder_is_a_model_error_that_names_file_and_value(name: str, outcomes: dict[str, Outcome]) -> None:
    """Never a bare ValueError, a process that ends, or one that waits."""
    case, outcome = CASES[name], outcomes[name]
    assert "ModelError" in outcome.kinds, outcome
    said = outcome.said.lower()
    assert all(any(word.lower() in said for word in words.split("|")) for words in case.says), outcome.said
