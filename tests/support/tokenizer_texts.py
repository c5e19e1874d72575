"""Folders of each kind of tokenizer, and texts that they split in ways of their own: white space, scripts, tokens.

Used by the golden test of `tokenization/` and by scripts/golden_places.py, which runs where neither Mooring nor pytest
is installed: nothing but the standard library and `tokenizers` may be imported here.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram

from tests.support.tokenizer_variants import WORDS, Files, tokenizer_json

TEXTS = {
    "plain": "Who wrote the book, Ada?",
    "accents": "Le café décomposé: cafe\u0301, É, ﬁn ½",
    "emoji": "love ❤️ 👩‍👩‍👧 it 🇫🇷!",
    "cjk": "北京 is in 中国。日本語ｶﾅ",
    "rtl": "שלום the \u200fمرحبا\u200e world",
    "white space": "\ta  b\t\tc\r\nd \u00a0e\u3000f ",
    "leading spaces": "   the book",
    "only spaces": "   ",
    "contractions": "it's we'll DON'T 3.14 a_b",
    "specials": "the <mask>  <mask>x </s><s> [MASK] <pad> [SEP]<unk>",
    "control": "a\u0000b\u0007c\ufffdd",
}
PAIRS = {
    "plain": ("Who wrote it?", "Ada  Lovelace wrote the book."),
    "spaces": ("  the <mask>", " é <mask> the"),
    "scripts": ("北京 in?", "👑 שלום\tthe"),
}

MERGES = ["t h", "th e", "Ġ the", "Ġ a", "i s", "Ġ is", "o o", "b oo", "boo k", "Ġ book", "Ã ©", "Ġ Ġ", "Ġ <"]
_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
_ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
TOKENS = [*_SPECIALS, *_ALPHABET, *(merge.replace(" ", "") for merge in MERGES), "<mask>"]
ROBERTA: Files = {"config.json": {"model_type": "roberta", "vocab_size": len(TOKENS), "type_vocab_size": 1}}
MPNET: Files = {"config.json": {"model_type": "mpnet", "vocab_size": len(WORDS)}}
_MPNET_NAMES = {"[PAD]": "<pad>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}
PLAIN_MASK = {"__type": "AddedToken", "content": "<mask>", "lstrip": False, "rstrip": False, "normalized": True}
MPNET_WORDS = [_MPNET_NAMES.get(word, word) for word in WORDS]


def folders() -> Iterator[tuple[str, Files]]:
    """Every folder: its name, unique, and its files."""
    yield (
        "bert/json",
        {"tokenizer.json": tokenizer_json(), "tokenizer_config.json": {"tokenizer_class": "BertTokenizer"}},
    )
    yield "bert/vocab", {"vocab.txt": "\n".join(WORDS)}
    yield from _mpnet()
    yield from _roberta_json()
    yield from _roberta_vocabulary()
    for name in ("XLMRoberta", "Camembert"):
        for end, more in {"": {}, "/prefix space": {"add_prefix_space": True}}.items():
            config: Files = {"tokenizer_class": f"{name}Tokenizer", **more}
            kind = {"XLMRoberta": "xlm-roberta"}.get(name, name.lower())
            yield (
                f"{kind}/json{end}",
                {
                    "tokenizer.json": _unigram(),
                    "tokenizer_config.json": config,
                    "config.json": {"model_type": kind, "vocab_size": 1000},
                },
            )


def _mpnet() -> Iterator[tuple[str, Files]]:
    made: dict[str, Mapping[str, Any]] = {
        "": {},
        "/cased": {"do_lower_case": False},
        "/no chinese": {"tokenize_chinese_chars": False},
        "/keep accents": {"strip_accents": False},
        "/cased, no chinese": {"do_lower_case": False, "tokenize_chinese_chars": False},
        "/plain mask": {"mask_token": PLAIN_MASK},
    }
    vocab = "\n".join(MPNET_WORDS) + "\n"
    for end, config in made.items():
        yield f"mpnet/vocab{end}", {"vocab.txt": vocab, "tokenizer_config.json": dict(config), **MPNET}
        stated = {"tokenizer_class": "MPNetTokenizer", **config}
        files = {"tokenizer.json": _mpnet_json(), "tokenizer_config.json": stated, **MPNET}
        yield f"mpnet/json{end}", files


def _mpnet_json() -> str:
    """As the fast tokenizer saves it, cased."""
    special = ["<pad>", "[UNK]", "<s>", "</s>", AddedToken("<mask>", lstrip=True)]
    tokenizer = Tokenizer.from_str(tokenizer_json(lower=False, words=MPNET_WORDS, special=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s>:0 $A:0 </s>:0",
        pair="<s>:0 $A:0 </s>:0 </s>:0 $B:1 </s>:1",
        special_tokens=[("<s>", 2), ("</s>", 3)],
    )
    return str(tokenizer.to_str())


_KEYS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "/prefix space": {"add_prefix_space": True},
    "/untrimmed": {"trim_offsets": False},
    "/prefix space, untrimmed": {"add_prefix_space": True, "trim_offsets": False},
}


def _roberta_json() -> Iterator[tuple[str, Files]]:
    for end, config in _KEYS.items():
        stated = {"tokenizer_class": "RobertaTokenizer", **config}
        yield f"roberta/json{end}", {"tokenizer.json": _byte_level(), "tokenizer_config.json": stated, **ROBERTA}
    bare = {"tokenizer.json": _byte_level(prefix=True, trim=False, frame="template"), **ROBERTA}
    yield "roberta/json/template", bare
    yield "roberta/json/byte level", {"tokenizer.json": _byte_level(trim=False, frame="byte level"), **ROBERTA}


def _roberta_vocabulary() -> Iterator[tuple[str, Files]]:
    files: Files = {
        "vocab.json": {token: number for number, token in enumerate(TOKENS)},
        "merges.txt": "\n".join(["#version: 0.2", *MERGES, ""]),
        **ROBERTA,
    }
    for end, config in _KEYS.items():
        yield f"roberta/vocab{end}", {**files, "tokenizer_config.json": dict(config)}
    yield "roberta/vocab/no config", files
    yield "roberta/vocab/no last line end", {**files, "merges.txt": "\n".join(["#version: 0.2", *MERGES])}
    yield "roberta/vocab/crlf", {**files, "merges.txt": "\r\n".join(["#version: 0.2", *MERGES, ""])}
    yield "roberta/vocab/no version", {**files, "merges.txt": "\n".join([*MERGES, ""])}
    yield "roberta/vocab/repeated merge", {**files, "merges.txt": "\n".join(["#version: 0.2", *MERGES, *MERGES, ""])}
    few = {token: number for number, token in enumerate(t for t in TOKENS if t not in ("<mask>", "</s>"))}
    yield "roberta/vocab/tokens missing", {**files, "vocab.json": few}
    yield "roberta/vocab/added", {**files, "added_tokens.json": {"the": len(TOKENS)}}
    yield "roberta/vocab/plain mask", {**files, "tokenizer_config.json": {"mask_token": PLAIN_MASK}}
    over: Files = {"tokenizer_class": "RobertaTokenizer", "tokenizer_file": None}
    yield "roberta/vocab/over json", {**files, "tokenizer.json": _byte_level(), "tokenizer_config.json": over}
    wrong = {**files, "merges.txt": "\n".join(["#version: 0.2", "t h e", ""])}
    yield "roberta/vocab/three parts", wrong
    yield "roberta/vocab/unknown merge", {**files, "merges.txt": "\n".join(["#version: 0.2", "x y", ""])}


def _byte_level(*, prefix: bool = False, trim: bool = True, frame: str = "roberta") -> str:
    merges = [(first, second) for first, second in map(str.split, MERGES)]
    tokenizer = Tokenizer(BPE({token: number for number, token in enumerate(TOKENS)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([*_SPECIALS, AddedToken("<mask>", lstrip=True)])
    if frame == "roberta":
        kind = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=trim, add_prefix_space=prefix)
        tokenizer.post_processor = kind
    elif frame == "template":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim)
    return str(tokenizer.to_str())


def _unigram() -> str:
    """As XLM-RoBERTa's: pieces of words with a mark for the space before them."""
    words = ["▁", "▁the", "▁book", "▁a", "▁Ada", "wrote", "▁wrote", "▁is", "▁it", "é", "caf", "▁caf", "北京", "fi", "n"]
    letters = [*"abcdefghijklmnopqrstuvwxyzABCD.,!?'<>[]/0123456789", "北", "京", "中", "国", "ש", "ل", "❤", "👑"]
    pieces = [
        *((one, 0.0) for one in ("<s>", "<pad>", "</s>", "<unk>")),
        *((word, -3.0 - i / 9) for i, word in enumerate(words)),
    ]
    pieces += [(letter, -8.0 - i / 9) for i, letter in enumerate(letters) if letter not in words]
    tokenizer = Tokenizer(Unigram([*pieces, ("<mask>", 0.0)], unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\t", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)])
    return json.dumps(json.loads(tokenizer.to_str()))
