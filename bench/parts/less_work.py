"""What is spared when the same is asked again: in a table of its own, for it is no faster computing."""

import http.client
import json
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.engines import EMBEDDED
from mooring.quality.squad import Question, read_squad
from mooring.tasks.base import TaskOptions
from mooring.tasks.documents import MAX_BYTES
from mooring.tasks.recognise import read_manifest
from mooring.testing import RunningServer, running_server
from mooring.wiring.model import make_task

CLIENTS = 16
ROUNDS = 3
ANEW = {"Cache-Control": "no-cache"}


def less_work(dev: Path) -> dict[str, Any]:
    """Answers a second over HTTP with the embedded model, and the tokenising that a known document spares."""
    questions = random.Random(0).sample(read_squad(dev), 600)
    with running_server(None, "--answer-cache-bytes", "0") as plain, running_server() as caching:
        rows: dict[str, list[tuple[float, float]]] = {
            "each asked once": [],
            "sixteen ask the same": [],
            "asked again": [],
        }
        _ask(plain, questions[:64], {})
        _ask(caching, questions[:100], {})
        for turn in range(ROUNDS):
            part = questions[100 + 160 * turn : 260 + 160 * turn]
            rows["each asked once"].append(_ask(plain, part, ANEW))
            rows["sixteen ask the same"].append(_ask(plain, [one for one in part[:20] for _ in range(CLIENTS)], {}))
            rows["asked again"].append(_ask(caching, questions[:100] * 10, {}))
    return {"http": {name: _median(found) for name, found in rows.items()}, "documents": _documents(questions)}


def _median(found: Sequence[tuple[float, float]]) -> dict[str, float]:
    return {
        "per_second": statistics.median(rate for rate, _ in found),
        "p50_ms": statistics.median(p50 for _, p50 in found),
    }


def _ask(server: RunningServer, questions: Sequence[Question], headers: dict[str, str]) -> tuple[float, float]:
    """Answers a second and their median time in ms, `CLIENTS` at a time, the questions dealt out in turn."""

    def client(number: int) -> list[float]:
        return list(_client(server, questions[number::CLIENTS], headers))

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        spent = [seconds for one in pool.map(client, range(CLIENTS)) for seconds in one]
    return len(questions) / (time.perf_counter() - began), 1000 * statistics.median(spent)


def _client(server: RunningServer, questions: Sequence[Question], headers: dict[str, str]) -> Iterator[float]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)
    for one in questions:
        body = json.dumps({"question": one.question, "context": one.context})
        began = time.perf_counter()
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"{response.status} where an answer was expected")
        yield time.perf_counter() - began
    connection.close()


def _documents(questions: Sequence[Question]) -> dict[str, float]:
    """Milliseconds that `prepare` takes for five questions on each of a hundred contexts, one request each."""
    manifest = read_manifest(EMBEDDED, source=str(EMBEDDED))
    task = make_task(EMBEDDED, manifest)
    requests = [
        task.parse({"question": asking.question, "context": about.context})
        for about in questions[:100]
        for asking in questions[:5]
    ]
    found: dict[str, list[float]] = {"tokenised each time": [], "tokenised once": []}
    for _ in range(ROUNDS):
        for name, size in (("tokenised each time", 0), ("tokenised once", MAX_BYTES)):
            task = make_task(EMBEDDED, manifest, TaskOptions(document_bytes=size))
            began = time.perf_counter()
            for request in requests:
                task.prepare(request)
            found[name].append(1000 * (time.perf_counter() - began) / len(requests))
    return {name: statistics.median(times) for name, times in found.items()}


def page(found: dict[str, Any]) -> str:
    """Its section of docs/benchmarks.md."""
    lines = [f"| {name} | {one['per_second']:,.0f} | {one['p50_ms']:.1f} |" for name, one in found["http"].items()]
    each, once = found["documents"].values()
    text = f"""## Less work for the same answers
The embedded model over HTTP, {CLIENTS} clients, SQuAD's questions. Not a figure of any comparison: all else on this
page is measured with every question computed. The client is Python's and shares the cores: it bounds the last row.

| questions | answers/s | p50 ms |
| --- | --- | --- |
"""
    known = f"""

A document that was asked about before is not tokenised again: preparing a request takes {once:.2f} ms instead of
{each:.2f} ms (five questions on each of a hundred SQuAD contexts)."""
    return text + "\n".join(lines) + known
