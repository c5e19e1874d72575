"""The corpus of tokenizers."""

import base64
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mooring.tokenization.patterns import KNOWN
from tests.fuzz.harnesses import SEPARATOR, sound_file


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _tokenizer(change: Callable[[dict[str, Any]], object] = lambda _: None, **config: object) -> bytes:
    file = json.loads(sound_file("tokenizer.json"))
    change(file)
    return _json(file) + SEPARATOR + _json({"tokenizer_class": "PreTrainedTokenizerFast", **config})


def _part(name: str, value: object, **config: object) -> bytes:
    return _tokenizer(lambda file: file.update({name: value}), **config)


def _replaced(pattern: object, content: object = "x") -> bytes:
    return _part("normalizer", {"type": "Replace", "pattern": pattern, "content": content})


FLAGS = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
PATTERNS = (" {2,}", r"\s+", r"[^\r\n]+|\p{N}{1,3}", "^a|b$", "ab?", min(KNOWN))
SLOW = ("(x+x+)+y", "a+b", "a$b", "a*", "|a", "a|", "", "+a", "a^b", "a" * 257, "(", "a++")


def _framed(file: dict[str, Any]) -> None:
    post = file["post_processor"]
    post["single"] = post["single"][:1] * 99 + post["single"]


def tokenizers() -> Iterator[bytes]:
    """Files of tokenizers."""
    token = {"content": "<t>", "special": True}
    yield _tokenizer()
    yield _tokenizer(tokenizer_class="BertTokenizer", do_lower_case=False, strip_accents=None)
    yield _tokenizer(model_input_names=["input_ids", "attention_mask"], truncation_side="left", padding_side="right")
    yield _tokenizer(added_tokens_decoder={"192": token}, extra_special_tokens={"a": "<t>"})
    yield (
        _tokenizer(additional_special_tokens=["<a>", token], cls_token=token)
        + SEPARATOR
        + _json({"additional_special_tokens": ["<b>", "<a>"], "mask_token": token, "pad_token": None})
        + SEPARATOR
        + _json({"<c>": 200})
    )
    yield _tokenizer(extra_special_tokens=["<e>"], clean_up_tokenization_spaces=True)
    yield _tokenizer(tokenizer_class="RobertaTokenizer", mask_token="<mask>")
    yield from (_replaced({"Regex": pattern}) for pattern in PATTERNS)
    yield _replaced({"String": "a"}, "bb")
    yield _part(
        "normalizer", {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "_"}]}
    )
    yield _part("added_tokens", [{"id": 5, "content": "a", **FLAGS}])
    yield _part("model", {"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]", 0.0], ["[CLS]", -1], ["[SEP]", -1]]})
    yield _tokenizer().replace(b'"[MASK]":', b'"\xa1":')  # found by fuzzing
    # Refused
    yield from (_replaced({"Regex": pattern}) for pattern in SLOW)
    yield from (
        _replaced({"String": ""}, "x" * 99),
        _replaced({"String": 7}),
        _replaced(7),
        _replaced({"String": "a"}, 7),
    )
    yield _part("normalizer", {"type": "Precompiled", "precompiled_charsmap": "?"})
    many = base64.b64encode(struct.pack("<I", 4) + b"\0" * 4 + b"x" * 99 + b"\0").decode()
    yield _part("normalizer", {"type": "Precompiled", "precompiled_charsmap": many})
    yield _part("normalizer", {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 99})
    yield _part("normalizer", {"type": "Sequence", "normalizers": 7})
    yield _part("decoder", "x" * (5 << 20))
    yield _part("added_tokens", [{}] * 50_000)
    yield from (_part("added_tokens", 7), _part("model", 7), _part("model", {"vocab": 7}))
    yield _part("added_tokens", [{"id": n, "content": f"{n}" + "x" * 60, **FLAGS} for n in range(17_000)])
    yield _part("added_tokens", [{"id": n, "content": f"{n}", **FLAGS} for n in range(20_001)])
    yield _tokenizer(lambda file: file["model"].update(max_input_chars_per_word=10**9))
    yield _tokenizer(lambda file: file["model"]["vocab"].update({"x" * 2000: 1}))
    yield _tokenizer(_framed)
    yield b"{" + SEPARATOR + b"{}"
    yield b'{"normalizer":' * 2000
    for key, values in REFUSED_KEYS.items():
        yield from (_tokenizer(**{"tokenizer_class": "BertTokenizer", key: value}) for value in values)
    sound = _tokenizer() + SEPARATOR
    yield from (
        sound + _json({"additional_special_tokens": ["t"] * 2001}),
        sound + _json({"mask_token": 7}),
        sound + _json({"additional_special_tokens": 7}),
        sound + b"{}" + SEPARATOR + _json({"a": -1}),
        sound + b"{}" + SEPARATOR + _json({f"t{number}": number for number in range(20_002)}),
    )


REFUSED_KEYS: Mapping[str, tuple[Any, ...]] = {
    "do_lower_case": (7,),
    "padding_side": ("left", "up"),
    "model_input_names": (7, ["x"], ["attention_mask"]),
    "fast_tokenizer_files": (["x"],),
    "added_tokens_decoder": (7, {"x": {"content": "a"}}, {"1": "a"}, {"1": {"content": "a", "lstrip": 7}}),
    "additional_special_tokens": (7, ["t"] * 2001),
    "extra_special_tokens": ([7],),
}
