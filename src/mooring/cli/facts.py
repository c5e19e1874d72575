"""Facts of the model and server behind a measurement, as one line or as values. Used by eval, bench and serve."""

from collections.abc import Mapping
from typing import Any


def served_line(facts: Mapping[str, Any]) -> str:
    """Name, precision and accuracy check on one line, as far as known."""
    model = facts.get("model")
    parts = [str(facts["url"])] if "url" in facts else []
    if isinstance(model, Mapping):
        parts += [str(model[key]) for key in ("name", "precision") if model.get(key)]
        parts += [line for line in [gate_line(gate_of(facts))] if line]
    return ", ".join(parts)


def of_model(facts: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """The facts in /info of the named model, of a server with several; otherwise all facts."""
    models = facts.get("models")
    found = models.get(name) if isinstance(models, Mapping) else None
    return {**facts, **found} if isinstance(found, Mapping) else facts


def gate_of(facts: Mapping[str, Any]) -> Any:
    """The accuracy check's record for the precision in use; None if there was no check."""
    model = facts.get("model") or {}
    gate = model.get("gate")
    if _dequantised(model):
        return None
    if not isinstance(gate, Mapping) or gate.get("skipped") or not _narrowed(facts):
        return gate
    return {**gate, **gate["narrow"]} if gate.get("narrow") else None


def quality_of(facts: Mapping[str, Any]) -> Any:
    """The metric's figures for the precision in use; None if they were not measured."""
    model = facts.get("model") or {}
    quality = model.get("quality")
    if _dequantised(model):
        return None
    if not isinstance(quality, Mapping) or not _narrowed(facts):
        return quality
    figures = ((model.get("gate") or {}).get("narrow") or {}).get("figures")
    return {**quality, **figures} if figures else None


def _dequantised(model: Mapping[str, Any]) -> bool:
    """Whether the weights are int8 but the arithmetic is floating point."""
    return model.get("weights_dtype") == "I8" and model.get("precision") not in ("int8", "mixed")


def _narrowed(facts: Mapping[str, Any]) -> bool:
    """Whether int8 uses the fewer levels of CPUs with AVX2 only."""
    return (facts.get("backend") or {}).get("rewritten") == "pointwise"


def gate_line(gate: Any) -> str:
    """The accuracy check's result in a few words; "" if there was none."""
    if not isinstance(gate, Mapping):
        return ""
    if gate.get("skipped"):
        return "accuracy not checked (--no-gate)"
    what = titled(str(gate.get("metric", "")))
    upper, limit = gate.get("drop_upper"), gate.get("max_drop")
    passed = bool(gate.get("passed"))
    most = "at most" if passed else "up to"
    within = f" ({most} {upper:.2f} {what} below fp32)" if upper is not None and limit is not None else ""
    return f"accuracy check {'passed' if passed else 'failed'}{within}"


def titled(figure: str) -> str:
    """A figure's display name: "exact match", "F1"."""
    return figure.upper() if len(figure) <= 2 else figure.replace("_", " ")


def figures_of(quality: object) -> dict[str, float]:
    """The figures in a manifest's quality record, without those of fp32."""
    if not isinstance(quality, Mapping):
        return {}
    return {name: value for name, value in quality.items() if isinstance(value, float) and not name.endswith("_fp32")}
