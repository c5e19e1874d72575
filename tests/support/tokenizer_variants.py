"""Small tokenizer folders, each with something that transformers obeys: by name, what is in its files.

Used by the golden test of `tokenization/`, and by scripts/golden_tokenizers.py, which runs where neither Mooring nor
pytest is installed: nothing but the standard library and `tokenizers` may be imported here.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

Files = dict[str, Any]
"""Name → content: text, or a value to be written as JSON."""

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", *".,!?-<>[]@/", "ada", "wrote", "Ada",
    "Paris", "paris", "the", "book", "in", "cafe", "café", "CAFE", "love", "##lace", "##book", "北", "京", "北京",
    "##s", "##é", "é", "É", "##a", "##b", "##c", "##d", "##e", "##l", "##o", "##v", "lovelace", "who", "what", "it",
]  # fmt: skip
EMBEDDINGS = len(WORDS)
QUESTION = "What did Ada wrote [MASK]?"
CONTEXT = (
    "Ada Lovelace wrote the CAFÉ book in 北京. [X] lovelace-book <new> in Paris[SEP] ada  [MASK] [CLS]café\tÉ [x] "
    "[UNK] Special<NEW> word-new <e1>who it [PAD]. <s> wrote </s> the <mask>"
)


def tokenizer_json(*, lower: bool = True, kind: str = "bert", **more: Any) -> str:
    """A tokenizer.json. `kind` is that of its normalizer and pre-tokenizer; `more` sets them otherwise."""
    words = more.get("words", WORDS)
    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    if kind == "bert":
        tokenizer.normalizer = normalizers.BertNormalizer(
            lowercase=lower, strip_accents=more.get("strip"), handle_chinese_chars=more.get("chinese", True)
        )
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    elif kind == "sequence":
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    elif kind == "bytes":
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(more.get("special", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    tokenizer.add_tokens(more.get("added", []))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    if "truncate" in more:
        tokenizer.enable_truncation(20, direction=more["truncate"])
    if "pad" in more:
        tokenizer.enable_padding(length=64, direction=more["pad"])
    return str(tokenizer.to_str())


def write(folder: Path, files: Files) -> Path:
    """The files of a variant; config.json is a BERT's unless it has one."""
    folder.mkdir(parents=True, exist_ok=True)
    usual = {"config.json": {"model_type": "bert", "vocab_size": EMBEDDINGS, "type_vocab_size": 2}}
    for name, content in {**usual, **files}.items():
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    return folder


def variants() -> Iterator[tuple[str, Files]]:
    """Every variant: its name, unique, and its files."""
    yield from _keys()
    yield from _classes()
    yield from _tokens()
    yield from _windows()
    yield from _vocabularies()


def saved_by_5() -> Iterator[tuple[str, Files]]:
    """What transformers 5 writes: a class of its own, a list of extra tokens, keys that say where it came from."""
    said = {"backend": "tokenizers", "is_local": True, "local_files_only": False, "model_max_length": 10**30}
    roles = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    bert = {**said, **roles, "mask_token": "[MASK]", "do_lower_case": True, "strip_accents": None}
    for known in ("TokenizersBackend", "BertTokenizer", "DistilBertTokenizer"):
        stated: dict[str, Files] = {
            "plain": {},
            "extra": {"extra_special_tokens": ["[X]", "<e1>"]},
            "extra and role": {"extra_special_tokens": ["[X]"], "bos_token": "<s>"},
            "cased": {"do_lower_case": False},
            "strip": {"strip_accents": False},
            "left": {"truncation_side": "left"},
            "short": {"model_max_length": 24},
            "split special": {"split_special_tokens": True},
            "no segments": {"model_input_names": ["input_ids", "attention_mask"]},
            "prefix": {"add_prefix_space": True},
        }
        for name, config in stated.items():
            yield f"{known}/{name}", _json({**bert, "tokenizer_class": known, **config})
    for kind in ("sequence", "nothing", "bytes"):
        yield (
            f"TokenizersBackend/{kind}",
            _json({**said, **roles, "tokenizer_class": "TokenizersBackend"}, tokenizer_json(kind=kind)),
        )
    added = tokenizer_json(added=[AddedToken("<new>", lstrip=True), AddedToken("[X]", special=True)])
    yield "TokenizersBackend/added", _json({**said, **roles, "tokenizer_class": "TokenizersBackend"}, added)


