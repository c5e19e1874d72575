"""The placement of models on the workers of a multi-model server. Pure.

A model is in one worker, chosen by a hash of its name: nginx sends its requests there (`split_clients`), and process 1
loads it there. Both compute the same hash.
"""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mooring.multi.lost import Held

_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 (A. Appleby, 32 bits, seed 0) as nginx's split_clients uses it."""
    m = 0x5BD1E995
    h = len(data) & _MASK
    whole = len(data) - len(data) % 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & _MASK
        k = (k ^ k >> 24) * m & _MASK
        h = (h * m & _MASK) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & _MASK
    h = (h ^ h >> 13) * m & _MASK
    return h ^ h >> 15


def shares(count: int) -> list[int]:
    """Share of each worker but the last, which gets the rest, in hundredths of a percent as nginx is configured."""
    return [10_000 // count] * (count - 1)


def worker_of(name: str, count: int) -> int:
    """The slot (from 1 to `count`) of the worker that holds the model."""
    value = murmur2(name.encode())
    last = 0
    for slot, share in enumerate(shares(count), 1):
        last += share * _MASK // 10_000
        if value < last:
            return slot
    return count


@dataclass
class LoadedModels:
    """Models that were loaded and not unloaded, by name. Some may be lost (`multi/lost.py`)."""

    workers: int = 1
    """Number of workers that share the models."""
    held: dict[str, Held] = field(default_factory=dict)

    _suspects: set[str] = field(default_factory=set)

    @property
    def urls(self) -> dict[str, str]:
        """Name → folder."""
        return {name: held.url for name, held in self.held.items()}

    def slot(self, name: str) -> int:
        """The slot of a model, loaded or not."""
        return worker_of(name, self.workers)

    def of(self, slot: int) -> dict[str, Held]:
        """The models that a worker in that slot must load before it takes traffic."""
        return {name: held for name, held in self.held.items() if self.slot(name) == slot}

    def suspect(self, name: str, why: str) -> None:
        """Note that a worker died while loading the model. After the second time, no worker loads it again."""
        if name in self._suspects and name in self.held:
            self.held[name] = msgspec.structs.replace(self.held[name], deadly=why)
        self._suspects.add(name)

    def clear(self, *names: str) -> None:
        """Clear suspicions about models that were loaded or unloaded."""
        self._suspects -= set(names)

    def write(self, slot: int, path: Path) -> None:
        """Write the models of a slot to a file for its worker. Raises OSError."""
        path.write_bytes(msgspec.json.encode(self.of(slot)))
