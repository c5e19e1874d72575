"""How latency, throughput and memory grow: with length, windows, clients, what waits, streams, workers."""

import http.client
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.engines import EMBEDDED
from bench.processes import load, moor, pss_bytes, serving
from mooring.bench.oneshot import post
from mooring.bench.target import body_of, parse_target
from mooring.container.proxy import find_nginx
from mooring.errors import BenchError
from mooring.quality.squad import read_squad
from mooring.tasks.base import Task
from mooring.tasks.recognise import read_manifest
from mooring.testing import RunningServer
from mooring.wiring.model import make_task

QUESTION = "What?"
WORDS = ("the", "water", "of", "a", "stone", "ship", "and", "his", "house", "in", "an", "old", "city", "was", "near")
"""Each of them one token of the embedded model's vocabulary."""
LENGTHS = (8, 16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512)
WINDOWS = (1, 3, 10, 30, 100, 300, 1000)
SMALL_WINDOW, SMALL_STRIDE = 128, 32
TURNS = 15
MANY = 100
"""Windows from which on a request is asked once and not three times."""
QUEUES = (1_000, 2_500, 5_000, 10_000)
EACH = 100
"""Windows of each request that waits."""
STREAMS = (1, 2, 4)
WORKERS = (1, 2, 4)
UNLIMITED = ("--deadline", "3600", "--queue-tokens", "100000000", "--answer-cache-bytes", "0")


def length(dev: Path, *, turns: int = TURNS, windows: Sequence[int] = WINDOWS) -> dict[str, Any]:
    """One client of the embedded model: ms by tokens of a window, and seconds by windows of 128 tokens of a request."""
    task = make_task(EMBEDDED, read_manifest(EMBEDDED, source=str(EMBEDDED)))
    parameters = {"max_seq_len": LENGTHS[-1]}
    texts = {tokens: text_of(task, tokens, 1, parameters) for tokens in LENGTHS}
    small = {"max_seq_len": SMALL_WINDOW, "doc_stride": SMALL_STRIDE}
    long = {count: text_of(task, SMALL_WINDOW, count, small) for count in windows}
    with serving(None, *UNLIMITED) as server:
        asker = _Asker(server)
        for text in texts.values():
            asker.seconds(text, parameters)
        seen = [{tokens: asker.seconds(text, parameters) for tokens, text in texts.items()} for _ in range(turns)]
        asker.seconds(long[windows[0]], small)
        load(server, dev, 8, 60)
        _wait_until_warm(server)
        large = {
            count: statistics.median(asker.seconds(text, small) for _ in range(1 if count >= MANY else 3))
            for count, text in long.items()
        }
    return {
        "turns": turns,
        "window": SMALL_WINDOW,
        "lengths": [
            {
                "tokens": tokens,
                "p50": 1e3 * statistics.median(one[tokens] for one in seen),
                "most": 1e3 * max(one[tokens] for one in seen),
            }
            for tokens in LENGTHS
        ],
        "windows": [{"windows": count, "seconds": seconds} for count, seconds in large.items()],
    }


def text_of(task: Task, tokens: int, windows: int, parameters: dict[str, int]) -> str:
    """A context that makes so many windows with QUESTION, the longest of them of so many tokens."""

    def made(words: int) -> list[int]:
        context = " ".join(WORDS[place % len(WORDS)] for place in range(words))
        request = task.parse({"inputs": {"question": QUESTION, "context": context}, "parameters": parameters})
        return [len(window) for window in task.prepare(request).windows]

    room = tokens - (made(1)[0] - 1)
    words = room + (windows - 1) * (room - parameters.get("doc_stride", 0))
    seen = made(words)
    assert (len(seen), max(seen)) == (windows, tokens), f"{windows} windows of {tokens} tokens became {seen[:3]} …"
    return " ".join(WORDS[place % len(WORDS)] for place in range(words))


