"""Tokenizers from real files: the same tokens whichever file they come from, and errors that name the file."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from mooring.errors import InvalidRequest, ModelIncomplete, ModelInvalid, ModelUnsupported
from mooring.model.folder import ModelFolder
from mooring.tokenization.load import load_tokenizer as load
from mooring.tokenization.text import NO_WORD, TextTokenizer
from tests.support.tiny_models import SPECIALS, vocabulary, write_json, write_tokenizer

TEXT = "The King's Hände, 北京 and\r\n\tsomeone-new 👑 built [MASK] it."


def load_tokenizer(folder: Path, embeddings: int | None = None) -> TextTokenizer:
    """Of the files as they are now."""
    return load(ModelFolder(folder), embeddings=embeddings)


def configure(folder: Path, **keys: object) -> Path:
    """Change keys of tokenizer_config.json."""
    path = folder / "tokenizer_config.json"
    write_json(path, {**json.loads(path.read_text()), **keys})
    return folder


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


@pytest.mark.parametrize("token", ["[CLS]", "king"])
def test_a_vocabulary_beyond_the_embeddings_is_refused_with_token_and_id(folder: Path, token: str) -> None:
    """Its id would be a row of the embedding table that does not exist, also where there are few tokens."""
    path = folder / "tokenizer.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["model"]["vocab"][token] = 1_000_000
    for added in stored["added_tokens"]:
        added["id"] = stored["model"]["vocab"][added["content"]]
    stored["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [stored["model"]["vocab"]["[CLS]"]]
    write_json(path, stored)
    load_tokenizer(folder)
    with pytest.raises(ModelInvalid, match=rf"'{re.escape(token)}' with id 1000000.* beyond the model's 192 emb"):
        load_tokenizer(folder, len(vocabulary()))


def test_an_id_that_no_integer_holds_is_refused(folder: Path) -> None:
    """Of the frame; anywhere else it is beyond the embeddings."""
    path = folder / "tokenizer.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [2**31]
    write_json(path, stored)
    with pytest.raises(ModelInvalid, match="2147483648"):
        load_tokenizer(folder)
    write_tokenizer(folder)
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["model"]["vocab"]["king"] = 2**31
    write_json(path, stored)
    with pytest.raises(ModelInvalid, match="'king' with id 2147483648"):
        load_tokenizer(folder, len(vocabulary()))


def test_an_added_token_beyond_the_embeddings_is_a_warning_and_refused_where_a_text_has_it(folder: Path) -> None:
    """Most texts do not have it: the model answers them."""
    size = len(vocabulary())
    configure(folder, additional_special_tokens=["[NEW]"])
    tokenizer = load_tokenizer(folder, size)
    (warning,) = tokenizer.warnings
    assert f"'[NEW]' with id {size}" in warning
    assert len(tokenizer.encode("king [new]")) > 1
    with pytest.raises(InvalidRequest, match=rf"'\[NEW\]' \(id {size}\)"):
        tokenizer.encode("king [NEW] queen")
    assert load_tokenizer(folder, size + 1).warnings == ()


def test_a_blank_line_of_the_vocabulary_needs_no_embedding(folder: Path) -> None:
    """No text has the empty token."""
    (folder / "tokenizer.json").unlink()
    with (folder / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert load_tokenizer(folder, len(vocabulary())).warnings == ()


def test_a_segment_beyond_the_embeddings_is_refused(folder: Path) -> None:
    """The same rule; without segments there is none."""
    write_json(folder / "config.json", {"model_type": "bert", "type_vocab_size": 1})
    with pytest.raises(ModelInvalid, match=r"segment 1, but .* has type_vocab_size 1"):
        load_tokenizer(folder)
    configure(folder, model_input_names=["input_ids", "attention_mask"])
    assert load_tokenizer(folder).template.second_type == 0


def test_what_a_default_of_the_class_overrides_is_said(folder: Path) -> None:
    """As transformers does, and seldom what somebody meant."""
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["do_lower_case"]
    write_json(folder / "tokenizer_config.json", config)
    assert load_tokenizer(folder).warnings == ()
    path = folder / "tokenizer.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["normalizer"]["lowercase"] = False
    write_json(path, stored)
    tokenizer = load_tokenizer(folder)
    assert "do_lower_case to false, but BertTokenizer uses true" in tokenizer.warnings[0]
    assert tokenizer.encode("KING").ids.tolist() == [vocabulary().index("king")]
    assert load_tokenizer(configure(folder, do_lower_case=False)).warnings == ()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (
            {"tokenizer_class": "BertJapaneseTokenizer"},
            "'BertJapaneseTokenizer', which is not supported. .*MeCab",
        ),
        ({"tokenizer_class": "T5TokenizerFast"}, "'T5TokenizerFast', which is not supported"),
        ({"tokenizer_class": 7}, "tokenizer_class is 7"),
        ({"padding_side": "left"}, "padding_side is 'left'; only 'right' is supported. If the model was trained with"),
        ({"fast_tokenizer_files": ["tokenizer.4.json"]}, "fast_tokenizer_files is .* not implemented"),
        ({"init_inputs": ["x"]}, "init_inputs is .* not implemented"),
        ({"model_input_names": ["input_ids", "bbox"]}, "model_input_names contains 'bbox'"),
        ({"tokenizer_class": "TokenizersBackend", "add_eos_token": True}, "add_eos_token is True"),
    ],
)
def test_what_would_change_ids_and_is_not_implemented_is_refused_by_name(
    folder: Path, keys: dict[str, object], says: str
) -> None:
    """With the way out."""
    with pytest.raises(ModelUnsupported, match=says) as caught:
        load_tokenizer(configure(folder, **keys))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"do_lower_case": "yes"}, "do_lower_case is 'yes'; it must be true or false"),
        ({"truncation_side": "up"}, "truncation_side is 'up'; it must be 'left' or 'right'"),
        ({"cls_token": 7}, "cls_token is 7; it must be a token"),
        ({"additional_special_tokens": "[X]"}, r"additional_special_tokens is '\[X\]'; it must be a list"),
        ({"added_tokens_decoder": {"x": {"content": "y"}}}, "added_tokens_decoder/x"),
        ({"added_tokens_decoder": {"7": {"content": "y", "lstrip": "no"}}}, "added_tokens_decoder is"),
        ({"model_input_names": "input_ids"}, "model_input_names is 'input_ids'; it must be a list"),
    ],
)
def test_an_impossible_value_is_named_with_its_key(folder: Path, keys: dict[str, object], says: str) -> None:
    """transformers would fail somewhere inside."""
    with pytest.raises(ModelInvalid, match=says):
        load_tokenizer(configure(folder, **keys))


def test_padding_on_the_left_in_tokenizer_json_is_refused_unless_the_config_says_right(folder: Path) -> None:
    """transformers takes it for the model's."""
    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_padding(length=8, direction="left")
    tokenizer.save(str(path))
    with pytest.raises(ModelUnsupported, match=r"tokenizer\.json: padding direction is 'left'"):
        load_tokenizer(folder)
    assert load_tokenizer(configure(folder, padding_side="right"))


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
    with pytest.raises(ModelInvalid, match="cannot encode a pair of texts"):
        load_tokenizer(folder)


