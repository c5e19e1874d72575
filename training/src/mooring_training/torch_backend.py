"""A network in training as a backend of the server's offline engine, to be judged by the code that judges any model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from mooring.backends.base import Outputs, OutputSpec, ShapeGrid, Window
from mooring_training.layers import Dropout
from mooring_training.network import Network
from mooring_training.objectives import batch_of

GRID = ShapeGrid(lengths=tuple(range(32, 513, 32)), batches=(1, 2, 4, 8, 16, 32), tokens=4096)


class TorchBackend:
    """Computes start and end logits without dropout, in float32."""

    streams = 1
    grid = GRID
    outputs = (OutputSpec("start_logits", ("token",)), OutputSpec("end_logits", ("token",)))

    def __init__(self, network: Network) -> None:
        self._network = replace(network, dropout=Dropout())

    def run(self, windows: Sequence[Window], *, stream: int | None = None) -> list[Outputs]:  # noqa: ARG002
        """As `Backend.run`."""
        batch = batch_of([w.input_ids for w in windows], [w.token_type_ids for w in windows], self._network.device)
        with torch.no_grad():
            logits = self._network.spans(batch).cpu().numpy()
        return [(logits[row, : len(window), 0], logits[row, : len(window), 1]) for row, window in enumerate(windows)]

    def open_streams(self) -> None:
        """There are none."""

    def share(self, windows: int, free: int) -> int | None:  # noqa: ARG002
        """No limit."""
        return None

    def info(self) -> Mapping[str, object]:
        """Name alone."""
        return {"engine": "torch"}

    def close(self) -> None:
        """Nothing to close."""
