"""Save and restore a training exactly: weights, the optimizer's moments and the number of steps done.

Batches, negatives, masks and dropout are functions of the seed and the step, so there is no more state than that. A
checkpoint is one safetensors file, replaced as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mooring.errors import UsageError

FILE = "checkpoint.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class State:
    """A training between two steps."""

    step: int
    """Steps done."""
    seconds: float
    """Time spent in them."""
    weights: dict[str, Tensor]
    moments: dict[str, dict[str, Tensor]]
    """Weight's name → the moments of AdamW by name."""


def save(folder: Path, state: State, fingerprint: str) -> None:
    """Write the checkpoint, and replace the one before only when the new one is complete."""
    tensors = {f"weights/{name}": tensor for name, tensor in state.weights.items()}
    for name, moments in state.moments.items():
        tensors |= {f"{kind}/{name}": moments[kind] for kind in MOMENTS}
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    facts = {"step": str(state.step), "seconds": repr(state.seconds), "fingerprint": fingerprint}
    partial = folder / f"{FILE}.partial"
    save_file(kept, partial, facts)
    partial.replace(folder / FILE)


def restore(folder: Path, fingerprint: str) -> State | None:
    """The checkpoint of this training; None if there is none. Raises UsageError for a damaged or another one's."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            facts: Mapping[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise UsageError(f"{path} is damaged: {error}.", hint="Start again with --restart.") from error
    if facts.get("fingerprint") != fingerprint:
        raise UsageError(
            f"{path} belongs to another recipe or seed, or to other data or models.",
            hint="Choose another folder with --work, or start again with --restart.",
        )
    weights = {name.removeprefix("weights/"): t for name, t in tensors.items() if name.startswith("weights/")}
    trained = [name for name in weights if f"{MOMENTS[0]}/{name}" in tensors]
    moments = {name: {kind: tensors[f"{kind}/{name}"] for kind in MOMENTS} for name in trained}
    return State(int(facts["step"]), float(facts["seconds"]), weights, moments)


def moments_of(optimizer: torch.optim.Optimizer, weights: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The optimizer's moments by name; empty before its first step."""
    return {
        name: {kind: optimizer.state[weight][kind] for kind in MOMENTS}
        for name, weight in weights.items()
        if weight in optimizer.state
    }


def set_moments(
    optimizer: torch.optim.Optimizer,
    weights: Mapping[str, Tensor],
    moments: Mapping[str, Mapping[str, Tensor]],
    step: int,
) -> None:
    """Give a new optimizer the moments of a checkpoint."""
    for name, found in moments.items():
        weight = weights[name]
        optimizer.state[weight] = {
            "step": torch.tensor(float(step), device=weight.device),  # as a fused AdamW has it
            **{kind: tensor.to(weight.device) for kind, tensor in found.items()},
        }