class _Asker:
    """One client that keeps its connection."""

    def __init__(self, server: RunningServer) -> None:
        self._target = parse_target(server.url)
        self._connection = http.client.HTTPConnection(self._target.host, self._target.port, timeout=3600)

    def seconds(self, context: str, parameters: dict[str, int]) -> float:
        """Of one request."""
        body = body_of(QUESTION, context, dict(parameters))
        began = time.perf_counter()
        self._connection.request("POST", self._target.path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        data = response.read()
        assert response.status == 200, data[:300]
        return time.perf_counter() - began


def clients(dev: Path, *, seconds: float = 8, counts: str = "clients") -> list[dict[str, Any]]:
    """Throughput and latencies of the embedded model at 1, 2, 4 … 256 clients: `moor bench --sweep clients`."""
    sweep = ("--sweep", counts, "--duration", str(seconds), "--warm-up", "1s", "--file", str(dev))
    with serving(None) as server:
        load(server, dev, 8, 60)
        _wait_until_warm(server)
        found = moor("bench", server.url, *sweep)
    return [
        {
            "clients": step["clients"],
            "requests": step["requests"],
            "per_second": step["per_second"],
            "p50": step["latency_ms"]["p50"],
            "p99": step["latency_ms"]["p99"],
            "errors": sum(step["errors"].values()),
        }
        for step in found["sweeps"][0]["steps"]
    ]


def layouts(dev: Path) -> dict[str, Any]:
    """Bytes (PSS) of the embedded model's server by streams of one process, and by workers behind nginx (if any)."""
    streams = []
    for count in STREAMS:
        with serving(None, "--streams", str(count), "--threads", str(max(2, count))) as server:
            streams.append({"streams": count, "bytes": _used(server, dev)})
    workers = []
    for count in WORKERS if find_nginx() is not None else ():
        with serving(None, "--front", "nginx", "--workers", str(count), "--no-standby") as server:
            workers.append({"workers": count, "bytes": _used(server, dev)})
    return {"streams": streams, "workers": workers}


def _used(server: RunningServer, dev: Path) -> int:
    """When every stream is open and every shape has been computed."""
    load(server, dev, 16, 100)
    _wait_until_warm(server)
    return pss_bytes(server.process.pid)


def memory(dev: Path, *, queues: Sequence[int] = QUEUES) -> list[dict[str, int]]:
    """Bytes (PSS) of the embedded model's server by windows that wait in it.

    More and more of them in one server, which is killed in the end: computing all that would take minutes.
    """
    bodies = _bodies(dev, EACH)
    with serving(None, *UNLIMITED, "--max-body-bytes", "100000000") as server:
        load(server, dev, 8, 60)
        _wait_until_warm(server)
        found = [{"windows": 0, "bytes": pss_bytes(server.process.pid)}]
        for count in queues:
            while (waiting := server.info()["engine"]["queued_windows"]) < count:
                for _ in range(max(1, (count - waiting) // EACH)):
                    threading.Thread(target=_ask, args=(server, next(bodies)), daemon=True).start()
                _wait_until_queued(server)
            found.append({"windows": waiting, "bytes": pss_bytes(server.process.pid)})
        server.process.kill()
    return found


def _ask(server: RunningServer, body: bytes) -> None:
    with suppress(BenchError):  # the server is killed under it
        post(parse_target(server.url), body, 3600)


def _wait_until_queued(server: RunningServer) -> None:
    """Until what has been sent is tokenised: the queue grows no more."""
    before = -1
    while (now := server.info()["engine"]["queued_windows"]) > before:
        before = now
        time.sleep(0.5)


def _wait_until_warm(server: RunningServer) -> None:
    while server.info().get("engine", {}).get("cold_shapes"):
        time.sleep(0.1)


def _bodies(dev: Path, windows: int) -> Iterator[bytes]:
    """Requests of about so many windows of 384 tokens, all different, again and again."""
    contexts = list(dict.fromkeys(question.context for question in read_squad(dev)))
    at = 0
    while True:
        text: list[str] = []
        while sum(map(len, text)) < windows * 256 * 4.6:
            text.append(contexts[at % len(contexts)])
            at += 1
        yield body_of(f"What is said in {at}?", "\n".join(text))
