"""How many operations an encoder needs for a window: speeds can then be told as a share of what a CPU can do. Pure."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Encoder:
    """The sizes that decide: layers, hidden size H, inner size I of the feed-forward part, and the head's outputs."""

    layers: int
    hidden: int
    inner: int
    outputs: int = 2

    def operations(self, tokens: int) -> int:
        """Of one window of n tokens, padding not counted: 2 for each multiply-add.

        A layer's linear parts are 2 · n · (4 · H² + 2 · H · I): four projections of H × H and two of H × I. Its
        attention is 4 · n² · H: as much for Q · Kᵀ as for the product with V. The head is 2 · n · H · outputs.
        Normalisation, softmax, activation and look-ups are left out, as is usual: they are counted in the time.
        """
        linear = 2 * tokens * (4 * self.hidden**2 + 2 * self.hidden * self.inner)
        attention = 4 * tokens**2 * self.hidden
        return self.layers * (linear + attention) + 2 * tokens * self.hidden * self.outputs


def encoder_of(folder: Path) -> Encoder:
    """From a model folder's config.json, BERT's or DistilBERT's names."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["model_type"] == "distilbert":
        return Encoder(config["n_layers"], config["dim"], config["hidden_dim"])
    return Encoder(config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"])