def test_a_vocabulary_without_its_unknown_token_is_refused(folder: Path) -> None:
    """By its name, from either file: the first unknown word could not be encoded."""
    path = folder / "tokenizer.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["model"]["unk_token"] = "<unk>"
    write_json(path, stored)
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json .* lacks the unknown token '<unk>'"):
        load_tokenizer(folder)
    path.unlink()
    (folder / "vocab.txt").write_text("king\nqueen\n", encoding="utf-8")
    with pytest.raises(ModelInvalid, match=r"vocab\.txt .* lacks the unknown token '\[UNK\]'"):
        load_tokenizer(folder)


def test_special_tokens_that_a_vocabulary_lacks_need_embeddings(folder: Path) -> None:
    """They get the next ids; every text is put between [CLS] and [SEP]."""
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("[UNK]\nking\na\nb\n", encoding="utf-8")
    assert load_tokenizer(folder, 8).template.before.tolist() == [6]
    with pytest.raises(ModelInvalid, match=r"'\[CLS\]' with id 6 is beyond the model's 4 embeddings"):
        load_tokenizer(folder, 4)


def test_a_class_that_cannot_be_built_from_a_vocabulary_names_the_missing_file(folder: Path) -> None:
    """transformers cannot either."""
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelIncomplete, match="PreTrainedTokenizer cannot be built") as caught:
        load_tokenizer(configure(folder, tokenizer_class="PreTrainedTokenizerFast"))
    assert caught.value.missing == ("tokenizer.json",)


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
