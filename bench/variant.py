"""One way to lay the engine out, in a process of its own: properties of threads and memory hold for whole processes.

    python -m bench.variant SPEC

Started by `parts/tried.py`. SPEC is JSON; each line of stdin is a number of questions, each line of stdout the seconds
that they took. Ends with stdin.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest import mock

from bench.engines import Shape, open_engine, properties
from mooring.backends import rewrites
from mooring.backends.cpu import avx2_alone
from mooring.cli.eval import spread
from mooring.engine.offline import answer_all
from mooring.quality.squad import read_squad


@dataclass(frozen=True, slots=True)
class Spec:
    """What to open."""

    folder: str
    precision: str
    questions: str
    """A SQuAD file."""
    shape: Shape = field(default_factory=Shape)
    properties: dict[str, str] = field(default_factory=dict)
    """OpenVINO's, over the backend's own."""
    """Whether a batch is one row."""
    plain: bool = False
    """Whether the graph is computed as it is also where it would be rewritten for the CPU."""

    def dumps(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Spec":
        """From JSON."""
        read = json.loads(text)
        shape = read.pop("shape")
        shape |= {name: tuple(shape[name]) for name in ("batches", "lengths")}
        return cls(**read, shape=Shape(**shape))


def alone(spec: Spec) -> Callable[[], bool]:
    """What the backend is to think of the CPU."""
    return (lambda: False) if spec.plain else avx2_alone


def main() -> None:
    """Open, then answer as often as told."""
    spec = Spec.loads(sys.argv[1])
    every = read_squad(Path(spec.questions))
    with properties(spec.properties), mock.patch.object(rewrites, "avx2_alone", alone(spec)):
        task, backend = open_engine(Path(spec.folder), spec.precision, spec.shape)
        backend.open_streams()
    for line in sys.stdin:
        some = spread(every, int(line))
        requests = [task.parse({"question": one.question, "context": one.context}) for one in some]
        began = time.perf_counter()
        for _ in answer_all(task, backend, requests):
            pass
        print(time.perf_counter() - began, flush=True)
    backend.close()


if __name__ == "__main__":
    main()
