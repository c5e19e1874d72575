"""Run a training: step by step, with checkpoints, a log and loss curves in its work folder.

The state after step n depends on the recipe, the seed and n alone: dropout is seeded per step. So a training that was
interrupted and continued equals one that was not, bit by bit on the same machine with the same number of threads.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mooring.backends.cpu import has_bf16
from mooring.errors import MooringError
from mooring.progress import Progress
from mooring_training.checkpoint import State, moments_of, restore, save, set_moments
from mooring_training.layers import Dropout
from mooring_training.network import Network
from mooring_training.objectives import Objective
from mooring_training.recipe import Optimizer
from mooring_training.stopping import stoppable

LOG = "log.jsonl"
BETAS = (0.9, 0.999)


class Diverged(MooringError):
    """The loss became NaN or infinite."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a training runs; nothing of it changes the result, except `bf16`."""

    work: Path
    """Folder of the checkpoint and the log."""
    fingerprint: str
    seed: int
    bf16: bool = False
    checkpoint_s: float = 600.0
    said_s: float = 60.0
    """Seconds between two lines of progress."""
    stop_after_s: float = math.inf
    """Stop as if interrupted after this time, for trials."""
    snapshot: Callable[[Network, int], None] | None = None
    """Called with the network and the step after each of the recipe's snapshots."""


def device() -> torch.device:
    """CUDA if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def uses_bf16(precision: str, where: torch.device) -> bool:
    """Whether to compute in bf16: as asked, or where the device does it fast."""
    if precision != "auto":
        return precision == "bf16"
    return torch.cuda.is_bf16_supported() if where.type == "cuda" else has_bf16()


def rate_at(step: int, steps: int, options: Optimizer) -> float:
    """The learning rate of a step (from 0): a linear rise to the peak, then a linear fall towards 0."""
    rising = max(1, round(options.warmup * steps))
    share = (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)
    return options.learning_rate * min(1.0, share)


def optimizer_of(weights: Mapping[str, Tensor], options: Optimizer) -> torch.optim.AdamW:
    """AdamW. Vectors (biases, norms) do not decay."""
    groups = [
        {"params": [w for w in weights.values() if w.dim() > 1], "weight_decay": options.weight_decay},
        {"params": [w for w in weights.values() if w.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=BETAS, fused=True)


class Trainer:
    """One training of a network, whose weights it changes in place."""

    def __init__(
        self, network: Network, objective: Objective, options: Optimizer, plan: Plan, progress: Progress
    ) -> None:
        """Continues from the work folder's checkpoint, if there is one. Raises UsageError if it does not fit."""
        self.network = replace(network, dropout=Dropout(options.dropout, options.attention_dropout))
        self._objective, self._options, self._plan, self._progress = objective, options, plan, progress
        plan.work.mkdir(parents=True, exist_ok=True)
        state = restore(plan.work, plan.fingerprint)
        self.step, self.seconds = (0, 0.0) if state is None else (state.step, state.seconds)
        weights = network.weights if state is None else {n: t.to(network.device) for n, t in state.weights.items()}
        self.network.weights.update({n: t.detach().clone().requires_grad_() for n, t in weights.items()})
        self._optimizer = optimizer_of(self.network.weights, options)
        if state is not None:
            set_moments(self._optimizer, self.network.weights, state.moments, state.step)
        _cut_log(plan.work / LOG, self.step)
        every = objective.steps / options.snapshots if options.snapshots else math.inf
        self._snapshots = {round(every * (number + 1)) for number in range(options.snapshots)}

    def run(self) -> None:
        """Train to the end. Raises KeyboardInterrupt after writing a checkpoint, or Diverged."""
        plan, steps = self._plan, self._objective.steps
        began = saved = said = time.monotonic()
        before, tokens = self.seconds, 0
        self._progress.begin("Training", steps)
        self._progress.advance(self.step)
        with stoppable() as stop, (plan.work / LOG).open("a", encoding="utf-8") as log:
            while self.step < steps:
                line = self._advance()
                now = time.monotonic()
                self.seconds = before + now - began
                tokens += self._objective.tokens(self.step - 1)
                log.write(json.dumps(line) + "\n")
                self._progress.advance()
                if now - said >= plan.said_s or self.step == steps:
                    self._progress.detail(self._said(line, tokens / (now - began)))
                    said = now
                if self.step in self._snapshots and plan.snapshot is not None:
                    plan.snapshot(self.network, self.step)
                stopped = stop.signal is not None or now - began >= plan.stop_after_s
                if stopped or now - saved >= plan.checkpoint_s or self.step == steps:
                    log.flush()
                    self._save()
                    saved = now
                if stopped and self.step < steps:
                    raise KeyboardInterrupt
        self._progress.end(f"{tokens / max(1e-9, time.monotonic() - began):,.0f} tokens per second")

    def _advance(self) -> dict[str, float]:
        """One step; its line of the log."""
        torch.manual_seed(self._plan.seed * 1_000_003 + self.step)  # dropout
        rate = rate_at(self.step, self._objective.steps, self._options)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(self.network.device.type, torch.bfloat16, enabled=self._plan.bf16):
            losses = self._objective.losses(self.network, self.step)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise Diverged(
                f"The loss became {total.item()} at step {self.step + 1} of {self._objective.steps}.",
                hint="Lower optimizer.learning_rate, or set precision to fp32.",
            )
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(self.network.weights.values()), self._options.clip)
        self._optimizer.step()
        self.step += 1
        parts = {name: loss.item() for name, loss in losses.items()}
        return {"step": self.step, "loss": total.item(), **parts, "norm": float(norm), "rate": rate}

    def _said(self, line: Mapping[str, float], speed: float) -> str:
        steps = self._objective.steps
        left = self.seconds / self.step * (steps - self.step)
        return (
            f"step {self.step:,} of {steps:,}, loss {line['loss']:.3f}, {speed:,.0f} tokens per second, "
            f"{left / 60:,.0f} min left"
        )

    def _save(self) -> None:
        weights = self.network.weights
        state = State(self.step, self.seconds, dict(weights), moments_of(self._optimizer, weights))
        save(self._plan.work, state, self._plan.fingerprint)


def _cut_log(path: Path, step: int) -> None:
    """Drop the lines of steps after the checkpoint: they will be done again."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