def _json(config: Mapping[str, Any] | None, text: str | None = None, more: Files | None = None) -> Files:
    files: Files = {"tokenizer.json": text or tokenizer_json(), **(more or {})}
    return files if config is None else {**files, "tokenizer_config.json": dict(config)}


def _keys() -> Iterator[tuple[str, Files]]:
    """Keys of the normalizer, stated and not, over files that agree and that do not."""
    stated: dict[str, dict[str, Any]] = {
        "none": {},
        "lower": {"do_lower_case": True},
        "cased": {"do_lower_case": False},
        "strip": {"strip_accents": True},
        "cased strip": {"do_lower_case": False, "strip_accents": True},
        "no strip": {"strip_accents": False},
        "null strip": {"strip_accents": None},
        "chinese": {"tokenize_chinese_chars": True},
        "no chinese": {"tokenize_chinese_chars": False},
        "clean_text": {"clean_text": False},
        "never_split": {"never_split": ["lovelace-book"]},
        "no basic": {"do_basic_tokenize": False},
        "split special": {"split_special_tokens": True},
        "wordpieces_prefix": {"wordpieces_prefix": "@@"},
    }
    texts = {
        "lower": tokenizer_json(),
        "cased": tokenizer_json(lower=False),
        "strip": tokenizer_json(lower=False, strip=True),
        "no chinese": tokenizer_json(chinese=False),
        "sequence": tokenizer_json(kind="sequence"),
        "nothing": tokenizer_json(kind="nothing"),
    }
    for file, text in texts.items():
        for name, config in stated.items():
            for known in ("BertTokenizer", "PreTrainedTokenizerFast"):
                yield (
                    f"keys/{file}/{name}/{known}",
                    _json({"tokenizer_class": known, "cls_token": "[CLS]", **config}, text),
                )
    for key in ("do_lower_case", "tokenize_chinese_chars", "strip_accents", "split_special_tokens"):
        for value in ("true", 1, None, [True]):
            if (key, value) != ("strip_accents", None):
                yield f"keys/bad/{key}/{value}", _json({"tokenizer_class": "BertTokenizer", key: value})


def _classes() -> Iterator[tuple[str, Files]]:
    """Names of classes, in either file or in none."""
    names = (
        "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizerFast",
        "ConvBertTokenizer", "LayoutLMTokenizer", "LxmertTokenizer", "MobileBertTokenizer", "RealmTokenizer",
        "RetriBertTokenizer", "SqueezeBertTokenizer", "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizerFast",
        "PreTrainedTokenizerFast", "PreTrainedTokenizer", "XLMRobertaTokenizer", "XLMRobertaTokenizerFast",
    )  # fmt: skip
    for name in names:
        yield f"classes/json/{name}", _json({"tokenizer_class": name}, tokenizer_json(lower=False))
        naming = {"model_type": "bert", "vocab_size": EMBEDDINGS, "tokenizer_class": name}
        yield f"classes/config/{name}", _json(None, more={"config.json": naming})
    for family in ("bert", "distilbert"):
        config = {"model_type": family, "vocab_size": EMBEDDINGS}
        yield f"classes/none/{family}", _json(None, tokenizer_json(lower=False), {"config.json": config})
        yield f"classes/empty/{family}", _json({}, more={"config.json": config})
    code = {"AutoTokenizer": ["own.Tokenizer", None]}
    yield "classes/auto_map", _json({"tokenizer_class": "BertTokenizer", "auto_map": code})
    inputs = (["input_ids", "attention_mask"], ["input_ids"], ["input_ids", "token_type_ids"], ["attention_mask"], None)
    for number, names_of in enumerate(inputs):
        yield f"classes/inputs/{number}", _json({"tokenizer_class": "BertTokenizer", "model_input_names": names_of})
    three = ["input_ids", "token_type_ids", "attention_mask"]
    yield "classes/inputs/distilbert", _json({"tokenizer_class": "DistilBertTokenizer", "model_input_names": three})
    for value in (True, False, None):
        for known in ("PreTrainedTokenizerFast", "BertTokenizer"):
            spaced: Files = {"tokenizer_class": known, "add_prefix_space": value}
            yield f"classes/prefix/{known}/{value}", _json(spaced, tokenizer_json(kind="bytes"))
    yield "classes/prefix/absent", _json({"tokenizer_class": "PreTrainedTokenizerFast"}, tokenizer_json(kind="bytes"))


