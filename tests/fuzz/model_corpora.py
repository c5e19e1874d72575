"""The corpora of safetensors files, config.json, mooring.json and the files of sentence-transformers."""

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fuzz.harnesses import SEPARATOR, sound_file

NO_VALUES: tuple[Any, ...] = (None, 0, -1, 1.5, "x", [], {}, True, 10**30)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


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
    wrong: dict[str, list[Any]] = {"shape": [[1] * 9, [2**63], [-1], "x", [2]], "data_offsets": [[0], [4, 0], [1, 5]]}
    for key, values in wrong.items():
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
    yield manifest(name="\u00e9").replace(b"\\u00e9", b"\x9c") + config  # found by fuzzing
    yield from (manifest(schema=99), manifest(schema="x"), b"{", b"[" * 300_000, b"", manifest())
    yield from (manifest(family="t5") + config, manifest(format="openvino") + config, manifest(precision="int3"))
    yield manifest(max_seq_len=513) + config
    yield from (manifest(max_positions=value) + config for value in (0, 10**9, 256))
    yield from (manifest(vocab_size=value) + config for value in (-1, 7))


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
