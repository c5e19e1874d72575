"""The corpus of each harness, made here: smaller than as files. Inputs found by fuzzing are added as they are."""

import base64
import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mooring.tasks import TASKS as SPECS
from mooring.tokenization.patterns import KNOWN
from tests.fuzz.harnesses import SEPARATOR, TASKS, sound_file

NO_VALUES: tuple[Any, ...] = (None, 0, -1, 1.5, "x", [], {}, True, 10**30)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _asked(task: str, kind: int, body: bytes) -> bytes:
    return bytes((TASKS.index(task), kind)) + body


QA, TEXT, MASK = "question-answering", "text-classification", "fill-mask"
PAIR = {"question": "Who?", "context": "Ada wrote it."}
ACCEPTED: Mapping[str, tuple[object, ...]] = {
    QA: (
        PAIR,
        [PAIR, PAIR],
        {"inputs": PAIR, "parameters": {"topk": 3, "max_seq_len": 64, "doc_stride": 0, "max_question_len": 9}},
        {"inputs": {"question": "Who?", "contexts": ["Ada.", "Bob."]}},
        {"inputs": {"question": ["Who?", "Where?"], "context": "Ada wrote it."}, "options": {}},
        {"inputs": {"question": ["Who?", "Where?"], "context": ["Ada.", "Here."]}},
        {"inputs": PAIR, "parameters": {"handle_impossible_answer": True, "top_k": None, "padding": True}},
        {"inputs": {"question": "Wo?", "context": "In Köln 🌊."}},
    ),
    TEXT: (
        "good",
        {"inputs": "good"},
        {"inputs": ["good", {"text": "a", "text_pair": "b"}], "parameters": {"top_k": None}},
        {"inputs": {"text": "a"}, "parameters": {"function_to_apply": "Sigmoid", "truncation": True}},
        {"inputs": "good", "parameters": {"return_all_scores": True, "truncation_direction": "Left", "max_length": 9}},
        {"inputs": "a", "parameters": {"return_all_scores": False, "top_k": 2}},
        {"inputs": "a", "parameters": {"function_to_apply": None}},
    ),
    MASK: (
        {"inputs": "It is <mask>.", "parameters": {"targets": ["good"], "top_k": 2}},
        {"inputs": ["It is <mask>."], "parameters": {"targets": "good"}},
    ),
    "feature-extraction": ({"inputs": [{"text": "good"}]},),
    "sentence-embeddings": ({"inputs": "good", "parameters": {"normalize": True, "dimensions": 4}},),
}
REFUSED: Mapping[str, tuple[object, ...]] = {
    QA: (
        [],
        "x",
        {"inputs": "x"},
        {"inputs": {"question": "Who?"}},
        {"inputs": {"question": "Who?", "contxt": "x"}},
        {"inputs": {"question": [], "context": "x"}},
        {"inputs": {"question": ["a"], "context": ["b", "c"]}},
        {"inputs": {"question": "a", "contexts": []}},
        {"inputs": {"question": "a", "contexts": "b"}},
        {"inputs": {"question": "a", "contexts": ["b"], "context": "c"}},
        {"inputs": {"question": "a", "contexts": ["b"] * 4097}},
        {"inputs": [{"question": "a", "contexts": ["b"] * 4000}] * 2},
        {"inputs": [PAIR] * 4097},
        {"inputs": {"question": " ", "context": ""}},
        {"inputs": PAIR, "parameters": {"max_seq_len": 10**6}},
        {"inputs": PAIR, "parameters": {"doc_stride": 500}},
        {"inputs": PAIR, "parameters": {"top_k": 10**6}},
        {"inputs": PAIR, "parameters": {"topk": True}},
        {"inputs": PAIR, "parameters": {"align_to_words": 1}},
        {"inputs": PAIR, "parameters": {"tpk": 1}},
        {"inputs": PAIR, "parameters": {"nothing like it": 1}},
        {"inputs": PAIR, "parameters": []},
        {"inputs": PAIR, "top_k": 1},
        {"inputs": PAIR, "paramters": {}, **{f"k{number:07}": 1 for number in range(70)}},
    ),
    TEXT: (
        {"inputs": []},
        {"inputs": 7},
        {"inputs": {"text_pair": "b"}},
        {"inputs": ["a"] * 4097},
        {"inputs": {"text": 7}},
        {"inputs": "a", "parameters": {"function_to_apply": "cube"}},
        {"inputs": "a", "parameters": {"max_length": 10**6}},
        {"inputs": "a", "parameters": {"truncation_direction": "up"}},
        {"inputs": "a", "parameters": {"return_all_scores": 7}},
    ),
    MASK: (
        {"inputs": "It is <mask>.", "parameters": {"targets": []}},
        {"inputs": "It is <mask>.", "parameters": {"targets": 7}},
        {"inputs": "It is <mask>.", "parameters": {"targets": [7]}},
        {"inputs": "It is <mask>.", "parameters": {"targets": ["x" * 1001]}},
        {"inputs": "It is <mask>.", "parameters": {"targets": ["x"] * 1001}},
    ),
    "feature-extraction": (
        {"inputs": []},
        {"inputs": [7]},
        {"inputs": [{"txt": "a"}]},
        {"inputs": ["a"] * 4097},
    ),
}
ROWS = (
    b'"Question", context \n"a ""b""\n,c",d\n\n',
    b"inputs,id\nhello,1\nworld,2\n",
    b"question,context\na,b,c\n",
    b"question;context\na;b\n",
    b"a,b\nc,d\n",
    b"question,question\na,b\n",
    b"question\n",
    b'question\n"a"b\n',
    b"," * 1001 + b"\n",
    b"inputs\xff\n",
    b"text,top_k\na,1\n",
)
LINES = (
    b'\n \n{"text":"a"}\n\r\n"b"\n',
    b'{"inputs":"a","parameters":{"top_k":1}}\n{"inputs":"b","parameters":{"top_k":1}}',
    b'{"inputs":"a","options":{}}\n{"inputs":"b"}',
    b'{"inputs":"a","parameters":{"top_k":1}}\n"b"',
    b'["a"]\n',
    b'{"inputs":"a"}\n{"inputs":"b","top_k":1}',
    b'"a"\n{"text":7}',
    b"7\n{\n",
)
BODIES = (
    b"",
    b" \n",
    b'\xef\xbb\xbf"good"',
    b"\xff\xfe\x22\x00",
    b"\x22\x00\x41\x00",
    b'"\xff"',
    b'{"inputs":"a"} {"inputs":"b"}',
    b'"never closed',
    b"[" * 5000,
    b"[" + b"[]," * 1_000_001,
    b"nul",
)


