"""Refuse pickled weights, by file name.

Loading a pickle can run arbitrary code, so no pickle is ever opened. Called by `weights.py`, `manifest.py` and
`hub.py`.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from mooring.errors import UnsafeWeights, echo

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
"""Suffixes of pickle files that torch writes."""

_HARMLESS = frozenset({"training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "openvino_model.bin"})
"""Files with such a suffix that are not PyTorch weights."""


def pickled_weights(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` (relative to the model folder, `/` as separator) that can only be pickled weights, sorted."""
    found = [n for n in names if n.endswith(PICKLE_SUFFIXES) and PurePosixPath(n).name not in _HARMLESS]
    return tuple(sorted(found))


def unsafe_weights(source: str, names: tuple[str, ...], *, hub: bool = False) -> UnsafeWeights:
    """The error for a model at `source` whose only weights are the pickled files `names` (at least one)."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    message = (
        f"The model {echo(source)} has only pickled weights ({shown}). "
        "Pickle files are refused: loading one can run arbitrary code."
    )
    if hub:
        return UnsafeWeights(
            message,
            hint="Use a revision that has model.safetensors (see the repository's pull requests on the Hub: "
            "--revision refs/pr/N), or download the repository and, if you trust its author, convert it inside that "
            f"folder: {conversion_command(names)}",
        )
    return UnsafeWeights(
        message, hint=f"If you trust its author, convert it inside that folder: {conversion_command(names)}"
    )


def conversion_command(names: tuple[str, ...]) -> str:
    """A one-line command that turns the pickled files into model.safetensors; needs torch and safetensors installed.

    `weights_only=True` restricts torch's unpickler to tensors, so the conversion does not run foreign code either.
    `clone` undoes tied weights, which safetensors refuses to store twice.
    """
    files = ",".join(f"'{name}'" for name in names)
    return (
        'python -c "import torch, safetensors.torch as st; w={}; '
        f"[w.update(torch.load(f, map_location='cpu', weights_only=True)) for f in [{files}]]; "
        "st.save_file({k: v.clone().contiguous() for k, v in w.items()}, 'model.safetensors', "
        "{'format': 'pt'})\""
    )
