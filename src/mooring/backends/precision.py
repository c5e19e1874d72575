"""Choose the precision at which this CPU computes a model."""

from mooring.backends.cpu import INT8_INSTRUCTIONS, avx2_alone, has_bf16, has_int8, is_x86
from mooring.backends.rewrites import QUANTISED
from mooring.errors import UsageError, echo
from mooring.model.manifest import Manifest

Chosen = tuple[str, tuple[str, ...]]
"""The precision, with a warning if it differs from the requested one or is a poor choice."""


def precision_for(manifest: Manifest, asked: str | None) -> Chosen:
    """Choose the precision. Raises UsageError for one that this model does not support."""
    precision = asked or manifest.precision
    if precision in QUANTISED:
        return _quantised(manifest, asked)
    if precision == "bf16" and not has_bf16():
        return "fp32", ("This CPU does not support bf16: computing in fp32 instead.",)
    return precision, ()


def _quantised(manifest: Manifest, asked: str | None) -> Chosen:
    if manifest.precision not in QUANTISED:
        raise UsageError(
            f"This folder has {manifest.weights_dtype} weights; a model must be converted to {asked} before serving.",
            hint="Run `moor build FOLDER -o OUT --calibration FILE` and serve OUT.",
        )
    if asked is not None and asked != manifest.precision:
        raise UsageError(
            f"This model was built as {manifest.precision} and does not support {echo(asked)}.",
            hint="Serve the folder it was built from, or build another one with `moor build --precision`.",
        )
    precision, objection = manifest.precision, _objection(manifest)
    if objection is None:
        return precision, ()
    if asked is not None:
        return precision, (objection if avx2_alone() else _slow(),)
    better = "bf16" if has_bf16() else "fp32"
    faster = "" if avx2_alone() else ", which is faster here"
    return better, (
        f"{objection.rstrip('.')}: computing in {better}{faster}. --precision {precision} forces {precision}.",
    )


def _objection(manifest: Manifest) -> str | None:
    """Why not to compute in int8 on this CPU, or None."""
    if has_int8():
        return None
    if not avx2_alone():
        return _no_dot_products()
    gate = manifest.gate
    if gate is not None and gate.allows_narrow:
        return None
    judged = gate is not None and gate.narrow is not None
    with_fewer = "with the fewer int8 levels that it needs this model"
    verdict = "failed the accuracy check" if judged else "was not checked (build it again with this version)"
    return f"{_no_dot_products()}, and {with_fewer} {verdict}."


def _no_dot_products() -> str:
    return f"This CPU has no int8 dot products ({INT8_INSTRUCTIONS[is_x86()]})"


def _slow() -> str:
    cut_off = ", and sums may saturate" if is_x86() else ""
    return f"{_no_dot_products()}: int8 is slower than fp32 here{cut_off}."
