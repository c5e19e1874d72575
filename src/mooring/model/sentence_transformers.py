"""Read what the sentence-transformers library stores beside a model: pooling, dense layers, prompts, the length limit.

modules.json lists the modules of the pipeline in order: Transformer, Pooling, then Dense and Normalize if used. Each
has its own folder.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from mooring.errors import ModelIncomplete, ModelInvalid, ModelUnsupported, echo
from mooring.families.base import whole
from mooring.model.folder import MODULES_FILE, ModelFolder, read_json

CONFIG_FILE = "config.json"
"""Of a module, in its folder."""
DENSE_WEIGHTS = "model.safetensors"
LIMITS_FILE = "sentence_bert_config.json"
PROMPTS_FILE = "config_sentence_transformers.json"
SUPPORTED = ("Transformer", "Pooling", "Dense", "Normalize")
MAX_MODULES = 16
MAX_PROMPTS = 1000
MAX_PROMPT = 10_000
"""Most characters of a prompt, which is tokenized with each text."""
IGNORED = ("Dropout",)
"""Has no effect when a model is used."""

POOLING_KEYS: Mapping[str, str] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Key of the pooling's config.json → mode. Several vectors are concatenated in this order."""
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens")
"""The supported modes."""
ACTIVATIONS: Mapping[str, str] = {"Identity": "identity", "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu"}
"""Class of torch → our name."""


class Dense(msgspec.Struct, frozen=True):
    """A dense layer after pooling."""

    folder: str
    """Relative to the model folder; holds the weights `linear.weight` and `linear.bias`."""
    size_in: int
    size_out: int
    bias: bool
    activation: str
    """One of the values of `ACTIVATIONS`."""


class SentenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How token vectors become one vector per text."""

    pooling: tuple[str, ...]
    """From `POOLINGS`; several vectors are concatenated."""
    dense: tuple[Dense, ...] = ()
    normalize: bool = False
    """Whether vectors have length 1."""
    size: int
    """Values of a vector."""
    max_tokens: int | None = None
    """Longest text in tokens, including special tokens; None for the model's limit."""
    lower_case: bool = False
    """Whether texts are lower-cased before tokenizing."""
    prompts: dict[str, str] = {}
    """Prompt name → text put before the input."""
    default_prompt: str | None = None
    similarity: str = "cosine"
    """One of `SIMILARITIES`."""


SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


def sentence_files(folder: ModelFolder) -> tuple[str, ...]:
    """Small files that affect the vectors, relative to the folder with modules.json; none without that file."""
    if not folder.outer.has(MODULES_FILE):
        return ()
    paths = [path for kind, path in modules_of(folder.outer) if kind not in ("Transformer", "Normalize", *IGNORED)]
    names = [MODULES_FILE, PROMPTS_FILE, LIMITS_FILE, *(f"{path}/{CONFIG_FILE}" for path in paths)]
    if folder.outer is not folder:
        names.append(f"{folder.path.name}/{LIMITS_FILE}")
    return tuple(name for name in names if folder.outer.has(name))


def dense_weights(folder: ModelFolder) -> tuple[str, ...]:
    """The weight files of the dense layers, relative to the folder with modules.json."""
    if not folder.outer.has(MODULES_FILE):
        return ()
    return tuple(f"{path}/{DENSE_WEIGHTS}" for kind, path in modules_of(folder.outer) if kind == "Dense")


def read_sentence(folder: ModelFolder, hidden: int) -> SentenceRecord | None:
    """The record of a folder; None if it has no modules.json with a pooling. `hidden` is the size of token vectors.

    Raises ModelIncomplete, ModelInvalid or ModelUnsupported, naming file, key and value.
    """
    if not folder.outer.has(MODULES_FILE):
        return None
    modules = modules_of(folder.outer)
    kinds = [kind for kind, _ in modules]
    if "Pooling" not in kinds and set(kinds) <= {*SUPPORTED, *IGNORED}:
        return None
    _check_order(kinds)
    outer = folder.outer
    pooling = _pooling(outer, next(path for kind, path in modules if kind == "Pooling"))
    size, layers = hidden * len(pooling), []
    for kind, path in modules:
        if kind == "Dense":
            layers.append(_dense(outer, path, size))
            size = layers[-1].size_out
    limits, prompts = _limits(folder), outer.json_or_empty(PROMPTS_FILE)
    return SentenceRecord(
        pooling=pooling,
        dense=tuple(layers),
        normalize="Normalize" in kinds,
        size=size,
        max_tokens=None if limits.get("max_seq_length") is None else whole(limits, "max_seq_length", LIMITS_FILE),
        lower_case=limits.get("do_lower_case") is True,
        prompts=_prompts(prompts.get("prompts")),
        default_prompt=_default_prompt(prompts),
        similarity=_similarity(prompts.get("similarity_fn_name")),
    )


def _limits(folder: ModelFolder) -> Mapping[str, Any]:
    """From the transformer's folder, which is a subfolder or, once `moor build` has copied it, no longer one."""
    outer = folder.outer
    inner = next((path for kind, path in modules_of(outer) if kind == "Transformer"), "")
    names = (LIMITS_FILE, *((f"{inner}/{LIMITS_FILE}",) if inner else ()))
    return folder.json_or_empty(LIMITS_FILE) or next((outer.json(name) for name in names if outer.has(name)), {})