def requests() -> Iterator[bytes]:
    """Bodies of every task and type."""
    for task in TASKS:
        yield _asked(task, 0, _json(SPECS[task].example))
    for bodies in (ACCEPTED, REFUSED):
        for task, values in bodies.items():
            yield from (_asked(task, 0, _json(value)) for value in values)
    for task in (QA, TEXT):
        yield from (_asked(task, 2, rows) for rows in ROWS)
        yield from (_asked(task, 1, lines) for lines in LINES)
        yield from (_asked(task, 0, body) for body in BODIES)


def _tar(*members: tuple[str, bytes, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for name, of_type, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = of_type, len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


FILE, FOLDER, LINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE
CONFIG_MEMBER = ("config.json", FILE, b"{}")


def _block(name: str, kind: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if size is None else size
    return info.tobuf(tarfile.GNU_FORMAT) + content + b"\0" * (-len(content) % 512)


END = b"\0" * 1024


def archives() -> Iterator[bytes]:
    """Archives, mostly without gzip."""
    sound = _tar(CONFIG_MEMBER, ("code/inference.py", FILE, b"x"))
    yield from (sound, gzip.compress(sound), gzip.compress(sound)[:-4], sound[:700], b"", b"\0" * 512, sound + b"x" * 9)
    yield _tar((".", FOLDER, b""), ("./a", FOLDER, b""), ("./a", FOLDER, b""), ("./a/b", FILE, b"x"), CONFIG_MEMBER)
    yield _tar(("a/config.json", FILE, b"{}"))
    yield _tar(("a" * 150 + "/" + "b" * 150, FILE, b"x"), CONFIG_MEMBER, kind=tarfile.GNU_FORMAT)
    yield _tar(("é" * 60, FILE, b"x"), ("._x", FILE, b"mac"))
    yield _block("x", b"x", b"16 comment=hello\n") + _block("f", FILE, b"x") + END
    yield _block("x", b"x", b"9 size=1\n\0\0") + _block("f", FILE, b"x") + END
    yield _block("g", b"g", b"") + _block("f", FILE, b"x") + END
    yield _block("L", b"L", b"long\0") + _block("K", b"K", b"target\0") + _block("f", FILE, b"x") + END
    yield _block("big", FILE, b"x" * 600) + END
    yield from (
        _tar(("../a", FILE, b"")),
        _tar(("a:b", FILE, b"")),
        _tar(("a", LINK, b"")),
        _tar(("a", tarfile.FIFOTYPE, b"")),
        _tar(("a", FILE, b""), ("a", FILE, b"")),
        _tar(("a", FILE, b""), ("a/b", FILE, b"")),
        _tar(("a/" * 40, FOLDER, b"")),
        _tar(("a" * 1100, FILE, b"")),
        _tar(("a" * 300, FILE, b"")),
        _tar((".", FILE, b"")),
        _tar(*((f"d{number}", FOLDER, b"") for number in range(101))),
        _tar(("/".join("abcdefghijklmnopqrst") + "/x", FOLDER, b""), *((f"{n}/b/c/d", FOLDER, b"") for n in range(30))),
        _block("a", FILE, b"", size=1 << 21) + END,
        _block("a", FILE, b"x", size=3000) + END,
        _block("a", b"S", b"") + END,
        _block("x", b"x", b"21 GNU.sparse.size=1\n") + _block("f", FILE) + END,
        _block("x", b"x", b"x" * 30) + _block("f", FILE) + END,
        _block("x", b"x", b"99 path=a\n") + _block("f", FILE) + END,
        _block("x", b"x", b"10 size=x\n") + _block("f", FILE) + END,
        _block("g", b"g", b"9 path=x\n") + _block("f", FILE) + END,
        _block("L", b"L", size=8 << 30) + END,
        _block("L", b"L", size=600) + b"x" * 100,
        b"".join(_block("L", b"L", b"a" * (1 << 20)) + _block("f", FOLDER) for _ in range(17)) + END,
        _block("x", b"x", b"9 path=x\n") * 9 + _block("f", FILE) + END,
        sound + b"\0" * (17 << 20),
        b"no tar" * 200,
        sound[:148] + b"9" * 8 + sound[156:],
    )
    info = tarfile.TarInfo("negative")
    info.size = -1
    yield info.tobuf(tarfile.GNU_FORMAT) + END


def _header(value: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = value if isinstance(value, bytes) else _json(value)
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def headers() -> Iterator[bytes]:
    """Small safetensors files."""
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    yield _header({"t": one}, b"\0" * 4)
    yield _header({"t": one, "u": {**one, "data_offsets": [4, 8]}, "__metadata__": {"format": "pt"}}, b"\0" * 8)
    yield _header({"t": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}, b"\0" * 8)
    yield _header({})
    yield _header({"empty": {"dtype": "I64", "shape": [0, 3], "data_offsets": [0, 0]}})
    yield _header({"bool": {"dtype": "BOOL", "shape": [], "data_offsets": [0, 1]}}, b"\1")
    yield from (b"", b"\0" * 8, b"version https://git-lfs", _header({"t": one}), _header({"t": one}, b"\0" * 5))
    yield from (_header({}, length=1 << 40), _header({}, length=100), _header([]), _header(b"{"), _header(b"[" * 9999))
    yield from (_header(b'{"t":1,"t":2}'), _header({"t": [], "u": one}), _header({"t": {**one, "dtype": "F7"}}))
    for key, values in {"shape": [[1] * 9, [2**63], [-1], "x", [2]], "data_offsets": [[0], [4, 0], [1, 5]]}.items():
        yield from (_header({"t": {**one, key: value}}, b"\0" * 5) for value in values)
    yield _header({"t": one, "u": {**one, "data_offsets": [2, 6]}}, b"\0" * 6)
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    yield _header({f"{number}": entry for number in range(10_001)})


def _edited(name: str, **changes: object) -> bytes:
    return _json({**json.loads(sound_file(name)), **changes})


def configs() -> Iterator[bytes]:
    """config.json, with and without tokenizer_config.json."""

    def config(**changes: object) -> bytes:
        return _edited("config.json", **changes)

    yield config()
    yield config() + SEPARATOR + _json({"model_max_length": 128})
    yield config() + SEPARATOR + _json({"max_len": 1e30})
    yield config(id2label={"0": "a"}) + SEPARATOR + _json({"model_max_length": None})
    yield config(num_labels=3, architectures=None) + SEPARATOR + b"{}"
    yield config(model_type="roberta", max_position_embeddings=514)
    yield config(model_type="mpnet", max_position_embeddings=514)
    yield config(num_labels=10**9)
    yield config(pruned_heads={"0": [1]})
    yield config(model_type="t5")
    yield config(model_type=7)
    yield config(model_type="roberta", pad_token_id=600)
    yield config(hidden_size=33)
    yield config(hidden_size=2048, num_attention_heads=2048, max_position_embeddings=1024)
    yield config(max_position_embeddings=10**9)
    yield from (config(vocab_size=value) for value in NO_VALUES[:4])
    yield from (config() + SEPARATOR + _json({"model_max_length": value}) for value in (0, "x", True, float("nan")))
    yield from (b"", b"[]", b"{", b"[" * 300_000, b"\xff")
    yield config(num_hidden_layers=1, type_vocab_size=1)


FACTS: Mapping[str, Any] = {
    "name": "it", "source": "it", "task": "question-answering", "family": "bert", "format": "safetensors",
    "architecture": "BertForQuestionAnswering", "precision": "fp32", "weights_dtype": "F32", "labels": {},
    "max_positions": 512, "vocab_size": 192, "hidden_size": 32, "layers": 2, "max_seq_len": 384, "schema": 1,
}  # fmt: skip


def manifests() -> Iterator[bytes]:
    """mooring.json, with and without config.json."""

    def manifest(**changes: object) -> bytes:
        return _json({**FACTS, **changes})

    config = SEPARATOR + sound_file("config.json")
    yield from (manifest() + config, manifest(tasks=["question-answering"], warnings=["x"], built="now") + config)
    narrow = {"questions": 1, "candidate": 1, "drop": 0, "drop_upper": 0, "passed": False}
    yield manifest(gate={"passed": True, "narrow": narrow}) + config
    yield manifest(sentence={"pooling": ["mean"], "size": 32}, quality={"f1": 1.5}) + config
    yield from (manifest(max_seq_len=512, revision="abc", digest="x") + config, manifest(missing=["a"]) + config)
    yield from (manifest(schema=99), manifest(schema="x"), b"{", b"[" * 300_000, b"", manifest())
    yield from (manifest(family="t5") + config, manifest(format="openvino") + config, manifest(precision="int3"))
    yield manifest(max_seq_len=513) + config
    yield from (manifest(max_positions=value) + config for value in (0, 10**9, 256))
    yield from (manifest(vocab_size=value) + config for value in (-1, 7))


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


def modules() -> Iterator[bytes]:
    """The files of sentence-transformers."""

    def listed(*kinds: str) -> bytes:
        paths = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}
        return _json(
            [{"type": f"sentence_transformers.models.{kind}", "path": paths.get(kind, kind)} for kind in kinds]
        )

    def files(
        *kinds: str, pooling: object = None, dense: object = None, prompts: object = None, limits: object = None
    ) -> bytes:
        parts = (pooling or {"pooling_mode_mean_tokens": True}, dense, prompts, limits)
        return SEPARATOR.join((listed(*kinds), *(b"" if part is None else _json(part) for part in parts)))

    base, dense = ("Transformer", "Pooling"), {"in_features": 32, "out_features": 8}
    yield files(*base)
    yield files(*base, "Dropout", "Normalize", limits={"max_seq_length": 64, "do_lower_case": True})
    yield files(*base, "Dense", dense={**dense, "bias": False, "activation_function": "torch.nn.Identity"})
    yield files(
        *base, prompts={"prompts": {"query": "q: "}, "default_prompt_name": "query", "similarity_fn_name": "dot"}
    )
    yield files(*base, pooling={"pooling_mode": "cls"})
    yield files(*base, pooling={"pooling_mode": ["mean", "max"]}, prompts={"prompts": None})
    yield files("Transformer")
    yield b""
    # Refused
    yield from (files("Transformer", "WordWeights"), files("Pooling", "Transformer"), files(*base, *["Dense"] * 20))
    for pooling in ({"x": 1}, {"pooling_mode": ["mean"] * 2}, {"pooling_mode": "lasttoken"}, {"pooling_mode": 7}):
        yield files(*base, pooling=pooling)
    yield files(*base, pooling={"pooling_mode": "mean", "include_prompt": False})
    yield from (files(*base, "Dense"), files(*base, "Dense", dense={**dense, "in_features": 7}))
    yield files(*base, "Dense", dense={**dense, "activation_function": "Cube"})
    for prompts in (
        {"prompts": 7},
        {"prompts": {"a": 7}},
        {"prompts": {"a": "x" * 10_001}},
        {"default_prompt_name": "a"},
    ):
        yield files(*base, prompts=prompts)
    yield files(*base, prompts={"prompts": {str(number): "" for number in range(1001)}})
    yield files(*base, prompts={"similarity_fn_name": "cube"})
    yield files(*base, limits={"max_seq_length": 0})
    yield from (b"{}", b"[]", b"[7]", b'[{"type":"x","path":"../x"}]', b"[" * 300_000)


CORPORA: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "request": requests,
    "archive": archives,
    "safetensors": headers,
    "config": configs,
    "manifest": manifests,
    "tokenizer": tokenizers,
    "modules": modules,
}
