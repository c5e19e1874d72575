"""What answers, in a line or as plain values, so that a figure says what it was made with. For eval, bench, serve."""

from collections.abc import Mapping
from typing import Any


def served_line(facts: Mapping[str, Any]) -> str:
    """Name, precision and gate on one line; what is not known is left out."""
    model = facts.get("model")
    parts = [str(facts["url"])] if "url" in facts else []
    if isinstance(model, Mapping):
        parts += [str(model[key]) for key in ("name", "precision") if model.get(key)]
        parts += [line for line in [gate_line(gate_of(facts))] if line]
    return ", ".join(parts)


def gate_of(facts: Mapping[str, Any]) -> Any:
    """The gate's record of what is computed here; None where that never had one to pass."""
    model = facts.get("model") or {}
    gate = model.get("gate")
    if _dequantised(model):
        return None
    if not isinstance(gate, Mapping) or gate.get("skipped") or not _narrowed(facts):
        return gate
    return {**gate, **gate["narrow"]} if gate.get("narrow") else None


def quality_of(facts: Mapping[str, Any]) -> Any:
    """The metric's figures of what is computed here; None where nobody measured that."""
    model = facts.get("model") or {}
    quality = model.get("quality")
    if _dequantised(model):
        return None
    if not isinstance(quality, Mapping) or not _narrowed(facts):
        return quality
    figures = ((model.get("gate") or {}).get("narrow") or {}).get("figures")
    return {**quality, **figures} if figures else None


def _dequantised(model: Mapping[str, Any]) -> bool:
    """Whether int8 weights are computed in floating point."""
    return model.get("weights_dtype") == "I8" and model.get("precision") not in ("int8", "mixed")


def _narrowed(facts: Mapping[str, Any]) -> bool:
    """Whether int8 has the fewer levels of CPUs with AVX2 alone."""
    return (facts.get("backend") or {}).get("rewritten") == "pointwise"


def gate_line(gate: Any) -> str:
    """The gate's verdict in a few words; "" if the model never had one to pass."""
    if not isinstance(gate, Mapping):
        return ""
    if gate.get("skipped"):
        return "not gated (--no-gate)"
    what = titled(str(gate.get("metric", "")))
    upper, limit = gate.get("drop_upper"), gate.get("max_drop")
    within = f": at most {upper:.2f} {what} lost, {limit:g} allowed" if upper is not None and limit is not None else ""
    return f"gate {'passed' if gate.get('passed') else 'failed'}{within}"


def titled(figure: str) -> str:
    """A figure's name for people: "exact match", "F1"."""
    return figure.upper() if len(figure) <= 2 else figure.replace("_", " ")


def figures_of(quality: object) -> dict[str, float]:
    """The figures among what a manifest says of a model's quality; those of fp32 beside it are left out."""
    if not isinstance(quality, Mapping):
        return {}
    return {name: value for name, value in quality.items() if isinstance(value, float) and not name.endswith("_fp32")}
