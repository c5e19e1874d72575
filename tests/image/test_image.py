"""The image on a real engine: how it starts, whom it runs as, what it survives and how it ends."""

import contextlib
import http.client
import json
import re
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import IMAGE, Container, container, engine, ready
from tests.support.hub_server import HubServer, Repo
from tests.support.tiny_models import write_tiny_distilbert

pytestmark = pytest.mark.container

PAIR = {"question": "Who wrote it?", "context": "Ada Lovelace wrote the first program in 1843."}
HARDENED = (
    "--user",
    "1000",
    "--read-only",
    "--tmpfs",
    "/tmp",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
)
SIZE_LIMIT = 450_000_000
MINUTES_OF_WORK = {"question": "Who?", "context": "The king lives near the river. " * 12_000}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A DistilBERT of a few thousand weights."""
    folder = write_tiny_distilbert(tmp_path / "tiny")
    for path in (tmp_path, folder):
        path.chmod(0o755)
    return folder


def asked(one: Container) -> Any:
    """An answer, with status 200."""
    status, _, answer = one.send("POST", "/invocations", PAIR)
    assert status == 200, answer
    return answer


def test_serve_answers_on_the_embedded_model() -> None:
    """As the platform runs it: as root, with the argument `serve`; what reads requests is not root."""
    with ready() as one:
        assert asked(one)["answer"] == "Ada Lovelace"
        one.until(lambda: _owners(one, "worker --slot") == {1001} and _owners(one, "nginx: worker") == {1001})


def _owners(one: Container, part: str) -> set[int]:
    """Users of the processes whose command line has that part in it."""
    script = 'for p in /proc/[0-9]*; do echo "$(stat -c %u $p) $(tr "\\0" " " <$p/cmdline)"; done'
    lines = [line.partition(" ") for line in one.run("sh", "-c", script).splitlines()]
    return {int(user) for user, _, command in lines if part in command and "for p in" not in command}


def test_it_is_small_and_says_what_it_is() -> None:
    """Below 450 MB with its base; labels that the platform reads; a health check."""
    description = json.loads(engine("inspect", IMAGE))[0]
    assert description["Size"] < SIZE_LIMIT
    labels = description["Config"]["Labels"]
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert description["Config"]["Entrypoint"] == ["mooring-entrypoint"]


def test_there_is_no_compiler_no_torch_and_no_java_in_it() -> None:
    """Nor pip's cache, nor telemetry."""
    script = (
        "which gcc cc java; python -c 'import torch'; [ ! -e ~root/.cache/pip ] || echo a cache of pip;"
        " ls -d /opt/mooring/lib/*/site-packages/*"
    )
    said = engine("run", "--rm", IMAGE, "sh", "-c", f"({script}) 2>&1; true")
    for name in ("/gcc", "/java", "site-packages/torch", "site-packages/transformers", "openvino_telemetry", "hf_xet"):
        assert name not in said
    assert "a cache of pip" not in said
    assert "No module named 'torch'" in said


def test_python_and_pip_in_it_are_moorings() -> None:
    """What an image made from this one installs can be imported by the model's code."""
    assert "openvino" in engine("run", "--rm", IMAGE, "pip", "list")
    assert engine("run", "--rm", IMAGE, "python", "-c", "import mooring; print(mooring.__name__)").strip() == "mooring"


def test_without_any_privilege_and_on_a_read_only_disk() -> None:
    """A user without a name, no capabilities, /tmp alone to write to, half a CPU, 1 GB."""
    with ready(*HARDENED, "--cpus", "0.5", "--memory", "1g") as one:
        assert asked(one)["answer"] == "Ada Lovelace"
        _, _, facts = one.send("GET", "/info")
        assert (facts["topology"]["cpus"], facts["backend"]["threads"]) == (0.5, 1)
        assert facts["topology"]["memory_limit_bytes"] == 1 << 30


def test_without_a_network() -> None:
    """As a platform isolates it: asked from inside."""
    with container("--network", "none", "--cpus", "0.5", "--memory", "1g") as one:
        one.until(lambda: _pinged(one))
        call = (
            f"c.request('POST', '/invocations', {json.dumps(json.dumps(PAIR))}, {{'Content-Type': 'application/json'}})"
        )
        code = f"import http.client; c = http.client.HTTPConnection('127.0.0.1', 8080); {call}"
        said = one.run("python", "-c", f"{code}; print(c.getresponse().read().decode())")
        assert json.loads(said)["answer"] == "Ada Lovelace"


