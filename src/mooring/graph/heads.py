"""Build an OpenVINO model: a family's encoder with a head. Heads are named by the shape of their output.

| head | output of one window |
| --- | --- |
| span | start_logits [L], end_logits [L] |
| sequence | logits [C] |
| token | logits [L, C] |
| masked | logits [M, V], only at the window's `positions`: [L, V] would take 60 MB per window |
| hidden | hidden_state [L, H]; with a `Pooling`, also embedding [D] |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mooring.errors import ModelUnsupported
from mooring.families.base import CONFIG_FILE, Config, Family, Inputs, Sizes
from mooring.graph.layers import Layers, Node
from mooring.graph.pooling import Pooling, first_of, pooled
from mooring.graph.runtime import import_openvino, import_opset
from mooring.graph.tensors import Tensors
from mooring.model.config import family_of, labels_of

POSITIONS = "positions"
"""The graph's input [B, M] for a head that computes only some tokens."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """The encoder's outputs, on which a head is built."""

    layers: Layers
    family: Family
    config: Config
    sizes: Sizes
    inputs: Inputs
    hidden: Node
    """[B, L, H]."""
    positions: Node
    """[B, M]; None for heads that compute every token."""
    pooling: Pooling | None

    @property
    def labels(self) -> int:
        """C."""
        return len(labels_of(self.config))


Outputs = dict[str, Node]
"""Outputs by name, in the order in which a backend returns them."""


def _span(encoder: Encoder) -> Outputs:
    ops = import_opset()
    both = encoder.layers.linear(encoder.hidden, "qa_outputs", encoder.sizes.hidden, 2)
    axis = ops.constant(np.int64(2))
    start, end = (ops.gather(both, ops.constant(np.int64(column)), axis) for column in (0, 1))
    return {"start_logits": start, "end_logits": end}


def _sequence(encoder: Encoder) -> Outputs:
    return {"logits": encoder.family.classify(encoder.layers, encoder.config, first_of(encoder.hidden), encoder.labels)}


def _token(encoder: Encoder) -> Outputs:
    return {"logits": encoder.layers.linear(encoder.hidden, "classifier", encoder.sizes.hidden, encoder.labels)}


def _masked(encoder: Encoder) -> Outputs:
    if encoder.config.get("tie_word_embeddings", True) is not True:
        raise ModelUnsupported(f"{CONFIG_FILE}: tie_word_embeddings is false, which is not supported for fill-mask.")
    ops, layers, sizes = import_opset(), encoder.layers, encoder.sizes
    wanted = ops.gather(encoder.hidden, encoder.positions, ops.constant(np.int64(1)), 1)
    x = encoder.family.predict(layers, encoder.config, wanted)
    table = layers.weight(f"{encoder.family.embeddings}.weight", (sizes.vocabulary, sizes.hidden))
    bias = layers.weight(encoder.family.vocabulary_bias, (sizes.vocabulary,))
    return {"logits": layers.add(ops.matmul(x, table, False, True, name="vocabulary"), bias)}


def _hidden(encoder: Encoder) -> Outputs:
    if encoder.pooling is None:
        return {"hidden_state": encoder.hidden}
    mask = encoder.inputs.attention_mask
    vector = pooled(encoder.hidden, mask, encoder.pooling, encoder.family)
    return {"hidden_state": encoder.hidden, "embedding": vector}


HEADS: Mapping[str, Callable[[Encoder], Outputs]] = {
    "span": _span,
    "sequence": _sequence,
    "token": _token,
    "masked": _masked,
    "hidden": _hidden,
}


def build_graph(config: Config, tensors: Tensors, head: str, pooling: Pooling | None = None) -> Any:
    """An `openvino.Model` with the inputs `input_ids`, `attention_mask` and, if it has segments, `token_type_ids`.

    Those are int32 [B, L] with dynamic B and L; the masked head also has `positions`, int32 [B, M]. Outputs are
    float32. The model keeps the memory of the tensors that it uses alive. Raises ModelUnsupported for an unknown
    family, and ModelInvalid if config and weights disagree.
    """
    family = family_of(config)
    ov, ops = import_openvino(), import_opset()
    names = ["input_ids", "attention_mask"]
    names += ["token_type_ids"] if family.segments else []
    names += [POSITIONS] if head == "masked" else []
    parameters = {name: ops.parameter([-1, -1], ov.Type.i32, name=name) for name in names}
    inputs = Inputs(parameters["input_ids"], parameters["attention_mask"], parameters.get("token_type_ids"))
    layers, sizes = Layers(tensors, family), family.sizes(config)
    hidden = family.encode(layers, config, inputs)
    encoder = Encoder(layers, family, config, sizes, inputs, hidden, parameters.get(POSITIONS), pooling)
    outputs = HEADS[head](encoder)
    results = [ops.result(node, name=name) for name, node in outputs.items()]
    model = ov.Model(results, list(parameters.values()), family.name)
    for port, name in [*zip(model.inputs, names, strict=True), *zip(model.outputs, outputs, strict=True)]:
        port.get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()
    return model
