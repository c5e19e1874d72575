"""A model in training: config, family and named float32 weights. Reads and writes model folders as on the Hub."""

import json
import math
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from mooring.errors import ModelInvalid, UsageError
from mooring.families.base import Family, Inputs
from mooring.graph.layers import prefix_in
from mooring.model.config import read_facts
from mooring.model.folder import CONFIG_FILE, TOKENIZER_FILES, ModelFolder
from mooring.model.weights import SINGLE_FILE, weight_files
from mooring_training.layers import Dropout, TorchLayers

HEADS = ("qa_outputs.", "cls.", "lm_head.", "vocab_", "classifier.", "pre_classifier.")
"""Beginnings of the names of heads' weights; others are the encoder's."""
SPAN_HEAD = "qa_outputs"
SPREAD = 0.02
"""Standard deviation of a new head's weights, as `initializer_range` of BERT."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded windows. Tensors [B, L] of int64."""

    ids: Tensor
    mask: Tensor
    """1 for tokens, 0 for padding."""
    segments: Tensor

    @property
    def tokens(self) -> int:
        """Number of tokens without padding."""
        return int(self.mask.sum())


@dataclass(eq=False)
class Network:
    """An encoder with its heads. `weights` have the names of a checkpoint with a head, such as bert.embeddings.…"""

    config: dict[str, Any]
    family: Family
    weights: dict[str, Tensor]
    dropout: Dropout = field(default_factory=Dropout)

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.family.sizes(self.config).hidden

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(iter(self.weights.values())).device

    def hidden(self, batch: Batch) -> Tensor:
        """The last hidden state, [B, L, H]."""
        return self._encode(self._layers(), batch)

    def spans(self, batch: Batch) -> Tensor:
        """Logits of start and end, [B, L, 2] in float32."""
        layers = self._layers()
        return layers.linear(self._encode(layers, batch), SPAN_HEAD, self.hidden_size, 2).float()

    def vocabulary(self, hidden: Tensor) -> Tensor:
        """[N, H] → logits over the vocabulary [N, V] in float32, by the masked-language-modeling head."""
        layers, sizes = self._layers(), self.family.sizes(self.config)
        x = self.family.predict(layers, self.config, hidden[None])[0]
        table = layers.weight(f"{self.family.embeddings}.weight", (sizes.vocabulary, sizes.hidden))
        bias = layers.weight(self.family.vocabulary_bias, (sizes.vocabulary,))
        return torch.nn.functional.linear(x, table, bias).float()

    def _layers(self) -> TorchLayers:
        return TorchLayers(self.weights, self.family.prefix, self.dropout)

    def _encode(self, layers: TorchLayers, batch: Batch) -> Tensor:
        segments = batch.segments if self.family.segments else None
        encoded: Tensor = self.family.encode(layers, self.config, Inputs(batch.ids, batch.mask, segments))
        return encoded

    @property
    def has_masked_head(self) -> bool:
        """Whether the weights include a masked-language-modeling head."""
        return self.family.weights["masked"] in self.weights

    def add_span_head(self, generator: torch.Generator) -> None:
        """Add a random head for start and end, if there is none."""
        if f"{SPAN_HEAD}.weight" not in self.weights:
            new = torch.randn((2, self.hidden_size), generator=generator) * SPREAD
            self.weights |= {f"{SPAN_HEAD}.weight": new, f"{SPAN_HEAD}.bias": torch.zeros(2)}

    def add_masked_head(self, generator: torch.Generator) -> None:
        """Add a masked-language-modeling head if there is none: a random transform, and the embeddings' own rows."""
        if self.has_masked_head:
            return
        sizes, dense = self.family.sizes(self.config), self.family.weights["masked"].removesuffix(".weight")
        at, _, _ = dense.rpartition(".")
        norm = {"cls.predictions.transform.dense": f"{at}.LayerNorm", "lm_head.dense": f"{at}.layer_norm"}.get(
            dense, "vocab_layer_norm"
        )
        self.weights |= {
            f"{dense}.weight": torch.randn((sizes.hidden, sizes.hidden), generator=generator) * SPREAD,
            f"{dense}.bias": torch.zeros(sizes.hidden),
            f"{norm}.weight": torch.ones(sizes.hidden),
            f"{norm}.bias": torch.zeros(sizes.hidden),
            self.family.vocabulary_bias: torch.zeros(sizes.vocabulary),
        }

    def copy(self) -> "Network":
        """An independent copy without gradients."""
        return replace(self, config=dict(self.config), weights={k: v.detach().clone() for k, v in self.weights.items()})


def load_network(path: Path) -> Network:
    """Read a model folder. Raises a ModelError.

    Old names (gamma, beta) are renamed, and encoders saved without a head get the family's prefix.
    """
    folder = ModelFolder(path)
    facts = read_facts(folder)
    found: dict[str, Tensor] = {}
    for file in weight_files(folder):
        try:
            found |= load_file(file)
        except (SafetensorError, OSError) as error:
            raise ModelInvalid(f"Cannot read {file}: {error}.", hint="Download or copy the file again.") from error
    prefix, ours = prefix_in(frozenset(found), facts.family), facts.family.prefix
    weights = {}
    for name, tensor in found.items():
        if not tensor.is_floating_point():  # buffers such as position_ids
            continue
        bare = name.removeprefix(prefix)
        renamed = name if name.startswith(HEADS) else ours + bare
        renamed = re.sub(r"gamma$", "weight", re.sub(r"beta$", "bias", renamed))
        weights[renamed] = tensor.float()
    return Network(dict(folder.json(CONFIG_FILE)), facts.family, weights)