def modules_of(folder: ModelFolder) -> list[tuple[str, str]]:
    """(class, path) of every module, in order. Raises ModelInvalid for anything else in modules.json."""
    try:
        listed = read_json(folder.read(MODULES_FILE))
        found = [(str(module["type"]).rpartition(".")[2], _path(module.get("path", ""))) for module in listed]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise ModelInvalid(
            f"{MODULES_FILE} in {folder} is not a list of modules with `type` and `path`.",
            hint="Download or copy the file again.",
        ) from error
    if not found:
        raise ModelInvalid(f"{MODULES_FILE} in {folder} lists no modules.")
    if len(found) > MAX_MODULES:
        raise ModelInvalid(f"{MODULES_FILE} in {folder} lists {len(found)} modules; the limit is {MAX_MODULES}.")
    return found


def _path(value: object) -> str:
    """A folder below the model's. Raises ValueError for any other path."""
    path = PurePosixPath(str(value))
    if path.is_absolute() or ".." in path.parts or "\\" in str(value):
        raise ValueError("not below the model folder")
    return str(path) if path.parts else ""


def _check_order(kinds: list[str]) -> None:
    kinds = [kind for kind in kinds if kind not in IGNORED]
    if strange := next((kind for kind in kinds if kind not in SUPPORTED), None):
        raise ModelUnsupported(
            f"{MODULES_FILE}: the module {echo(strange)} is not supported.",
            hint=f"Supported modules of sentence-transformers: {', '.join(SUPPORTED)}.",
        )
    rest = kinds[2:-1] if kinds[-1] == "Normalize" else kinds[2:]
    if kinds[:2] != ["Transformer", "Pooling"] or any(kind != "Dense" for kind in rest):
        raise ModelUnsupported(
            f"{MODULES_FILE}: the order of modules is {', '.join(kinds)}, which is not supported.",
            hint="Supported: Transformer, Pooling, any number of Dense, then Normalize or not.",
        )


def _pooling(folder: ModelFolder, path: str) -> tuple[str, ...]:
    file = f"{path}/{CONFIG_FILE}"
    config = folder.json(file)
    given = config.get("pooling_mode")
    modes = (given,) if isinstance(given, str) else given
    if modes is None:
        modes = [mode for key, mode in POOLING_KEYS.items() if config.get(key) is True]
    if not isinstance(modes, list | tuple) or not modes:
        raise ModelInvalid(f"{file} has no pooling mode.", hint=f"Set one of {', '.join(POOLING_KEYS)} to true.")
    if strange := next((mode for mode in modes if mode not in POOLINGS), None):
        more = " Models with last-token pooling are decoders." if strange == "lasttoken" else ""
        raise ModelUnsupported(
            f"{file}: the pooling mode {echo(strange)} is not supported.{more}",
            hint=f"Supported: {', '.join(POOLINGS)}.",
        )
    if len(set(modes)) < len(modes):
        raise ModelInvalid(f"{file}: pooling_mode is {echo(modes)}, which names a mode twice.")
    if config.get("include_prompt", True) is not True:
        raise ModelUnsupported(f"{file}: include_prompt is false, which is not supported.")
    return tuple(modes)


def _dense(folder: ModelFolder, path: str, size: int) -> Dense:
    file = f"{path}/{CONFIG_FILE}"
    config = folder.json(file)
    size_in, size_out = whole(config, "in_features", file), whole(config, "out_features", file)
    if size_in != size:
        raise ModelInvalid(f"{file}: in_features is {size_in}, but the vectors before it have {size} values.")
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = ACTIVATIONS.get(name.rpartition(".")[2].removesuffix("()"))
    if activation is None:
        raise ModelUnsupported(
            f"{file}: activation_function is {echo(name)}, which is not supported.",
            hint=f"Supported: {', '.join(ACTIVATIONS)}.",
        )
    weights = f"{path}/{DENSE_WEIGHTS}"
    if not folder.has(weights):
        raise ModelIncomplete(
            f"The model folder {folder} lacks {weights}.",
            missing=(weights,),
            hint="If the folder has pytorch_model.bin, load the model with sentence-transformers and save it again.",
        )
    return Dense(path, size_in, size_out, config.get("bias", True) is True, activation)


def _prompts(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise ModelInvalid(f"{PROMPTS_FILE}: prompts is {echo(given)}; it must map names to texts.")
    if len(given) > MAX_PROMPTS:
        raise ModelInvalid(f"{PROMPTS_FILE} has {len(given)} prompts; the limit is {MAX_PROMPTS}.")
    if long := next((name for name, text in given.items() if len(text) > MAX_PROMPT), None):
        raise ModelInvalid(
            f"{PROMPTS_FILE}: the prompt {echo(long)} has {len(given[long])} characters; the limit is {MAX_PROMPT}."
        )
    return dict(given)


def _default_prompt(config: Mapping[str, Any]) -> str | None:
    name = config.get("default_prompt_name")
    if name is None:
        return None
    if name not in (config.get("prompts") or {}):
        raise ModelInvalid(f"{PROMPTS_FILE}: default_prompt_name is {echo(name)}, which is not one of its prompts.")
    return str(name)


def _similarity(name: object) -> str:
    if name is None:
        return "cosine"
    if name not in SIMILARITIES:
        raise ModelUnsupported(
            f"{PROMPTS_FILE}: similarity_fn_name is {echo(name)}, which is not supported.",
            hint=f"Supported: {', '.join(SIMILARITIES)}.",
        )
    return str(name)
