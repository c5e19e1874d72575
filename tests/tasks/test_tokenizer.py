"""Tokenizers from real files: the same tokens whichever file they come from, and errors that name the file."""

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from mooring.errors import InvalidRequest, ModelIncomplete, ModelInvalid
from mooring.tasks.tokenizer import NO_WORD, load_tokenizer
from tests.support.tiny_models import SPECIALS, vocabulary, write_json, write_tokenizer

TEXT = "The King's Hände, 北京 and\r\n\tsomeone-new 👑 built [MASK] it."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tokenizer's three files."""
    write_tokenizer(tmp_path)
    return tmp_path


def test_places_are_characters_of_the_text_as_given(folder: Path) -> None:
    """Not of the normalised one, in which an accent is gone and white space is one kind."""
    tokens = load_tokenizer(folder).encode(TEXT)
    spelled = [TEXT[start:end] for start, end in tokens.places.tolist()]
    assert spelled[:4] == ["The", "King", "'", "s"]
    assert {"北", "京", "[MASK]"} <= set(spelled)
    assert len(tokens) == len(tokens.ids) == len(tokens.words)


def test_pieces_of_one_word_share_its_number(folder: Path) -> None:
    """And numbers ascend."""
    tokens = load_tokenizer(folder).encode("xyz king")
    assert tokens.words.tolist() == [0, 0, 0, 1]


def test_a_text_of_control_characters_has_no_tokens(folder: Path) -> None:
    """Arrays of length 0, of the right shape."""
    tokens = load_tokenizer(folder).encode("\x00\x07")
    assert (len(tokens), tokens.places.shape) == (0, (0, 2))


def test_half_a_surrogate_pair_is_the_callers_fault(folder: Path) -> None:
    """No such text can come out of valid UTF-8."""
    with pytest.raises(InvalidRequest, match="surrogate"):
        load_tokenizer(folder).encode("king \ud83d")


def test_the_frame_of_a_pair_is_found(folder: Path) -> None:
    """[CLS] first [SEP] second [SEP], with the second text and what follows in segment 1."""
    tokenizer = load_tokenizer(folder)
    cls, sep = SPECIALS.index("[CLS]"), SPECIALS.index("[SEP]")
    template = tokenizer.template
    assert [ids.tolist() for ids in (template.before, template.between, template.after)] == [[cls], [sep], [sep]]
    assert (template.first_type, template.second_type, template.specials, tokenizer.cls_id) == (0, 1, 3, cls)


def test_vocab_txt_alone_gives_the_same_tokens(folder: Path) -> None:
    """As transformers makes a fast tokenizer of a slow one's file."""
    whole = load_tokenizer(folder).encode(TEXT)
    (folder / "tokenizer.json").unlink()
    bare = load_tokenizer(folder)
    assert bare.encode(TEXT).ids.tolist() == whole.ids.tolist()
    assert bare.encode(TEXT).places.tolist() == whole.places.tolist()
    assert bare.template.after.tolist() == [SPECIALS.index("[SEP]")]


def test_truncation_and_padding_of_some_training_run_are_off(folder: Path) -> None:
    """Many repositories' tokenizer.json have both on, at 128 tokens."""
    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(path))
    loaded = load_tokenizer(folder)
    assert len(loaded.encode("king")) == 1
    assert len(loaded.encode("king " * 50)) == 50


def test_the_config_decides_on_case(folder: Path) -> None:
    """`do_lower_case` false wins over a tokenizer.json that lower-cases."""
    assert load_tokenizer(folder, lower_case=False).encode("King").ids.tolist() != [vocabulary().index("king")]
    assert load_tokenizer(folder, lower_case=True).encode("King").ids.tolist() == [vocabulary().index("king")]


def test_a_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    """Its ids would be rows of the embedding table that do not exist."""
    size = len(vocabulary())
    load_tokenizer(folder, vocab_size=size)
    with pytest.raises(ModelInvalid, match=rf"{size} tokens, the model embeddings for {size - 1}"):
        load_tokenizer(folder, vocab_size=size - 1)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": 7}', "\xff"])
def test_a_damaged_tokenizer_json_is_named(folder: Path, text: str) -> None:
    """With what to do."""
    (folder / "tokenizer.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json") as caught:
        load_tokenizer(folder)
    assert "again" in caught.value.hint


def test_a_post_processor_that_drops_the_context_is_refused(folder: Path) -> None:
    """Windows could not be told from questions."""
    path = folder / "tokenizer.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["post_processor"]["pair"] = [{"Sequence": {"id": "A", "type_id": 0}}]
    write_json(path, stored)
    with pytest.raises(ModelInvalid, match="question and a context"):
        load_tokenizer(folder)


def test_a_vocabulary_without_special_tokens_is_refused(folder: Path) -> None:
    """By their names."""
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("king\nqueen\n", encoding="utf-8")
    with pytest.raises(ModelInvalid, match=r"\[UNK\], \[SEP\], \[CLS\]"):
        load_tokenizer(folder)


def test_without_any_file_the_missing_one_is_named(tmp_path: Path) -> None:
    """Either would do."""
    with pytest.raises(ModelIncomplete) as caught:
        load_tokenizer(tmp_path)
    assert caught.value.missing == ("tokenizer.json (or vocab.txt)",)


def test_words_that_the_tokenizer_does_not_know_are_marked(folder: Path) -> None:
    """The mark is no word's number."""
    tokens = load_tokenizer(folder).encode("king")
    assert NO_WORD not in tokens.words
    assert tokens.words.dtype == np.int32
