"""What answers, in a line or as plain values, so that a figure says what it was made with. For eval, bench, serve."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mooring.wiring.model import OpenedModel


def model_facts(opened: "OpenedModel") -> dict[str, Any]:
    """The manifest of a model opened here, under `/info`'s names."""
    import msgspec

    return {"model": msgspec.to_builtins(opened.manifest), "backend": dict(opened.backend.info())}


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
    model, backend = (facts.get(key) or {} for key in ("model", "backend"))
    gate = model.get("gate")
    if model.get("weights_dtype") == "I8" and model.get("precision") not in ("int8", "mixed"):
        return None
    if isinstance(gate, Mapping) and gate.get("narrow") and backend.get("rewritten") == "pointwise":
        return {**gate, **gate["narrow"]}
    return gate


def gate_line(gate: Any) -> str:
    """The gate's verdict in a few words; "" if the model never had one to pass."""
    if not isinstance(gate, Mapping):
        return ""
    if gate.get("skipped"):
        return "not gated (--no-gate)"
    what = "F1" if gate.get("metric") == "f1" else "agreement"
    upper, limit = gate.get("drop_upper"), gate.get("max_drop")
    within = f": at most {upper:.2f} {what} lost, {limit:g} allowed" if upper is not None and limit is not None else ""
    return f"gate {'passed' if gate.get('passed') else 'failed'}{within}"
