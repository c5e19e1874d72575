"""Recognize known kinds of models that Mooring does not serve, and refuse them by name.

Without this they would fail later with a message about a missing tensor, or be served with wrong results: a ColBERT
says in config.json that it is a BERT.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.families import FAMILIES
from mooring.families.base import CONFIG_FILE, Config
from mooring.model.folder import MODULES_FILE, ModelFolder
from mooring.model.sentence_transformers import modules_of


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a model before it is opened."""

    config: Config
    names: frozenset[str] = frozenset()
    """Names of the files."""
    modules: tuple[str, ...] = ()
    """The types in modules.json, without their packages: "Pooling"."""
    pooling: Mapping[str, Any] | None = None
    """The content of the pooling module's config.json."""

    @property
    def known_family(self) -> bool:
        """Whether config.json names a supported family."""
        stated = self.config.get("model_type")
        return isinstance(stated, str) and stated in FAMILIES


Sign = Callable[[Seen], str | None]
"""What shows that a model is of a kind, for the message; None if it does not."""


def _model_type(*names: str) -> Sign:
    def sign(seen: Seen) -> str | None:
        stated = seen.config.get("model_type")
        return f"{CONFIG_FILE}: model_type is {echo(stated)}" if stated in names else None

    return sign


def _class(*parts: str) -> Sign:
    """The name of an architecture, or of a class in the repository's own code, contains one of these."""

    def sign(seen: Seen) -> str | None:
        for key in ("architectures", "auto_map"):
            stated = seen.config.get(key)
            values = stated.values() if isinstance(stated, dict) else stated if isinstance(stated, list) else ()
            for value in values:
                if isinstance(value, str) and any(part in value for part in parts):
                    return f"{CONFIG_FILE}: {key} contains {echo(value)}"
        return None

    return sign


def _file(name: str) -> Sign:
    return lambda seen: f"the model has a file {name}" if name in seen.names else None


def _module(name: str) -> Sign:
    return lambda seen: f"{MODULES_FILE} contains the module {name}" if name in seen.modules else None


def _alibi(seen: Seen) -> str | None:
    stated = seen.config.get("position_embedding_type")
    return f"{CONFIG_FILE}: position_embedding_type is 'alibi'" if stated == "alibi" else None


def _vector_for_each_token(seen: Seen) -> str | None:
    if "Dense" in seen.modules and not any("Pooling" in name for name in seen.modules):
        return f"{MODULES_FILE} contains the module Dense without a pooling module"
    return None


def _last_token(seen: Seen) -> str | None:
    stated = seen.pooling or {}
    if not seen.known_family and (
        stated.get("pooling_mode_lasttoken") is True or stated.get("pooling_mode") == "lasttoken"
    ):
        return f"{MODULES_FILE} contains a pooling module with the mode lasttoken"
    return None


def _causal(seen: Seen) -> str | None:
    # An encoder of a supported family may have been trained this way; its task is refused then, not the model.
    return None if seen.known_family else _class("ForCausalLM")(seen)


_DECODERS = (
    "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "mistral", "mixtral", "llama", "gemma", "gemma2", "gemma3",
    "gemma3_text", "phi", "phi3", "gpt2", "gpt_neo", "gpt_neox", "gptj", "opt", "bloom", "falcon", "olmo", "granite",
)  # fmt: skip

KINDS: Mapping[str, tuple[Sign, ...]] = {
    "GLiNER": (_file("gliner_config.json"),),
    "SPLADE": (_module("SpladePooling"),),
    "ColBERT": (_file("artifact.metadata"), _class("ColBERT"), _vector_for_each_token),
    "JinaBERT": (_class("JinaBert", "jina-bert"), _alibi),
    "Jina XLM-RoBERTa": (_class("xlm-roberta-flash"),),
    "ELECTRA": (_model_type("electra"),),
    "ALBERT": (_model_type("albert"),),
    "DeBERTa": (_model_type("deberta"),),
    "DeBERTa-v2": (_model_type("deberta-v2"),),
    "ModernBERT": (_model_type("modernbert"),),
    "Nomic BERT": (_model_type("nomic_bert"), _class("NomicBert")),
    "Alibaba GTE": (_model_type("new", "gte"),),
    "Decoder": (_model_type(*_DECODERS), _causal, _last_token),
}
"""Kind → what shows it, any of them. The first match wins: what a model is built of comes after what it is."""


def refuse(seen: Seen, what: str = "") -> None:
    """Raise ModelUnsupported, naming the kind, if the model is of one. `what` names the model, for a message."""
    for kind, signs in KINDS.items():
        for sign in signs:
            if (shown := sign(seen)) is not None:
                raise ModelUnsupported(
                    f"{kind} models are not supported{what and f', and {what} is one'}: {shown}.", hint=SUPPORTED
                )


def refuse_folder(folder: ModelFolder) -> None:
    """Raise ModelUnsupported, naming the kind, if the folder holds a model of one. Files may be missing."""
    outer = folder.outer
    modules: list[tuple[str, str]] = []
    if outer.has(MODULES_FILE):
        with contextlib.suppress(ModelInvalid):  # reported where the modules are used
            modules = modules_of(outer)
    place = next((path for kind, path in modules if kind == "Pooling"), None)
    pooling = None if place is None else outer.json_or_empty(f"{place}/{CONFIG_FILE}")
    names, kinds = folder.names() | outer.names(), tuple(kind for kind, _ in modules)
    refuse(Seen(folder.json_or_empty(CONFIG_FILE), names, kinds, pooling))


SUPPORTED = f"Supported models: {', '.join(FAMILIES)}."
