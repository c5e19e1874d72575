"""A config and its weights in, a whole OpenVINO model out: the family's encoder with the task's head on top."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mooring.errors import ModelInvalid, ModelUnsupported, echo
from mooring.graph.families import FAMILIES, Inputs
from mooring.graph.layers import Layers, Node
from mooring.graph.runtime import import_openvino, import_opset
from mooring.graph.tensors import Tensors
from mooring.model.config import whole


def _question_answering(layers: Layers, hidden: Node, size: int) -> dict[str, Node]:
    """hidden [B, L, H] → start and end logits, each [B, L]."""
    ops = import_opset()
    both = layers.linear(hidden, "qa_outputs", size, 2)
    axis = ops.constant(np.int64(2))
    start, end = (ops.gather(both, ops.constant(np.int64(column)), axis) for column in (0, 1))
    return {"start_logits": start, "end_logits": end}


HEADS: Mapping[str, Callable[[Layers, Node, int], dict[str, Node]]] = {"question-answering": _question_answering}
"""Task → its head, as outputs by name in the order a backend returns them."""


def build_graph(config: Mapping[str, Any], tensors: Tensors, task: str = "question-answering") -> Any:
    """An `openvino.Model` with inputs `input_ids`, `attention_mask` and, if it has segments, `token_type_ids`.

    Inputs are int32 [B, L] with B and L free; outputs are float32 [B, L], named by the head. The model keeps the memory
    of the tensors that it uses. Raises ModelUnsupported for a family or task that is not known and ModelInvalid where
    config and weights disagree.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise ModelUnsupported(f"config.json: model_type is {echo(kind)}; known families are {known}.")
    if task not in HEADS:
        raise ModelUnsupported(f"the task {echo(task)} is not known; known are {', '.join(HEADS)}.")
    ov, ops = import_openvino(), import_opset()
    family = FAMILIES[kind]
    size = whole(config, family.hidden_size)
    _check_heads(config, size)
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if family.segments else [])]
    parameters = {name: ops.parameter([-1, -1], ov.Type.i32, name=name) for name in names}
    inputs = Inputs(parameters["input_ids"], parameters["attention_mask"], parameters.get("token_type_ids"))
    layers = Layers(tensors)
    outputs = HEADS[task](layers, family.encode(layers, config, inputs), size)
    results = [ops.result(node, name=name) for name, node in outputs.items()]
    model = ov.Model(results, list(parameters.values()), kind)
    for port, name in [*zip(model.inputs, names, strict=True), *zip(model.outputs, outputs, strict=True)]:
        port.get_tensor().set_names({name})
    model.validate_nodes_and_infer_types()
    return model


def _check_heads(config: Mapping[str, Any], size: int) -> None:
    key = "num_attention_heads" if "num_attention_heads" in config else "n_heads"
    heads = whole(config, key)
    if size % heads:
        raise ModelInvalid(f"config.json: the hidden size {size} cannot be split over {heads} attention heads.")
