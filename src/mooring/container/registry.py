"""Which worker holds which model of a multi-model server. Read by `front.py` and `crew.py`; pure.

A model lies in one worker, chosen by its name: nginx sends its requests there (`split_clients`), and the process in
front loads it there. Both compute the same hash, so neither has to ask the other.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

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
    """Hundredths of a percent of each worker but the last, which takes the rest; as nginx is configured."""
    return [10_000 // count] * (count - 1)


def worker_of(name: str, count: int) -> int:
    """The slot, from 1, of the worker that holds the model of that name, of `count`."""
    value = murmur2(name.encode())
    last = 0
    for slot, share in enumerate(shares(count), 1):
        last += share * _MASK // 10_000
        if value < last:
            return slot
    return count


@dataclass
class LoadedModels:
    """Name → folder of everything that was loaded and not unloaded."""

    workers: int = 1
    """Among how many workers the models are divided."""
    urls: dict[str, str] = field(default_factory=dict)

    def slot(self, name: str) -> int:
        """Where it is, or would be."""
        return worker_of(name, self.workers)

    def of(self, slot: int) -> dict[str, str]:
        """What a worker that is started in that slot has to load before it takes traffic."""
        return {name: url for name, url in self.urls.items() if self.slot(name) == slot}

    def write(self, slot: int, path: Path) -> None:
        """For the worker to read."""
        path.write_text(json.dumps(self.of(slot)), encoding="utf-8")

    def settle(self, slot: int, held: set[str]) -> None:
        """What the worker says that it holds is all there is of its share."""
        for name in set(self.of(slot)) - held:
            del self.urls[name]
