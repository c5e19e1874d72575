"""Corpora for `moor batch`, and a model on fakes that answers them with the context's first word."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mooring.batch.job import Engine, Summary, Watch, run
from mooring.batch.local import Local
from mooring.batch.plan import Order, find, manifest_of
from mooring.engine.engine import Engine as Computing
from mooring.engine.limits import Limits
from mooring.opened import NO_DEADLINE_S, OpenModel
from mooring.testing import FakeBackend
from mooring.web.service import ByEngine, Served
from tests.support.text_task import TextTask

FACTS = {"task": "question-answering", "tasks": ["question-answering"], "digest": "sha256:1", "precision": "fp32"}
EXAMPLE = {"inputs": {"question": "Who?", "context": "Ada wrote it."}}


@contextmanager
def fake_model(backend: FakeBackend | None = None, **facts: Any) -> Iterator[OpenModel]:
    """The model; `facts` replace those of a question-answering one."""
    task = TextTask()
    limits = Limits(max_queue_s=NO_DEADLINE_S, deadline_s=NO_DEADLINE_S, idle_warm=False)
    engine = Computing(task, backend or FakeBackend(), limits)
    served = Served(ByEngine(task, engine), engine, {"model": {**FACTS, **facts}, "example": EXAMPLE})
    with OpenModel(served) as model:
        yield model


def record(number: int) -> dict[str, Any]:
    """A request that no other number has."""
    return {"id": number, "question": "Who?", "context": f"w{number} wrote it."}


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    """JSON Lines; bytes are lines as they are."""
    lines = (one if isinstance(one, bytes) else json.dumps(one).encode() for one in records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def order_of(source: Path | str, output: Path | str, **changes: Any) -> Order:
    """An order of shards of three records."""
    given = {"columns": {}, "parameters": {}, "write": None, "shard_rows": 3, **changes}
    return Order(str(source), str(output), **given)


def carry_out(order: Order, model: OpenModel, engine: Engine | None = None, watch: Watch | None = None) -> Summary:
    """As the command does."""
    found = find(order)
    with found.output.reserved():
        manifest = manifest_of(order, found, model)
        return run(manifest, found.output, engine or Local(model, lambda _: None), watch or Watch())


def answers(output: Path) -> list[dict[str, Any]]:
    """The records of all parts, in order."""
    parts = sorted(output.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]
