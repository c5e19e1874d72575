"""Implement `families.base.Layers` with torch, so that training computes what the served graph computes.

A family describes its encoder once (`mooring.families`), and both the OpenVINO graph and this module follow it. Dropout
is what only training has. Shapes are those of `families.base`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mooring.errors import ModelInvalid
from mooring.families.base import Buckets

MASKED = -65504.0
"""Added to the attention score of padding, as in the served graph."""
FIRST_NORM = "embeddings.LayerNorm"
"""The norm between embeddings and layers, in every family."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """Probabilities while training; 0 otherwise."""

    hidden: float = 0.0
    """After the embeddings, and of each sublayer's output before it is added."""
    attention: float = 0.0


class TorchLayers:
    """Builds one forward pass from named weights. `used` collects the names of the weights that it needed."""

    def __init__(self, weights: Mapping[str, Tensor], prefix: str, dropout: Dropout) -> None:
        self._weights = weights
        self._prefix = prefix
        self._dropout = dropout
        self._inside = False
        self.used: set[str] = set()

    def weight(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """The encoder's weight of that name, else the head's. Raises ModelInvalid if it is missing or misshapen."""
        full = self._prefix + name if self._prefix + name in self._weights else name
        found = self._weights.get(full)
        if found is None:
            raise ModelInvalid(
                f"Tensor {self._prefix}{name} (or {name}) not found in the weights.",
                hint="The checkpoint has another architecture or head than this training needs.",
            )
        if tuple(found.shape) != shape:
            raise ModelInvalid(
                f"Weight {full} has shape {list(found.shape)}, but config.json implies {list(shape)}.",
                hint="Use config.json and weights of the same model.",
            )
        self.used.add(full)
        return found

    def linear(self, x: Tensor, name: str, size_in: int, size_out: int) -> Tensor:
        """As `families.base.Layers.linear`."""
        weight = self.weight(f"{name}.weight", (size_out, size_in))
        return functional.linear(x, weight, self.weight(f"{name}.bias", (size_out,)))

    def layer_norm(self, x: Tensor, name: str, size: int, epsilon: float) -> Tensor:
        """As `families.base.Layers.layer_norm`; in float32 even under autocast."""
        scale, shift = self.weight(f"{name}.weight", (size,)), self.weight(f"{name}.bias", (size,))
        normal = functional.layer_norm(x.float(), (size,), scale, shift, epsilon)
        if name != FIRST_NORM:
            return normal
        self._inside = True
        return dropped(normal, self._dropout.hidden)

    def activation(self, x: Tensor, kind: str) -> Tensor:
        """As `families.base.Layers.activation`."""
        if kind in ("relu", "tanh"):
            return torch.relu(x) if kind == "relu" else torch.tanh(x)
        return functional.gelu(x, approximate="none" if kind == "gelu" else "tanh")

    def embedding(self, ids: Tensor, name: str, rows: int, size: int) -> Tensor:
        """As `families.base.Layers.embedding`."""
        return functional.embedding(ids, self.weight(f"{name}.weight", (rows, size)))

    def row(self, name: str, rows: int, size: int) -> Tensor:
        """As `families.base.Layers.row`."""
        return self.weight(f"{name}.weight", (rows, size))[None, :1]

    def positions(self, ids: Tensor, name: str, rows: int, size: int, padding: int | None = None) -> Tensor:
        """As `families.base.Layers.positions`."""
        table = self.weight(f"{name}.weight", (rows, size))
        if padding is None:
            return table[None, : ids.shape[1]]
        present = (ids != padding).long()
        return functional.embedding(present.cumsum(1) * present + padding, table)

    def padding_bias(self, attention_mask: Tensor) -> Tensor:
        """As `families.base.Layers.padding_bias`."""
        return ((attention_mask.float() - 1) * -MASKED)[:, None, None, :]

    def relative_bias(self, ids: Tensor, name: str, heads: int, buckets: Buckets) -> Tensor:
        """As `families.base.Layers.relative_bias`."""
        table = self.weight(f"{name}.weight", (buckets.rows, heads))
        places = torch.arange(ids.shape[1], device=ids.device)
        distances = places[None, :] - places[:, None] + len(buckets.of) // 2
        by_distance = torch.tensor(buckets.of, device=ids.device)
        return functional.embedding(by_distance[distances], table).permute(2, 0, 1)[None]

    def attention(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, heads: int) -> Tensor:
        """As `families.base.Layers.attention`."""
        batch, length, hidden = q.shape
        q, k, v = (x.view(batch, length, heads, hidden // heads).transpose(1, 2) for x in (q, k, v))
        bias, dropout = bias.to(q.dtype), self._dropout.attention
        if q.device.type != "cpu":
            mixed = functional.scaled_dot_product_attention(q, k, v, bias, dropout_p=dropout)
        else:  # its gradient takes three times as long as that of plain products, in bf16 on CPUs (torch 2.13)
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3) + bias
            with torch.autocast("cpu", enabled=False):  # sums are float32 inside, whatever the type
                shares = torch.softmax(scores, dim=-1)
            mixed = dropped(shares, dropout) @ v
        return mixed.transpose(1, 2).reshape(batch, length, hidden)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """x + y. Within the layers, x [B, L, H] is a sublayer's output."""
        return (dropped(x, self._dropout.hidden) if self._inside and x.dim() == 3 else x) + y


def dropped(x: Tensor, probability: float) -> Tensor:
    """Inverted dropout, with 16 random bits per value: three times as fast on CPUs as torch's own."""
    if not probability:
        return x
    drawn = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device).random_(-(2**63), None)
    bits = drawn.view(torch.int16)[: x.numel()].view(x.shape)
    return x * ((bits >= round(probability * 2**16) - 2**15) * (1 / (1 - probability)))
