"""`moor batch --engine ray` on real clusters of this machine. `make test-ray`, which installs Ray."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.support.corpora import answers, write_lines
from tests.support.started import started
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.ray

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300.0
RECORDS, SHARD_ROWS = 6000, 100


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and a corpus that the local engine has answered undisturbed into `whole`."""
    folder = tmp_path_factory.mktemp("ray")
    write_tiny_bert(folder / "model")
    lines: list[dict[str, Any]] = [
        {"id": number, "question": "who lives near the river ?", "context": f"The king {number} lives near the river."}
        for number in range(RECORDS)
    ]
    lines[17]["question"] = ""
    write_lines(folder / "in.jsonl", lines)
    assert subprocess.run(command(folder, "whole", "local"), capture_output=True, check=False).returncode == 0
    return folder


def command(folder: Path, output: str, engine: str, *more: str) -> list[str]:
    """`moor batch` of the corpus."""
    of_ray = ("--engine", "ray", "--actors", "2") if engine == "ray" else ()
    moor = [sys.executable, "-m", "mooring", "batch", str(folder / "in.jsonl"), str(folder / output)]
    return [*moor, "-m", str(folder / "model"), "--shard-rows", str(SHARD_ROWS), "--json", *of_ray, *more]


def wait_for(parts: int, folder: Path, process: "subprocess.Popen[str]") -> None:
    """Until that many parts are there."""
    end = time.monotonic() + PATIENCE_S
    while len(list(folder.glob("part-*"))) < parts:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no part was written"
        time.sleep(0.01)


def actors(process: "subprocess.Popen[str]") -> Iterator[psutil.Process]:
    """The processes that answer, below the driver."""
    for one in psutil.Process(process.pid).children(recursive=True):
        try:
            name = " ".join(one.cmdline())
        except psutil.NoSuchProcess:
            continue
        if name.startswith("ray::") and "Answering" in name:
            yield one


def same_as_undisturbed(place: Path, output: str) -> None:
    """Record by record: the same ones in the same order, each once, with the same answers up to rounding."""
    found, expected = answers(place / output), answers(place / "whole")
    assert len(found) == RECORDS
    for mine, theirs in zip(found, expected, strict=True):
        if "prediction" in mine:
            assert mine["prediction"].pop("score") == pytest.approx(theirs["prediction"].pop("score"), abs=1e-5)
        assert mine == theirs
    names = sorted(path.name for path in (place / output).iterdir())
    assert names == sorted(path.name for path in (place / "whole").iterdir())


def test_a_killed_actor_is_replaced(place: Path) -> None:
    """In the middle of a shard; the run goes on to its end."""
    with started(command(place, "actor", "ray")) as process:
        wait_for(6, place / "actor", process)
        victim = next(actors(process))
        victim.kill()
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert (json.loads(out)["records"], json.loads(out)["errors"]) == (RECORDS, 1)
    same_as_undisturbed(place, "actor")


def test_a_killed_driver_is_continued(place: Path) -> None:
    """Here by the local engine: how a job is computed is not part of it. Its actors end with the driver."""
    with started(command(place, "driver", "ray")) as process:
        wait_for(6, place / "driver", process)
        left = list(actors(process))
        assert left
        process.kill()
        process.wait()
        psutil.wait_procs(left, timeout=PATIENCE_S)
        assert not any(one.is_running() for one in left)
    before = len(list((place / "driver").glob("part-*")))
    assert before < RECORDS // SHARD_ROWS
    done = subprocess.run(command(place, "driver", "local"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answered"] < RECORDS
    same_as_undisturbed(place, "driver")


def test_ctrl_c_finishes_the_shards_in_hand(place: Path) -> None:
    """What the manifest says is there, and nothing else."""
    with started(command(place, "interrupted", "ray")) as process:
        wait_for(2, place / "interrupted", process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    said = json.loads(out)
    names = sorted(path.name for path in (place / "interrupted").iterdir())
    assert len(names) == said["parts"] + 1
    assert said["left"] > 0


@pytest.mark.parametrize(
    ("address", "said", "code"),
    [
        ("127.0.0.1:9", "No Ray cluster answers at 127.0.0.1:9.", 1),
        ("ray://127.0.0.1:10001", "Invalid --address 'ray://127.0.0.1:10001'.", 2),
        ("head", "Invalid --address 'head'.", 2),
        ("head:²", "Invalid --address 'head:²'.", 2),
        ("..:6379", "No Ray cluster answers at ..:6379.", 1),
    ],
)
def test_a_cluster_that_is_not_there_is_named(address: str, said: str, code: int, place: Path) -> None:
    """At once."""
    asked = command(place, "nowhere", "ray", "--address", address)
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == code
    assert said in done.stderr


def test_a_cluster_that_goes_away_ends_the_run() -> None:
    """Soon and with a message, instead of keeping the driver waiting."""
    from mooring.batch.cluster import _replies
    from mooring.errors import BatchError

    class Hanging:
        def iter_batches(self, **_: object) -> Iterator[object]:
            time.sleep(PATIENCE_S)
            yield from ()

    with pytest.raises(BatchError, match=r"The Ray cluster no longer answers\. Run the same command again"):
        list(_replies(Hanging(), lambda: False))


def test_the_example_serves_a_model(place: Path) -> None:
    """Also what it says to a request at fault."""
    with started([sys.executable, str(ROOT / "examples" / "ray_serve.py"), str(place / "model")]):
        body = {"inputs": {"question": "who ?", "context": "The king lives here."}, "parameters": {"top_k": 2}}
        status, answer = ask(body)
        assert (status, len(answer)) == (200, 2)
        assert ask({"inputs": {"question": "who ?"}})[0] == 400
        assert ask({})[0] == 400
        assert ask({**body, "parameters": {"question": "who ?"}})[0] == 400


def ask(body: object) -> tuple[int, Any]:
    """POST to Ray Serve, which needs a while to listen."""
    request = urllib.request.Request("http://127.0.0.1:8000/", json.dumps(body).encode())
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code in (400, 500):
                return error.code, None
        except OSError:
            pass
        assert time.monotonic() < end, "nobody listens"
        time.sleep(0.5)
