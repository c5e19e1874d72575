"""Hostile model files: refused by name, with memory and operations at most linear in their size."""

import base64
import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mooring.model.archive import Limits, unpack
from mooring.model.config import read_facts
from mooring.model.folder import ModelFolder
from mooring.model.manifest import read_built
from mooring.model.sentence_transformers import read_sentence
from mooring.model.weights import open_weights
from mooring.tokenization.load import load_tokenizer
from tests.support.limited import limited
from tests.support.spoiled_folders import (
    CONFIG,
    MANIFEST,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
    Spoil,
    changed,
    filled,
    sharded,
    with_header,
    with_vocabulary,
)
from tests.support.tiny_models import write_tiny_bert

ARCHIVE = "model.tar.gz"
READERS: dict[str, Callable[[Path], object]] = {
    "archive": lambda folder: unpack(folder / ARCHIVE, folder / "out", Limits(max_members=500)),
    "weights": lambda folder: open_weights(ModelFolder(folder)),
    "config": lambda folder: read_facts(ModelFolder(folder)),
    "manifest": lambda folder: read_built(ModelFolder(folder)),
    "tokenizer": lambda folder: load_tokenizer(ModelFolder(folder), embeddings=1000),
    "modules": lambda folder: read_sentence(ModelFolder(folder), 32),
}


@dataclass(frozen=True)
class Case:
    """What is done to a sound folder, who reads it, and what the error says."""

    name: str
    reader: str
    spoil: Spoil
    says: str


