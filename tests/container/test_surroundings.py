"""Somebody tidies up /tmp, the disk is full, no descriptor is left: what process 1 needs goes, and comes back."""

import http.client
import os
import resource
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mooring.container.proxy import find_nginx
from tests.support.behind import Behind, behind, prepared
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True, scope="module")
def needs_nginx() -> None:
    """Debian's package, or any other."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of a few thousand weights."""
    return str(write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def server(model: str) -> Iterator[Behind]:
    """One for all tests that leave it whole."""
    with behind(model) as one:
        one.wait_for_workers(2)
        yield one


def run_folder(server: Behind) -> Path:
    """Where it writes, from a worker's environment."""
    environ = Path(f"/proc/{server.workers()[1]}/environ").read_bytes().split(b"\0")
    [folder] = [item.partition(b"=")[2] for item in environ if item.startswith(b"PROMETHEUS_MULTIPROC_DIR=")]
    return Path(os.fsdecode(folder)).parent


def answers(server: Behind) -> bool:
    """Whether a question is answered and /ping is green."""
    try:
        return server.ask()[0] == 200 and server.get("/ping")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_the_fronts_socket_comes_back(server: Behind) -> None:
    """Without it /ping would be red for ever."""
    path = run_folder(server) / "front.sock"
    path.unlink()
    server.until(lambda: path.exists() and answers(server))


def test_a_worker_whose_socket_is_gone_is_replaced(server: Behind) -> None:
    """It lives, but nobody can reach it."""
    before = server.workers()[1]
    (run_folder(server) / "sockets" / "worker-1.sock").unlink()
    server.replaced(1, before)
    assert answers(server)
    assert server.logged("worker socket is missing; replacing the worker")[0]["worker"] == 1


def test_workers_start_without_the_folder_of_their_metrics(server: Behind) -> None:
    """It is made again."""
    shutil.rmtree(run_folder(server) / "metrics")
    server.replaced(1, server.kill(1))
    assert server.get("/metrics")[0] == 200
    assert answers(server)


def test_everything_comes_back_after_the_whole_folder_is_gone(server: Behind) -> None:
    """Sockets, counters, nginx's configuration and its places for bodies."""
    before = server.workers()
    shutil.rmtree(run_folder(server))
    server.until(lambda: answers(server) and not set(server.workers().values()) & set(before.values()))
    server.wait_for_workers(2)
    master = server.nginx()[0]
    os.kill(master, signal.SIGKILL)
    server.until(lambda: server.nginx()[:1] not in ([], [master]) and answers(server))
    large = {"question": "who ?", "context": "The king lives near the river. " * 20_000}
    assert server.ask(large)[0] == 200


def test_a_worker_that_cannot_be_started_for_want_of_descriptors_is_started_later(server: Behind) -> None:
    """What is wrong is said; nothing else changes."""
    before = server.workers()[1]
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    few = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) - 3
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (few, hard))
    try:
        os.kill(before, signal.SIGKILL)
        server.until(lambda: bool(server.logged("worker cannot start")))
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert "Too many open files" in server.logged("worker cannot start")[0]["reason"]
    server.replaced(1, before)
    assert answers(server)


def test_nginx_that_cannot_start_at_first_ends_it_all(model: str) -> None:
    """As the server without nginx ends when its port is taken: with 1, for whoever started it to try again."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        # Between process 1's own look at the port and nginx's, somebody else was faster.
        program = "import mooring.container.supervisor as one; one._free_port = lambda settings: settings.port"
        with prepared(model, program=program, MOORING_PORT=str(taken.getsockname()[1])) as server:
            assert server.process.wait(60) == 1
            server.until(lambda: any(line.startswith("moor: nginx cannot start") for line in server.log))
            assert any("Address already in use" in line for line in server.log)