def save_network(network: Network, like: Path, out: Path, dtype: str = "F16", head: str = "span") -> None:
    """Write config.json, model.safetensors and the tokenizer files of the folder `like` into `out`.

    Only weights that the head needs are written. `head` is "span" or "masked".
    """
    out.mkdir(parents=True, exist_ok=True)
    end = {"span": "ForQuestionAnswering", "masked": "ForMaskedLM"}[head]
    kind = {"F16": torch.float16, "F32": torch.float32}[dtype]
    name = _class_name(network) + end
    config = {**network.config, "architectures": [name], "torch_dtype": {"F16": "float16", "F32": "float32"}[dtype]}
    (out / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for file in TOKENIZER_FILES:
        if (like / file).is_file() and like.resolve() != out.resolve():
            shutil.copyfile(like / file, out / file)
    weights = trimmed(network, head).weights
    kept = {name: weights[name].detach().to("cpu", kind).contiguous() for name in sorted(weights)}
    unwritable = [name for name, tensor in kept.items() if not bool(torch.isfinite(tensor).all())]
    if unwritable:
        raise ModelInvalid(f"Weight {unwritable[0]} is NaN or infinite as {dtype}.", hint="Lower the learning rate.")
    (out / SINGLE_FILE).write_bytes(save(kept, {"format": "pt"}))  # save_file makes it unreadable for others


def _class_name(network: Network) -> str:
    """The beginning of the architecture's name in transformers, such as Bert."""
    return {"bert": "Bert", "distilbert": "DistilBert", "roberta": "Roberta", "mpnet": "MPNet"}.get(
        network.family.name, {"xlm-roberta": "XLMRoberta", "camembert": "Camembert"}.get(network.family.name, "Bert")
    )


def trimmed(network: Network, head: str) -> Network:
    """The network with the weights alone that the encoder and the head ("span" or "masked") need."""
    used = _used(network, head)
    return replace(network, weights={name: tensor for name, tensor in network.weights.items() if name in used})


def _used(network: Network, head: str) -> set[str]:
    layers = TorchLayers(network.weights, network.family.prefix, Dropout())
    one = torch.zeros((1, 2), dtype=torch.long, device=network.device)
    batch = Batch(one, torch.ones_like(one), one)
    with torch.no_grad():
        hidden = network._encode(layers, batch)
        if head == "span":
            layers.linear(hidden, SPAN_HEAD, network.hidden_size, 2)
            return layers.used
        network.family.predict(layers, network.config, hidden)
    return layers.used | {network.family.vocabulary_bias}


def average(networks: Sequence[Network]) -> Network:
    """The mean of the weights of models with the same architecture (a model soup, Wortsman et al. 2022).

    Raises UsageError for models that differ in config or in the names or shapes of their weights.
    """
    first, *others = networks
    for other in others:
        shapes = [{name: tuple(t.shape) for name, t in one.weights.items()} for one in (first, other)]
        if other.family is not first.family or shapes[0] != shapes[1]:
            raise UsageError(
                "The models have different architectures or heads, so their weights have no mean.",
                hint="Average checkpoints of one training, or of trainings from the same start.",
            )
    weights = {
        name: torch.stack([one.weights[name].double() for one in networks]).mean(0).float() for name in first.weights
    }
    return replace(first, config=dict(first.config), weights=weights)


def keep_layers(network: Network, keep: Iterable[int]) -> Network:
    """A student with these layers of the network (from 0, ascending), its embeddings and its heads.

    Sanh et al. 2019 keep every second layer. Raises UsageError for a layer that the network lacks.
    """
    kept, sizes = list(keep), network.family.sizes(network.config)
    if not kept or kept != sorted(set(kept)) or not 0 <= kept[0] <= kept[-1] < sizes.layers:
        raise UsageError(
            f"Cannot keep the layers {kept}: the model has the layers 0 to {sizes.layers - 1}.",
            hint="List layers in ascending order, each once.",
        )
    numbers = {old: new for new, old in enumerate(kept)}
    weights: dict[str, Tensor] = {}
    for name, tensor in network.weights.items():
        layer = network.family.layer.search(name)
        if layer is None:
            weights[name] = tensor.detach().clone()
        elif int(layer[1]) in numbers:
            start, end = layer.span(1)
            weights[f"{name[:start]}{numbers[int(layer[1])]}{name[end:]}"] = tensor.detach().clone()
    config = {**network.config, network.family.keys.layers: len(kept)}
    return replace(network, config=config, weights=weights)


def scale_span_head(network: Network, temperature: float) -> None:
    """Divide the logits of start and end by a temperature, in place: the scores become softer above 1.

    Raises ValueError unless it is positive and finite.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature {temperature} is not positive and finite")
    for part in ("weight", "bias"):
        network.weights[f"{SPAN_HEAD}.{part}"] = network.weights[f"{SPAN_HEAD}.{part}"] / temperature