def _pinged(one: Container) -> bool:
    health = ("/opt/mooring/bin/python", "-m", "mooring.container.healthcheck")
    return "ready" in engine("exec", one.name, *health, check=False)


def test_the_engine_finds_it_healthy() -> None:
    """By the image's own HEALTHCHECK."""
    with ready("--health-interval", "1s") as one:
        one.until(lambda: one.inspect("{{.State.Health.Status}}") == "healthy", 30)


def test_little_memory_leaves_the_standby_out() -> None:
    """One worker and not a dead container; and that is said."""
    with ready("--memory", "512m", "--memory-swap", "512m") as one:
        assert asked(one)["answer"] == "Ada Lovelace"
        _, _, facts = one.send("GET", "/info")
        assert (facts["topology"]["active"], facts["topology"]["standby"]) == (1, 0)
        assert one.events("fewer workers: there is not enough memory")
        for _ in range(20):
            asked(one)
        assert one.running()


def test_a_model_that_a_platform_has_unpacked(model: Path) -> None:
    """At /opt/ml/model, read-only."""
    with ready("-v", f"{model}:/opt/ml/model:ro") as one:
        _, _, facts = one.send("GET", "/info")
        assert (facts["model"]["family"], facts["model"]["precision"]) == ("distilbert", "fp32")
        assert asked(one)["answer"] in PAIR["context"]


def test_a_model_that_root_alone_may_read_is_served_by_root(model: Path) -> None:
    """Rather than not at all."""
    for path in model.iterdir():
        path.chmod(0o600)
    with ready("-v", f"{model}:/opt/ml/model:ro") as one:
        _, _, facts = one.send("GET", "/info")
        assert facts["topology"]["user"] is None
        assert asked(one)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("-e", "HF_MODEL_ID=/no/such/folder"), 3, "No file or folder '/no/such/folder' exists"),
        (("-e", "HF_TASK=text-classification"), 2, "'text-classification'"),
        (("-e", "MOORING_PRECISION=int4"), 2, "MOORING_PRECISION is 'int4'"),
    ],
)
def test_what_cannot_be_served_ends_with_the_reason(options: tuple[str, ...], code: int, said: str) -> None:
    """Exit code 3 for the model, 2 for a setting; once, and not in a loop."""
    with container(*options) as one:
        assert one.exit_code() == code
        assert one.logs().count(said) == 1


def test_a_hub_model_without_a_network_says_so_quickly() -> None:
    """Exit code and message of the Hub's error; an isolated endpoint fails fast."""
    began = time.monotonic()
    with container("--network", "none", "-e", "HF_MODEL_ID=owner/name", "-e", "HF_HUB_OFFLINE=1") as one:
        one.until(lambda: "is not in the cache" in one.logs(), 60)
        assert time.monotonic() - began < 60


def test_a_model_from_the_hub_on_a_read_only_disk(model: Path) -> None:
    """As on a serverless endpoint. The Hub's model wins over the platform's, and the log says so."""
    mounted = ("-v", f"{model}:/opt/ml/model:ro")
    with (
        HubServer({"org/tiny": Repo.of(model)}, host=this_machine_inside()) as hub,
        ready(*HARDENED, *mounted, "-e", "HF_MODEL_ID=org/tiny", "-e", f"HF_ENDPOINT={hub.endpoint}") as one,
    ):
        assert "model.safetensors" in hub.downloads()
        assert asked(one)["answer"] in PAIR["context"]
        _, _, facts = one.send("GET", "/info")
        assert facts["model"]["name"] == "org/tiny"
        assert "The model in /opt/ml/model was ignored" in one.logs()


def this_machine_inside() -> str:
    """This machine's address as containers see it: their gateway, in hexadecimal with the last byte first."""
    routes = engine("run", "--rm", "--entrypoint", "cat", IMAGE, "/proc/net/route").splitlines()
    gateway = next(line.split()[2] for line in routes if line.split()[1] == "00000000")
    return socket.inet_ntoa(bytes.fromhex(gateway)[::-1])


def test_the_platforms_port() -> None:
    """SAGEMAKER_BIND_TO_PORT, and a health check that follows it."""
    options = ("-e", "SAGEMAKER_BIND_TO_PORT=9099", "-e", "SAGEMAKER_SAFE_PORT_RANGE=9000-9999")
    with container(*options, "-p", "127.0.0.1::9099", "--health-interval", "1s") as one:
        one.port = int(engine("port", one.name, "9099").strip().rpartition(":")[2])
        one.until(lambda: one.ping() == 200)
        one.until(lambda: one.inspect("{{.State.Health.Status}}") == "healthy", 30)