def _flags(content: str, **flags: bool) -> dict[str, Any]:
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": True, **flags}


def _tokens() -> Iterator[tuple[str, Files]]:
    """Added and special tokens, in each of the files that may name them."""
    bert = {"tokenizer_class": "BertTokenizer"}
    plain = {"tokenizer_class": "PreTrainedTokenizerFast"}
    decoder = {
        "4": _flags("[MASK]", lstrip=True, normalized=False, special=True),
        "90": _flags("<new>", special=False),
        "91": _flags("[X]", special=True, normalized=False),
    }
    named: dict[str, Files] = {"bert": bert, "plain": plain}
    for name, config in named.items():
        for end, more in _additions(decoder).items():
            for text, file in {"": None, "/few": tokenizer_json(special=["[CLS]"], added=["word-new"])}.items():
                yield f"tokens/{name}/{end}{text}", _json({**config, **more}, file)
    legacy: dict[str, Files] = {
        "map": {"special_tokens_map.json": {"mask_token": "<mask>", "additional_special_tokens": ["[X]", "<e1>"]}},
        "map of objects": {
            "special_tokens_map.json": {
                "cls_token": _flags("[CLS]"),
                "mask_token": _flags("[MASK]", lstrip=True),
                "additional_special_tokens": [_flags("[X]", rstrip=True), "<e1>"],
            }
        },
        "added": {"added_tokens.json": {"<new>": 90, "[X]": 89}},
        "added and map": {
            "added_tokens.json": {"<new>": 90, "[X]": 89, "[MASK]": 4},
            "special_tokens_map.json": {"mask_token": "[X]"},
        },
    }
    for name, files in legacy.items():
        yield f"legacy/json/{name}", _json(bert, more=files)
        yield f"legacy/plain/{name}", _json(plain, more=files)
        yield f"legacy/json with more/{name}", _json({**bert, "additional_special_tokens": ["<e1>", "<s>"]}, more=files)
        yield f"legacy/vocab/{name}", {"vocab.txt": "\n".join(WORDS), "tokenizer_config.json": bert, **files}
        cased = {**bert, "do_lower_case": False}
        yield f"legacy/vocab cased/{name}", {"vocab.txt": "\n".join(WORDS), "tokenizer_config.json": cased, **files}
    added = [
        AddedToken("<new>", lstrip=True),
        AddedToken("[X]", special=True),
        AddedToken("lovelace", single_word=True),
    ]
    configs: tuple[Files, ...] = (bert, {**bert, "do_lower_case": False}, plain)
    for number, one in enumerate(configs):
        yield f"tokens/in file/{number}", _json(one, tokenizer_json(added=added))
    yield (
        "tokens/tokenizer_file null",
        {
            **_json({**bert, "tokenizer_file": None}, tokenizer_json(added=["lovelace-book"])),
            "vocab.txt": "\n".join(reversed(WORDS)),
        },
    )


def _additions(decoder: Files) -> dict[str, Files]:
    """To tokenizer_config.json."""
    return {
        "decoder": {"added_tokens_decoder": decoder},
        "decoder empty": {"added_tokens_decoder": {}},
        "decoder cased": {"added_tokens_decoder": decoder, "do_lower_case": False},
        "additional": {"additional_special_tokens": ["[X]", "<new>"]},
        "additional objects": {"additional_special_tokens": [{"__type": "AddedToken", **_flags("[X]", lstrip=True)}]},
        "roles": {"cls_token": "[X]", "mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"},
        "roles as objects": {
            "mask_token": {"__type": "AddedToken", **_flags("[MASK]", lstrip=True)},
            "sep_token": {"__type": "AddedToken", **_flags("[SEP]", rstrip=True)},
        },
        "roles null": {"mask_token": None, "cls_token": None},
        "extra": {"extra_special_tokens": {"e1_token": "<e1>", "x_token": "[X]"}},
        "unknown cls": {"cls_token": "[nowhere]"},
    }


