"""Define encoder families: where config.json keeps sizes, how weights are named, and how the graph is built.

A family is a value in its own file, listed in `FAMILIES`. It is built from `Layers`, whose nodes belong to the backend;
nothing here imports one.

Shapes: B batch, L padded length, M gathered positions, H hidden size, A attention heads, C labels, V vocabulary.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mooring.errors import ModelInvalid, ModelUnsupported, echo

CONFIG_FILE = "config.json"
MAX_POSITIONS = 8192
"""Longest window of a model, in tokens: the longest that encoders of these families were trained for."""
MAX_SCORES = 1 << 30
"""Most attention scores of one window in one layer, heads × positions²: 16 heads at 8,192 positions."""

Config = Mapping[str, Any]
"""The content of config.json."""
Node = Any
"""A node of the graph being built."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """A bucket for each distance between two tokens of a model with relative positions."""

    rows: int
    """Number of buckets in the model's table."""
    of: tuple[int, ...]
    """The buckets of the distances -(n - 1) to n - 1 from query to key, 2n - 1 of them; n is the longest input."""


class Layers(Protocol):
    """Builds layers from the weights of one model. Raises ModelInvalid for missing or misshapen weights.

    A name is looked up below the encoder's prefix first, then in the whole checkpoint: "encoder.layer.0.output.dense"
    is the encoder's, "classifier" the head's.
    """

    def linear(self, x: Node, name: str, size_in: int, size_out: int) -> Node:
        """x [.., in] → x · Wᵀ + b [.., out]."""

    def layer_norm(self, x: Node, name: str, size: int, epsilon: float) -> Node:
        """x [.., H] → (x − mean) / sqrt(var + ε) · γ + β over the last axis."""

    def activation(self, x: Node, kind: str) -> Node:
        """One of `ACTIVATIONS`, elementwise."""

    def embedding(self, ids: Node, name: str, rows: int, size: int) -> Node:
        """ids [B, L] → rows of the table [B, L, H]."""

    def row(self, name: str, rows: int, size: int) -> Node:
        """The first row of a table, [1, 1, H]."""

    def positions(self, ids: Node, name: str, rows: int, size: int, padding: int | None = None) -> Node:
        """Rows of the position table, [1, L, H] from row 0 on.

        With `padding`, an id, [B, L, H]: padding tokens use row `padding`, other tokens the rows after it.
        """

    def padding_bias(self, attention_mask: Node) -> Node:
        """attention_mask [B, L] of 1 and 0 → what to add to attention scores, [B, 1, 1, L]."""

    def relative_bias(self, ids: Node, name: str, heads: int, buckets: Buckets) -> Node:
        """What to add to attention scores for the distance between two tokens, [1, A, L, L].

        The table `name` has a row for each bucket and a column for each head.
        """

    def attention(self, q: Node, k: Node, v: Node, bias: Node, heads: int) -> Node:
        """softmax(q · kᵀ / sqrt(H/A) + bias) · v over the heads, all [B, L, H]; bias is broadcast to [B, A, L, L]."""

    def add(self, x: Node, y: Node) -> Node:
        """x + y, broadcast as numpy does."""


ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "relu", "tanh")
"""Names as in transformers: gelu is exact, the next three use the tanh approximation."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The graph's inputs, each [B, L] int32."""

    input_ids: Node
    attention_mask: Node
    token_type_ids: Node
    """None if the family has no segments."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """A model's sizes from config.json; all positive, lengths in tokens."""

    hidden: int
    layers: int
    heads: int
    vocabulary: int
    positions: int
    """Usable positions: the longest window."""


@dataclass(frozen=True, slots=True)
class SizeKeys:
    """The keys of config.json that hold a family's sizes."""

    hidden: str = "hidden_size"
    layers: str = "num_hidden_layers"
    heads: str = "num_attention_heads"
    positions: str = "max_position_embeddings"