def test_any_other_command_is_run_as_given() -> None:
    """And moor's own, without its name."""
    assert engine("run", "--rm", IMAGE, "echo", "as given").strip() == "as given"
    assert engine("run", "--rm", IMAGE, "python", "-c", "print(6 * 7)").strip() == "42"
    assert engine("run", "--rm", IMAGE, "--version").startswith("moor ")
    said = engine(
        "run", "--rm", "-i", IMAGE, "sh", "-c", f"echo '{PAIR['context']}' | moor ask '{PAIR['question']}' --json"
    )
    # Before it may stand what the CPU lacks, on stderr, which `said` has too.
    assert json.loads(said.splitlines()[-1])["answer"] == "Ada Lovelace"


def test_two_of_them_side_by_side() -> None:
    """Nothing of one is in the other's way."""
    with ready() as first, ready() as second:
        assert asked(first)["answer"] == asked(second)["answer"] == "Ada Lovelace"
        engine("stop", first.name)
        assert asked(second)["answer"] == "Ada Lovelace"


def test_sigterm_answers_what_is_in_flight() -> None:
    """`docker stop`: exit code 0, every request that was sent before it is answered."""
    # On a slow machine the long request would make the queue too long for the others (429).
    with ready("-e", "MOORING_MAX_QUEUE_MS=deadline") as one, contextlib.ExitStack() as stack:
        one.until(lambda: one.worker(2) > 0)
        connections = [
            stack.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)))
            for _ in range(17)
        ]
        bodies = [_pages(60), *(PAIR | {"context": f"{PAIR['context']} {number}"} for number in range(16))]
        for connection, body in zip(connections, bodies, strict=True):
            connection.request("POST", "/invocations", json.dumps(body), {"Content-Type": "application/json"})
        one.until(lambda: _received(one) == 17)
        engine("stop", "-t", "30", one.name)
        answers = [json.load(connection.getresponse()) for connection in connections]
        assert [answer.get("answer", answer) for answer in answers] == ["Ada Lovelace"] * 17
        assert one.exit_code() == 0


def _received(one: Container) -> int:
    """Requests that workers have answered or are answering."""
    answered = re.findall(
        r'^mooring_requests_total\{[^}]*"/invocations"[^}]*\} (\S+)', one.send("GET", "/metrics")[2], re.M
    )
    in_flight: int = one.send("GET", "/info")[2]["engine"]["in_flight"]
    return in_flight + sum(int(float(count)) for count in answered)


def _pages(count: int) -> dict[str, str]:
    """A request of about so many windows."""
    return {"question": "Who wrote it?", "context": PAIR["context"] * (count * 22)}


@pytest.mark.parametrize("victim", ["worker 1", "worker 2", "nginx", "nginx worker"])
def test_kill_9_of_anything_under_load(victim: str) -> None:
    """Of a worker: no request fails. Of nginx: the connections it had are gone, and it is back within seconds."""
    with ready() as one:
        one.until(lambda: one.worker(2) > 0 and one.send("GET", "/info")[2]["topology"]["workers"][1]["ready"])
        stop, failed, answered = threading.Event(), [], [0]

        def ask() -> None:
            while not stop.is_set():
                try:
                    assert asked(one)["answer"] == "Ada Lovelace"
                    answered[0] += 1
                except Exception as error:
                    failed.append(error)
                    time.sleep(0.1)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        pid = _victim(one, victim)
        one.run("sh", "-c", f"kill -{int(signal.SIGKILL)} {pid}")
        one.until(lambda: _victim(one, victim) not in (0, pid))
        one.until(lambda: one.ping() == 200)
        before = answered[0]
        one.until(lambda: answered[0] > before + 20)
        stop.set()
        for thread in threads:
            thread.join()
        if victim.startswith("worker"):
            assert failed == []
        assert one.running()


def _victim(one: Container, name: str) -> int:
    if name.startswith("worker"):
        return one.worker(int(name[-1]))
    what = "nginx: worker" if name == "nginx worker" else "nginx: master"
    return next((pid for pid, command in one.processes().items() if command.startswith(what)), 0)


def test_what_is_left_behind_inside_is_buried() -> None:
    """Process 1 collects processes whose parents died, such as those of `docker exec`."""
    with ready() as one:
        one.run("sh", "-c", "(sleep 0.3 &) ; (sleep 0.3 &)")
        time.sleep(2.5)
        states = one.run("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null")
        assert not [line for line in states.splitlines() if ") Z " in line]