def _member(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * (-len(content) % 512)


def _archive(*members: bytes) -> Spoil:
    """A tar of these blocks, compressed as far as it goes."""
    return lambda folder: (folder / ARCHIVE).write_bytes(gzip.compress(b"".join(members) + b"\0" * 1024))


def _pax(**records: str) -> bytes:
    return tarfile.TarInfo._create_pax_generic_header(  # type: ignore[attr-defined, no-any-return]
        {key.replace("_", "."): value for key, value in records.items()}, tarfile.XHDTYPE, "utf-8"
    )


def _deep(levels: int) -> bytes:
    info = tarfile.TarInfo("/".join("d" * levels) + "/f")
    return info.tobuf(tarfile.PAX_FORMAT)


def _folders(folder: Path) -> None:
    """Few members, each with many folders in its name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number in range(100):
            tar.addfile(tarfile.TarInfo("/".join(f"{number}{letter}" for letter in "abcdefghijklmnopqrstuvwxyzabcd")))
    (folder / ARCHIVE).write_bytes(gzip.compress(buffer.getvalue()))


def _tensors(count: int) -> Spoil:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    head = json.dumps({f"t{number}": entry for number in range(count)}).encode()
    return filled(WEIGHTS, struct.pack("<Q", len(head)) + head)


def _edited(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """tokenizer.json, changed, of a class that takes it as it is."""

    def spoil(folder: Path) -> None:
        changed(TOKENIZER_CONFIG, tokenizer_class="PreTrainedTokenizerFast")(folder)
        value = json.loads((folder / TOKENIZER).read_bytes())
        change(value)
        (folder / TOKENIZER).write_text(json.dumps(value))

    return spoil


def _part(name: str, value: object) -> Spoil:
    return _edited(lambda file: file.update({name: value}))


def _replace(pattern: dict[str, str], content: str) -> dict[str, object]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _charsmap(longest: int) -> str:
    return base64.b64encode(struct.pack("<I", 4) + b"\0" * 4 + b"x" * longest + b"\0").decode()


def _model(**changes: object) -> Spoil:
    return _edited(lambda file: file["model"].update(changes))


def _added(count: int, text: str = "") -> list[dict[str, object]]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return [{"id": 200 + number, "content": f"t{number}{text}", **flags} for number in range(count)]


def _framed(count: int) -> Spoil:
    def change(file: dict[str, Any]) -> None:
        post = file["post_processor"]
        post["single"] = post["single"][:1] * count + post["single"]

    return _edited(change)


def _modules(*kinds: str, **pooling: object) -> Spoil:
    def spoil(folder: Path) -> None:
        listed = [{"type": f"sentence_transformers.models.{kind}", "path": kind} for kind in kinds]
        listed[0]["path"] = ""
        (folder / "modules.json").write_text(json.dumps(listed))
        (folder / "Pooling").mkdir()
        (folder / "Pooling" / "config.json").write_text(json.dumps(pooling or {"pooling_mode_mean_tokens": True}))

    return spoil


def _prompts(prompts: dict[str, str]) -> Spoil:
    def spoil(folder: Path) -> None:
        _modules("Transformer", "Pooling")(folder)
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))

    return spoil


def _bytes(file: str, old: bytes, new: bytes) -> Spoil:
    """A file with other bytes in it."""

    def spoil(folder: Path) -> None:
        content = (folder / file).read_bytes()
        assert old in content
        (folder / file).write_bytes(content.replace(old, new))

    return spoil


def _named(name: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        _manifest(name="@@")(folder)
        _bytes(MANIFEST, b"@@", name)(folder)

    return spoil


def _manifest(**changes: object) -> Spoil:
    """The least that makes a manifest, with these values."""
    facts = {
        "name": "it", "source": "it", "task": "question-answering", "family": "bert", "format": "safetensors",
        "architecture": "BertForQuestionAnswering", "precision": "fp32", "weights_dtype": "F32", "labels": {},
        "max_positions": 512, "vocab_size": 192, "hidden_size": 32, "layers": 2, "max_seq_len": 384, "schema": 1,
    }  # fmt: skip
    return filled(MANIFEST, json.dumps({**facts, **changes}).encode())


SPACES = {"Regex": r"a+b"}
CASES = [
    Case("folders that are only in names", "archive", _folders, "more than 500 files and folders"),
    Case("a path of 1,900 levels", "archive", _archive(_deep(1900)), "more than 1024 characters"),
    Case("a path of 500 levels", "archive", _archive(_deep(500)), "501 levels deep"),
    Case("20,000 chained headers", "archive", _archive(_pax(comment="x") * 20_000), "more than 8 extended headers"),
    Case(
        "global headers",
        "archive",
        _archive(*[_member("g", tarfile.XGLTYPE, b"%d a=%b\n" % (1 << 20, b"1" * ((1 << 20) - 11)))] * 12),
        "more than 8 extended headers",
    ),
    Case(
        "headers of digits",
        "archive",
        _archive(*[_member("x", tarfile.XHDTYPE, b"1" * (1 << 20)) + _member("f")] * 20),
        "invalid pax header",
    ),
    Case(
        "large headers of many members",
        "archive",
        _archive(*[_member("n", b"L", b"a" * (1 << 19)) + _member("f")] * 60),
        "more than 1024 characters",
    ),
    Case("a path for all members", "archive", _archive(_member("g", b"g", b"11 path=x\n\n"), _member("f")), "'path'"),
    Case("a sparse file", "archive", _archive(_pax(GNU_sparse_size="9999999999"), _member("f")), "neither a regular"),
    Case("a size of a thousand digits", "archive", _archive(_pax(size="9" * 1000), _member("f")), "invalid size"),
    Case("300,000 empty tensors", "weights", _tensors(300_000), "more than 16777216"),
    Case("100,000 empty tensors", "weights", _tensors(100_000), "opening brackets; the limit is 200000"),
    Case("20,000 empty tensors", "weights", _tensors(20_000), "20000 tensors; the limit is 10000"),
    Case("a shape of many large numbers", "weights", with_header(shape=[2**62] * 50_000), "up to 8 dimensions"),
    Case("a shape of 4,000 digits", "weights", with_header(shape=[10**4000]), "less than 2^63"),
    Case("metadata of brackets", "weights", with_header(x=[[]] * 300_000), "opening brackets"),
    Case(
        "an index of many files",
        "weights",
        sharded({"weight_map": {f"t{number}": f"{number}.safetensors" for number in range(2000)}}),
        "2000 files; the limit is 1000",
    ),
    Case("config.json of lists", "config", changed(CONFIG, x=[[]] * 3_000_000), "opening brackets"),
    Case("config.json of 20 MB", "config", changed(CONFIG, x="x" * 20_000_000), "more than 16777216 bytes"),
    Case("10^9 positions", "config", changed(CONFIG, max_position_embeddings=10**9), "longest window"),
    Case(
        "many heads and positions",
        "config",
        changed(CONFIG, hidden_size=1024, num_attention_heads=1024, max_position_embeddings=4096),
        "attention scores",
    ),
    Case("10^9 positions in mooring.json", "manifest", _manifest(max_positions=10**9), "max_positions is 1000000000"),
    Case("mooring.json of lists", "manifest", _manifest(labels={"0": "x" * 20_000_000}), "more than 16777216 bytes"),
    Case(
        "a slow regular expression", "tokenizer", _part("normalizer", _replace({"Regex": "(x+x+)+y"}, "z")), "(x+x+)+y"
    ),
    Case(
        "a large regular expression",
        "tokenizer",
        _part("normalizer", _replace({"Regex": "(?:(?:a{1000}){1000}){1000}"}, "")),
        "normalizer has the regular expression",
    ),
    Case(
        "a slow split",
        "tokenizer",
        _part("pre_tokenizer", {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": SPACES}]}),
        "pre_tokenizer has the regular expression 'a+b'",
    ),
    Case("a slow decoder", "tokenizer", _part("decoder", _replace(SPACES, "")), "decoder has the regular"),
    Case(
        "replacements that double",
        "tokenizer",
        _part("normalizer", {"type": "Sequence", "normalizers": [_replace({"String": "a"}, "aa")] * 26}),
        "more than 64 characters of one",
    ),
    Case(
        "replacements of nothing", "tokenizer", _part("normalizer", _replace({"String": ""}, "x" * 99)), "characters of"
    ),
    Case("a long prefix", "tokenizer", _part("normalizer", {"type": "Prepend", "prepend": "x" * 99}), "characters of"),
    Case(
        "a long entry of a character map",
        "tokenizer",
        _part("normalizer", {"type": "Precompiled", "precompiled_charsmap": _charsmap(1000)}),
        "characters of one",
    ),
    Case(
        "a character map on which the library panics",
        "tokenizer",
        _part("normalizer", {"type": "Precompiled", "precompiled_charsmap": "?"}),
        "Cannot read tokenizer.json",
    ),
    Case(
        "many steps",
        "tokenizer",
        _part("normalizer", {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 5000}),
        "65 or more steps",
    ),
    Case("a large part", "tokenizer", _part("decoder", {"type": "x" * 5_000_000}), "decoder has 50000"),
    Case(
        "steps in steps",
        "tokenizer",
        filled(TOKENIZER, b'{"normalizer":' + b'{"type":"Sequence","normalizers":[' * 50_000),
        "tokenizer.json",
    ),
    Case(
        "a token that is not UTF-8", "tokenizer", _bytes(TOKENIZER, b'"[MASK]":', b'"\xa1":'), "Cannot read tokenizer"
    ),
    Case("a name that is not UTF-8", "manifest", _named(b"\x9c"), "Cannot read mooring.json"),
    Case("long words", "tokenizer", _model(max_input_chars_per_word=2**40), "max_input_chars_per_word"),
    Case("a long token", "tokenizer", _model(vocab={"[UNK]": 0, "x" * 5000: 1}), "token of 5000 characters"),
    Case(
        "long pieces",
        "tokenizer",
        _part("model", {"type": "Unigram", "unk_id": 0, "vocab": [["x" * size, -1.0] for size in range(1, 500)]}),
        "token of 65 characters",
    ),
    Case("many added tokens", "tokenizer", _part("added_tokens", _added(50_000)), "50000 tokens; the limit is 20000"),
    Case("long added tokens", "tokenizer", _part("added_tokens", _added(2000, "x" * 1000)), "characters; the limit is"),
    Case(
        "added_tokens.json of many",
        "tokenizer",
        filled("added_tokens.json", json.dumps({f"t{number}": number for number in range(50_000)}).encode()),
        "added_tokens.json has more than 20000",
    ),
    Case(
        "added_tokens_decoder of many",
        "tokenizer",
        changed(TOKENIZER_CONFIG, added_tokens_decoder={str(n): {"content": f"t{n}"} for n in range(50_000)}),
        "added_tokens_decoder has 50000",
    ),
    Case(
        "many special tokens",
        "tokenizer",
        filled("special_tokens_map.json", json.dumps({"additional_special_tokens": ["t"] * 20_000}).encode()),
        "additional_special_tokens has 20000",
    ),
    Case(
        "many more special tokens",
        "tokenizer",
        changed(TOKENIZER_CONFIG, extra_special_tokens=[f"t{n}" for n in range(20_000)]),
        "extra_special_tokens has 20000",
    ),
    Case("a long frame", "tokenizer", _framed(5000), "special tokens around a text; the limit is 64"),
    Case("vocab.txt of 20 MB", "tokenizer", with_vocabulary(b"a\n" * 10_000_000), "vocab.txt"),
    Case("a line of vocab.txt", "tokenizer", with_vocabulary(b"[UNK]\n" + b"a" * 5000), "token of 5000"),
    Case("many modules", "modules", _modules("Transformer", "Pooling", *["Dense"] * 5000), "5002 modules"),
    Case(
        "a mode many times",
        "modules",
        _modules("Transformer", "Pooling", pooling_mode=["mean"] * 100_000),
        "names a mode twice",
    ),
    Case("many prompts", "modules", _prompts({str(number): "x" for number in range(5000)}), "5000 prompts"),
    Case("a long prompt", "modules", _prompts({"query": "x" * 1_000_000}), "1000000 characters"),
]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A sound model is read once, so that what is imported late is not counted."""
    folder = write_tiny_bert(tmp_path_factory.mktemp("sound") / "it")
    _modules("Transformer", "Pooling")(folder)
    _manifest()(folder)
    _archive(_member("config.json", content=b"{}"))(folder)
    for read in READERS.values():
        read(folder)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_work_is_bounded_by_the_input(case: Case, tmp_path: Path) -> None:
    """It is refused with a ModelError that names the limit, within 32 bytes and one call for each byte of the files."""
    folder = write_tiny_bert(tmp_path / "it")
    case.spoil(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    outcome = limited(lambda: READERS[case.reader](folder), size)
    assert outcome.kind in ("ModelInvalid", "ModelUnsupported"), outcome
    assert case.says in outcome.said
    assert not (folder / "out").exists()


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("reader", READERS)
def test_a_sound_folder_is_read_within_the_same_bounds(reader: str, tmp_path: Path) -> None:
    """Otherwise the test above would hold for readers that refuse everything."""
    folder = write_tiny_bert(tmp_path / "it")
    _modules("Transformer", "Pooling")(folder)
    _manifest()(folder)
    _archive(_member("config.json", content=b"{}"))(folder)
    assert limited(lambda: READERS[reader](folder), 200_000).kind == ""
