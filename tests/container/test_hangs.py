"""nginx, workers and process 1 for real: what hangs is replaced, what is only slow is not, and clients notice nothing.

The rules are tested with clocks turned by hand in test_watch.py, test_crew.py and tests/engine/test_overdue.py.
"""

import http.client
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench.storm import storm

from mooring.container.proxy import find_nginx
from tests.support.behind import PAIR, Behind, behind
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

LONG = {"question": "who ?", "context": "The king lives near the river. " * 6_000}
"""Hundreds of windows."""
QUARTER = (0.025, 0.075)
"""Seconds that a process runs and is stopped by turns."""


@pytest.fixture(autouse=True, scope="module")
def needs_nginx() -> None:
    """Debian's package, or any other."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """One for all tests: each leaves it with two workers."""
    model = write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")
    with behind(str(model)) as one:
        yield one


@contextmanager
def clients(server: Behind, count: int, body: object = PAIR) -> Iterator["Counter[object]"]:
    """Clients that ask all the time; the counts of what they see are complete when the block has ended."""
    seen: Counter[object] = Counter()
    stop = threading.Event()

    def ask(number: int) -> None:
        # Different requests: identical ones would be computed once.
        mine = {**PAIR, "question": f"who lives near river {number} ?"} if body is PAIR else body
        while not stop.is_set():
            try:
                seen[server.ask(mine, **{"Cache-Control": "no-cache"})[0]] += 1
            except (OSError, http.client.HTTPException) as error:
                seen[type(error).__name__] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for one in threads:
        one.start()
    yield seen
    stop.set()
    for one in threads:
        one.join()


@contextmanager
def throttled(*pids: int) -> Iterator[None]:
    """Processes that run for a quarter of the time."""
    ended = threading.Event()

    def turn() -> None:
        runs, stops = QUARTER
        while not ended.wait(runs):
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            ended.wait(stops)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def hangs(server: Behind) -> int:
    """How often a worker, or one of nginx, was found to hang so far."""
    return len(server.logged("worker hangs")) + len(server.logged("nginx worker hangs; replacing it"))


def test_throttled_processes_and_long_requests_do_not_hang(server: Behind) -> None:
    """A quarter of the CPU for each worker and for nginx, with requests of seconds."""
    before, nginx, hung = server.wait_for_workers(2), server.nginx()[1:], hangs(server)
    with throttled(*before.values(), *nginx), clients(server, 2, LONG) as slow, clients(server, 4) as quick:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert server.get("/ping")[0] == 200
            time.sleep(0.2)
    assert server.workers() == before
    assert server.nginx()[1:] == nginx
    assert hangs(server) == hung
    assert set(slow) | set(quick) == {200}


def test_a_stopped_worker_is_replaced_and_its_requests_go_to_the_standby(server: Behind) -> None:
    """Meanwhile /ping is green, since requests are answered, and /info says what is wrong."""
    stopped, hung = server.wait_for_workers(2)[1], hangs(server)
    with clients(server, 4) as seen:
        os.kill(stopped, signal.SIGSTOP)
        began = time.monotonic()
        server.until(lambda: hangs(server) > hung)
        # 1.5 s and what the machine adds: looks at which process 1 itself was late do not count.
        assert time.monotonic() - began < 4
        assert server.get("/ping")[0] == 200
        [entry] = server.get("/info")[1]["degraded"]
        assert entry["worker"] == 1
        assert "has been stopped by a signal" in entry["reason"]
        server.replaced(1, stopped)
    assert set(seen) == {200}
    assert server.get("/info")[1]["degraded"] == []


def test_a_worker_that_is_told_to_stop_hands_its_requests_over(server: Behind) -> None:
    """SIGTERM from somebody else than process 1: the standby answers until there is a new worker."""
    told = server.wait_for_workers(2)[1]
    with clients(server, 8) as seen:
        os.kill(told, signal.SIGTERM)
        server.replaced(1, told)
    assert set(seen) == {200}
    assert seen[200] > 20


def test_a_stopped_worker_of_nginx_is_replaced(server: Behind) -> None:
    """Its connections end; new ones are answered."""
    [stopped] = server.nginx()[1:]
    server.ask()
    time.sleep(1.2)  # until process 1 has a connection to it
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    server.until(lambda: server.nginx()[1:] not in ([], [stopped]))
    assert time.monotonic() - began < 4
    assert server.ask()[0] == 200


def test_in_a_storm_clients_see_only_answers(server: Behind) -> None:
    """128 of them, while one worker after the other is killed; 429 is the only other status that they may see."""
    server.wait_for_workers(2)
    found = storm(server, 7.0, every_s=2.0)
    assert found["kills"] >= 1
    assert set(found["outcomes"]) <= {"200", "429"}
    assert found["outcomes"]["200"] > 128
    server.wait_for_workers(2)


CODE = """
import time

def model_fn(folder):
    return None

def predict_fn(data, model):
    time.sleep(data["seconds"])
    return {"slept": data["seconds"]}
"""


def test_only_the_request_that_the_users_code_has_begun_on_is_lost(tmp_path: Path) -> None:
    """It may have had effects; the one that waited for its turn is given to the next worker."""
    folder = write_tiny_bert(tmp_path / "model")
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text(CODE, encoding="utf-8")
    with behind(str(folder), "--run-code", "--workers", "1") as server:
        pid = server.wait_for_workers(1)[1]
        answers: dict[str, Any] = {}

        def ask(name: str, seconds: float) -> None:
            answers[name] = server.ask({"seconds": seconds})

        begun = threading.Thread(target=ask, args=("begun", 30.0))
        waiting = threading.Thread(target=ask, args=("waiting", 0.01))
        for at, one in enumerate((begun, waiting), 1):
            one.start()
            server.until(lambda: server.get("/info")[1]["engine"]["in_flight"] == at)  # noqa: B023
        os.kill(pid, signal.SIGKILL)
        begun.join()
        waiting.join()
    assert answers["begun"][0] == 502
    assert "A worker died in the model's own code" in answers["begun"][2]["message"]
    assert (answers["waiting"][0], answers["waiting"][2]) == (200, {"slept": 0.01})
