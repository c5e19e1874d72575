"""Tokens turned back into text. The expected texts are those of transformers 4.57 on the same files."""

from pathlib import Path

import pytest

from mooring.model.folder import ModelFolder
from mooring.tokenization.decode import decode, joined
from mooring.tokenization.load import load_tokenizer
from tests.support.golden_tokens import write

TEXT = "The café isn't cheap , is it ? [SEP] 🙂 北 river's <mask>"
SPLIT = "the cafe isn ' t cheap, is it? [SEP] [UNK] [UNK] river ' s < mask >"
CLEANED = "the cafe isn't cheap, is it? [SEP] [UNK] [UNK] river's < mask >"


@pytest.mark.parametrize(
    ("name", "from_vocabulary", "expected"),
    [
        ("bert", False, SPLIT),
        ("bert", True, CLEANED),
        ("bert-cleaned", False, CLEANED),
        ("bert-cleaned", True, CLEANED),
    ],
)
def test_word_pieces_are_joined(name: str, from_vocabulary: bool, expected: str, tmp_path: Path) -> None:
    """With special tokens, and without them; a tokenizer built from vocab.txt cleans up by default."""
    folder = write(name, "masked", tmp_path)
    if from_vocabulary:
        (folder / "tokenizer.json").unlink()
    tokenizer = load_tokenizer(ModelFolder(folder))
    ids = tokenizer.framed(tokenizer.encode(TEXT))[0].tolist()
    assert decode(tokenizer, ids) == f"[CLS] {expected} [SEP]"
    plain = expected.replace("[SEP] [UNK] [UNK] ", "")
    assert decode(tokenizer, ids, skip_special_tokens=True) == plain
    assert joined(tokenizer, ["river", "##s", "'", "[UNK]"]) == "rivers ' [UNK]"


@pytest.mark.parametrize(("name", "marks"), [("roberta", (" , is", " ?")), ("roberta-cleaned", (", is", "?"))])
def test_bytes_are_joined(name: str, marks: tuple[str, str], tmp_path: Path) -> None:
    """A character is several tokens, of which some alone are no text."""
    tokenizer = load_tokenizer(ModelFolder(write(name, "masked", tmp_path)))
    ids = tokenizer.framed(tokenizer.encode(TEXT))[0].tolist()
    text = f"The café isn't cheap{marks[0]} it{marks[1]} [SEP] 🙂 北 river's"
    assert decode(tokenizer, ids) == f"<s>{text}<mask></s>"
    assert decode(tokenizer, ids, skip_special_tokens=True) == text
    assert joined(tokenizer, ["The", "Ġ", "c", "a", "f", "Ã"]) == "The caf\ufffd"
    assert joined(tokenizer, ["Ã", "©"]) == "é"


def test_an_id_without_a_token_is_left_out(tmp_path: Path) -> None:
    """A model may have more embeddings than its tokenizer has tokens."""
    tokenizer = load_tokenizer(ModelFolder(write("bert", "masked", tmp_path)))
    assert decode(tokenizer, [5000]) == ""
    assert decode(tokenizer, [5000, *tokenizer.encode("river").ids.tolist()]) == "river"