def _windows() -> Iterator[tuple[str, Files]]:
    """What decides on windows: lengths and sides."""
    bert = {"tokenizer_class": "BertTokenizer"}
    stated: dict[str, Files] = {
        "max_length": {"model_max_length": 24},
        "max_len": {"max_len": 24},
        "both": {"model_max_length": 30, "max_len": 24},
        "null": {"model_max_length": None, "max_len": 24},
        "float": {"model_max_length": 24.0},
        "huge": {"model_max_length": 1e30},
        "left": {"truncation_side": "left"},
        "right": {"truncation_side": "right"},
        "middle": {"truncation_side": "middle"},
    }
    for name, config in stated.items():
        yield f"windows/{name}", _json({**bert, **config})
        yield f"windows/vocab/{name}", {"vocab.txt": "\n".join(WORDS), "tokenizer_config.json": {**bert, **config}}
    yield "windows/left in file", _json(bert, tokenizer_json(truncate="left"))
    yield (
        "windows/left in file, right stated",
        _json({**bert, "truncation_side": "right"}, tokenizer_json(truncate="left")),
    )
    yield (
        "windows/right in file, left stated",
        _json({**bert, "truncation_side": "left"}, tokenizer_json(truncate="right")),
    )
    yield "windows/padding in file", _json(bert, tokenizer_json(pad="right"))


def _vocabularies() -> Iterator[tuple[str, Files]]:
    """vocab.txt alone."""
    bert = {"tokenizer_class": "BertTokenizer"}
    lines = "\n".join(WORDS)
    odd = [*WORDS[:40], "a\u2028b", "c\x85d", "e\x0bf", "g\x0ch", "i\x1cj", "\u2029", *WORDS[40:]]
    renamed = ["<pad>", "<unk>", "<s>", "</s>", "<mask>", *WORDS[5:]]
    roles = {
        "unk_token": "<unk>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "mask_token": "<mask>",
    }
    files: dict[str, Files] = {
        "plain": {"vocab.txt": lines},
        "ended": {"vocab.txt": lines + "\n"},
        "blank last line": {"vocab.txt": lines + "\n\n"},
        "blank in the middle": {"vocab.txt": "\n".join([*WORDS[:30], "", "", *WORDS[30:]])},
        "crlf": {"vocab.txt": lines.replace("\n", "\r\n") + "\r\n"},
        "cr": {"vocab.txt": lines.replace("\n", "\r")},
        "trailing space": {"vocab.txt": lines.replace("\nada\n", "\nada \n")},
        "separators": {"vocab.txt": "\n".join(odd)},
        "repeated": {"vocab.txt": "\n".join([*WORDS, "ada", "paris", "ada"])},
        "byte order mark": {"vocab.txt": "\ufeff" + lines},
        "without mask": {"vocab.txt": "\n".join(word for word in WORDS if word != "[MASK]")},
        "without cls": {"vocab.txt": "\n".join(word for word in WORDS if word != "[CLS]")},
        "without unknown": {"vocab.txt": "\n".join(word for word in WORDS if word != "[UNK]")},
        "empty": {"vocab.txt": ""},
        "renamed in map": {"vocab.txt": "\n".join(renamed), "special_tokens_map.json": roles},
        "renamed in config": {"vocab.txt": "\n".join(renamed), "tokenizer_config.json": {**bert, **roles}},
        "null cls": {"vocab.txt": lines, "tokenizer_config.json": {**bert, "cls_token": None}},
        "no config": {"vocab.txt": lines, "tokenizer_config.json": None},
        "generic class": {"vocab.txt": lines, "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}},
    }  # fmt: skip
    for name, content in files.items():
        made: Files = {"tokenizer_config.json": bert, **content}
        yield f"vocabularies/{name}", {file: value for file, value in made.items() if value is not None}
    for key, values in {
        "do_lower_case": (True, False),
        "strip_accents": (True, False),
        "tokenize_chinese_chars": (False,),
    }.items():
        for value in values:
            yield f"vocabularies/{key}/{value}", {"vocab.txt": lines, "tokenizer_config.json": {**bert, key: value}}
    yield "vocabularies/distilbert", {
        "vocab.txt": lines, "config.json": {"model_type": "distilbert", "vocab_size": EMBEDDINGS}
    }  # fmt: skip
