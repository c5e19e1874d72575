"""Folders without tokenizer.json: built from vocab.json and merges.txt, or refused with what to do."""

import json
from pathlib import Path

import pytest

from mooring.errors import ModelIncomplete, ModelInvalid, ModelUnsupported
from mooring.model.folder import ModelFolder
from mooring.model.hub import wanted_files
from mooring.tasks.recognise import read_manifest
from mooring.tokenization.load import load_tokenizer
from tests.support.tiny_models import write_tiny_roberta
from tests.support.tiny_robertas import write_tiny_xlm_roberta
from tests.support.tokenizer_texts import TOKENS, folders
from tests.support.tokenizer_variants import write

BYTE_LEVEL = dict(folders())["roberta/vocab"]
COMMAND = "AutoTokenizer.from_pretrained('.').save_pretrained('.')"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("vocab.json", "[1]", "vocab.json in .* contains \\[1\\], not a JSON object"),
        ("vocab.json", '{"<s>": "0"}', "vocab.json: the id of '<s>' is '0'; it must be an integer"),
        ("vocab.json", '{"": -1}', "the id of '' is -1"),
        ("merges.txt", "#version: 0.2\nt h e\n", "merges.txt in .*: line 2 is 't h e'; it must be two tokens"),
        ("merges.txt", "#version: 0.2\n\nt h\n", "line 2 is ''"),
        ("merges.txt", "#version: 0.2\nx 北\n", "vocab.json and merges.txt in .* do not fit together"),
    ],
)
def test_a_damaged_vocabulary_is_named(name: str, content: str, says: str, tmp_path: Path) -> None:
    """With the line or the token."""
    folder = write(tmp_path, {**BYTE_LEVEL, name: content})
    with pytest.raises(ModelInvalid, match=says):
        load_tokenizer(ModelFolder(folder))


def test_merges_that_are_not_utf_8_are_named(tmp_path: Path) -> None:
    """With the byte."""
    folder = write(tmp_path, BYTE_LEVEL)
    (folder / "merges.txt").write_bytes(b"#v\n\xff h\n")
    with pytest.raises(ModelInvalid, match=r"merges\.txt in .* is not valid UTF-8 \(byte 3\)"):
        load_tokenizer(ModelFolder(folder))


def test_a_role_that_is_null_cannot_frame_a_text(tmp_path: Path) -> None:
    """Without a separator there is no pair."""
    folder = write(tmp_path, {**BYTE_LEVEL, "tokenizer_config.json": {"sep_token": None}})
    with pytest.raises(ModelInvalid, match=r"sep_token is null; a tokenizer built from vocab\.json needs one"):
        load_tokenizer(ModelFolder(folder))


def test_ids_are_checked_against_the_model(tmp_path: Path) -> None:
    """The vocabulary of another model is refused."""
    folder = write(tmp_path, BYTE_LEVEL)
    assert load_tokenizer(ModelFolder(folder), embeddings=len(TOKENS)).warnings == ()
    with pytest.raises(ModelInvalid, match="beyond the model's 200 embeddings") as caught:
        load_tokenizer(ModelFolder(folder), embeddings=200)
    assert "belongs to another model" in caught.value.hint


def test_one_of_the_two_files_is_not_enough(tmp_path: Path) -> None:
    """Both are named."""
    files = {name: content for name, content in BYTE_LEVEL.items() if name != "merges.txt"}
    with pytest.raises(ModelIncomplete, match="RobertaTokenizer cannot be built from that") as caught:
        load_tokenizer(ModelFolder(write(tmp_path, files)))
    assert caught.value.missing == ("tokenizer.json (or vocab.json and merges.txt)",)


def test_a_folder_with_vocab_json_and_merges_is_complete(tmp_path: Path) -> None:
    """Like one with a vocab.txt."""
    folder = write_tiny_roberta(tmp_path)
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(BYTE_LEVEL["vocab.json"]), encoding="utf-8")
    with pytest.raises(ModelIncomplete, match=r"lacks tokenizer\.json \(or .* vocab\.json and merges\.txt\)"):
        read_manifest(folder, source="it")
    (folder / "merges.txt").write_text(BYTE_LEVEL["merges.txt"], encoding="utf-8")
    assert read_manifest(folder, source="it").family == "roberta"


@pytest.mark.parametrize("name", ["sentencepiece.bpe.model", "spiece.model", "spm.model"])
def test_a_sentencepiece_model_is_refused_with_the_way_to_convert_it(name: str, tmp_path: Path) -> None:
    """As a folder, as an archive, on the Hub, and where only the tokenizer is opened."""
    folder = write_tiny_xlm_roberta(tmp_path)
    (folder / "tokenizer.json").rename(folder / name)
    says = rf"has a SentencePiece tokenizer \({name}\) but no tokenizer\.json"
    for source in ("it", "it.tar.gz"):
        with pytest.raises(ModelUnsupported, match=says) as caught:
            read_manifest(folder, source=source)
        assert COMMAND in caught.value.hint
        assert ("tar -czf" in caught.value.hint) == (source != "it")
    with pytest.raises(ModelUnsupported, match=says):
        load_tokenizer(ModelFolder(folder))
    with pytest.raises(ModelUnsupported, match=f"'org/it' on the Hub {says}") as caught:
        wanted_files("org/it", frozenset({"config.json", "model.safetensors", name}))
    assert COMMAND in caught.value.hint


def test_a_sentencepiece_model_beside_tokenizer_json_is_ignored(tmp_path: Path) -> None:
    """Most repositories have both."""
    folder = write_tiny_xlm_roberta(tmp_path)
    (folder / "sentencepiece.bpe.model").write_bytes(b"")
    assert read_manifest(folder, source="it").family == "xlm-roberta"
    assert load_tokenizer(ModelFolder(folder)).cls_id == 0