def _no_reserved_positions(_: Config) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Family:
    """One encoder family, under the `model_type` of its config.json."""

    name: str
    prefix: str
    """Prefix of the encoder's weights in a checkpoint with a head, e.g. "bert."."""
    tokenizer: str
    """The default tokenizer class."""
    segments: bool
    """Whether the model distinguishes two texts by `token_type_ids`."""
    encode: Callable[[Layers, Config, Inputs], Node]
    """The last hidden state, [B, L, H]."""
    classify: Callable[[Layers, Config, Node, int], Node]
    """The sequence head: the first token's hidden state [B, H] and C → logits [B, C]."""
    predict: Callable[[Layers, Config, Node], Node]
    """The masked head up to the product with the embedding table: [B, M, H] → [B, M, H]."""
    vocabulary_bias: str
    """Name of the bias [V] of the masked head."""
    weights: Mapping[str, str]
    """Head → a weight that identifies a checkpoint with that head."""
    embeddings: str = "embeddings.word_embeddings"
    """Name of the token embedding table [V, H], shared by the masked head."""
    keys: SizeKeys = field(default_factory=SizeKeys)
    reserved_positions: Callable[[Config], int] = _no_reserved_positions
    """Rows of the position table that no token uses."""
    layer: re.Pattern[str] = re.compile(r"\.layer\.(\d+)\.")
    """Matches the layer number in a weight's name."""

    def sizes(self, config: Config) -> Sizes:
        """Read the sizes. Raises ModelInvalid with key and value for an impossible one."""
        keys = self.keys
        hidden, heads = whole(config, keys.hidden), whole(config, keys.heads)
        if hidden % heads:
            raise ModelInvalid(
                f"{CONFIG_FILE}: {keys.hidden} ({hidden}) must be a multiple of {keys.heads} ({heads}).",
                hint="Use config.json from the model's own repository.",
            )
        rows, reserved = whole(config, keys.positions), self.reserved_positions(config)
        if rows <= reserved:
            raise ModelInvalid(
                f"{CONFIG_FILE}: {keys.positions} is {rows}, of which {reserved} are reserved: none are left."
            )
        check_positions(rows - reserved, CONFIG_FILE, keys.positions)
        if heads * (rows - reserved) ** 2 > MAX_SCORES:
            raise ModelInvalid(
                f"{CONFIG_FILE}: {keys.heads} is {heads} and {keys.positions} is {rows}: a window would have more "
                f"than {MAX_SCORES} attention scores, the limit.",
                hint="Use config.json from the model's own repository.",
            )
        return Sizes(hidden, whole(config, keys.layers), heads, whole(config, "vocab_size"), rows - reserved)

    def layers_in(self, names: Iterable[str]) -> int:
        """Number of layers among these weight names."""
        return 1 + max((int(found[1]) for name in names if (found := self.layer.search(name))), default=-1)


def whole(config: Config, key: str, file: str = CONFIG_FILE) -> int:
    """A positive integer of a config. Raises ModelInvalid with the value."""
    value = config.get(key)
    if type(value) is not int or value < 1:
        seen = f"is {echo(value)}" if key in config else "is missing"
        raise ModelInvalid(f"{file}: {key} {seen}; it must be an integer of at least 1.")
    return value


def check_positions(positions: int, file: str, key: str) -> None:
    """Raise ModelInvalid for more than `MAX_POSITIONS`: memory and the warm-up grow with their square."""
    if positions > MAX_POSITIONS:
        raise ModelInvalid(
            f"{file}: {key} is {echo(positions)}; the longest window of a model is {MAX_POSITIONS} tokens.",
            hint="Use the file from the model's own repository.",
        )


def positive(config: Config, key: str, default: float) -> float:
    """A positive, finite number of config.json. Raises ModelInvalid with the value."""
    value = config.get(key, default)
    # JSON integers are unbounded; larger ones overflow a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise ModelInvalid(f"{CONFIG_FILE}: {key} is {echo(value)}; it must be a positive number.")
    return float(value)


def activation_of(config: Config, key: str) -> str:
    """The activation at `key` of the config, gelu by default. Raises ModelUnsupported."""
    kind = config.get(key, "gelu")
    if kind not in ACTIVATIONS:
        raise ModelUnsupported(
            f"{CONFIG_FILE}: {key} is {echo(kind)}, which is not supported.",
            hint=f"Supported: {', '.join(ACTIVATIONS)}.",
        )
    return str(kind)
