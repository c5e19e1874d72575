"""Processes in place of containers: what they get, what they leave, and what a killed `moor local` leaves of them."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from local.tests.harbour import Harbour, harbour, until
from mooring.errors import RunnerError
from mooring_local.runners.base import Order
from mooring_local.runners.launch import Pulse
from mooring_local.runners.orphans import MARKER, Ledger, began, find
from mooring_local.runners.process import ProcessRunner, container_environment
from tests.support.started import started

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="orphans are told by /proc")
QUESTION = json.dumps({"question": "Who wrote it?", "context": "Ada Lovelace wrote it."}).encode()


def order(folder: Path, said: list[str], **environment: str) -> Order:
    """Of Mooring's image."""
    return Order("mooring", environment, folder, said.append)


def python(script: str, folder: Path, **environ: str) -> ProcessRunner:
    """Runs a script in place of `moor serve`."""
    return ProcessRunner(
        folder / "ledger", environ={**os.environ, **environ}, command=lambda port: [sys.executable, "-c", script]
    )


def test_the_callers_settings_do_not_reach_a_container(tmp_path: Path) -> None:
    """What the model has does, with paths below /opt/ml where they are here; and what a system needs."""
    caller = {
        "PATH": "/bin",
        "HOME": "/root",
        "MOORING_PORT": "1",
        "SAGEMAKER_PROGRAM": "evil.py",
        "HF_MODEL_ID": "a/b",
        "AWS_ACCESS_KEY_ID": "x",
        "MMS_JOB_QUEUE_SIZE": "1",
        "OMP_NUM_THREADS": "1",
    }
    given = order(tmp_path, [], HF_MODEL_ID="/opt/ml/model", SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/code", N="/opt")
    assert container_environment(given, caller) == {
        "PATH": "/bin",
        "HOME": "/root",
        "HF_MODEL_ID": f"{tmp_path}/model",
        "SAGEMAKER_SUBMIT_DIRECTORY": f"{tmp_path}/model/code",
        "N": "/opt",
        "SAGEMAKER_BASE_DIR": str(tmp_path),
        "MOORING_RUN_CODE": "true",
        "PYTHONUNBUFFERED": "1",
    }


def test_other_images_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """Before anything is started."""
    runner = ProcessRunner(tmp_path)
    assert "moor local --engine docker" in str(runner.refuses("nginx:latest"))
    with pytest.raises(RunnerError):
        asyncio.run(runner.start(Order("nginx:latest", {}, tmp_path, lambda _: None)))
    assert runner.refuses("mooring") is None


@pytest.mark.wire
def test_the_embedded_model_answers(tmp_path: Path) -> None:
    """An endpoint of a stock image's name, with a notice; stopped, its process is gone and its folder is empty."""

    async def work() -> None:
        image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-inference:2.6-cpu"
        runner = ProcessRunner(tmp_path / "processes")
        async with harbour(tmp_path, runner=runner, pulse=Pulse(), patience_s=60.0) as one:
            document = await one.one(Image=image)
            assert document["EndpointStatus"] == "InService", document
            reply = await one.ask("/endpoints/e/invocations", QUESTION, Content_Type="application/json")
            assert reply.json["answer"] == "Ada Lovelace"
            assert any(
                line.startswith(f"Notice: without a container engine, Mooring serves in place of {image}.")
                for line in one.log()
            )
            assert any("ping is healthy" in line for line in one.log())
            pid = pid_of(one)
            assert began(pid)
        assert began(pid) is None
        assert list((tmp_path / "run").iterdir()) == list((tmp_path / "processes").iterdir()) == []

    asyncio.run(work())


def pid_of(one: Harbour) -> int:
    """Of the endpoint's one process."""
    running = one.live().variants["AllTraffic"].instances[0].containers["primary"].running
    return int(running.pid)  # type: ignore[attr-defined]


@pytest.mark.wire
def test_a_model_from_s3_with_a_fault_says_what_it_is(tmp_path: Path) -> None:
    """FailureReason has the server's own words, at once."""

    async def work() -> None:
        runner = ProcessRunner(tmp_path / "processes")
        async with harbour(tmp_path, runner=runner, pulse=Pulse(), patience_s=60.0) as one:
            one.store.create_bucket("models")
            one.store.put("models", "broken/config.json", b'{"model_type": "bert"}')
            data = {"S3Uri": "s3://models/broken/", "S3DataType": "S3Prefix", "CompressionType": "None"}
            document = await one.one(ModelDataSource={"S3DataSource": data})
            assert document["EndpointStatus"] == "Failed"
            assert "The container exited with code 3. Last log lines: moor: " in document["FailureReason"]
            assert (
                "lacks tokenizer.json (or vocab.txt, or vocab.json and merges.txt), model.safetensors"
                in document["FailureReason"]
            )

    asyncio.run(work())


@pytest.mark.wire
@needs_proc
def test_a_killed_process_is_replaced(tmp_path: Path) -> None:
    """By another one, which answers."""

    async def work() -> None:
        runner = ProcessRunner(tmp_path / "processes")
        async with harbour(tmp_path, runner=runner, pulse=Pulse(), patience_s=60.0) as one:
            await one.one()
            first = pid_of(one)
            os.kill(first, signal.SIGKILL)
            await until(lambda: one.live().variants["AllTraffic"].pick() and pid_of(one) != first, 60)
            assert (await one.ask("/endpoints/e/invocations", QUESTION)).status == 200
            assert "Replacing the instance: container primary exited with code -9." in one.log()

    asyncio.run(work())


@pytest.mark.wire
def test_what_a_process_says_is_passed_on_line_by_line(tmp_path: Path) -> None:
    """Both pipes; whatever is no text; the last line without its end; and the exit code."""
    script = "import sys, os; print('one'); print('two', file=sys.stderr); os.write(1, b'\\xff three'); sys.exit(7)"

    async def work() -> list[str]:
        said: list[str] = []
        running = await python(script, tmp_path).start(order(tmp_path, said))
        assert await running.wait() == 7
        assert not running.alive()
        await running.stop()
        return said

    assert sorted(asyncio.run(work())) == ["\\xff three", "one", "two"]


@pytest.mark.wire
@needs_proc
def test_stop_ends_what_will_not_end(tmp_path: Path) -> None:
    """A server that ignores SIGTERM, and a child that it left."""
    script = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen(['sleep', '300'], start_new_session=True);"
        "print(child.pid, flush=True); time.sleep(300)"
    )

    async def work() -> None:
        said: list[str] = []
        running = await python(script, tmp_path).start(order(tmp_path, said))
        await until(lambda: said)
        await running.stop(0.1)
        assert await running.wait() == -signal.SIGKILL
        await until(lambda: began(int(said[0])) is None)

    asyncio.run(work())


@pytest.mark.wire
def test_who_stops_waiting_for_an_end_leaves_nothing(tmp_path: Path) -> None:
    """An endpoint deleted while its wedged instance is replaced: nobody asks a second time."""
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(99)"
    )

    async def work() -> None:
        said: list[str] = []
        running = await python(script, tmp_path).start(order(tmp_path, said))
        await until(lambda: said)
        stopping = asyncio.ensure_future(running.stop(60.0))
        await asyncio.sleep(0)
        stopping.cancel()
        assert await asyncio.wait_for(running.wait(), 10) == -signal.SIGKILL
        assert list((tmp_path / "ledger").iterdir()) == []

    asyncio.run(work())


PARENT = """
import asyncio, sys
from pathlib import Path
from mooring_local.runners.base import Order
from mooring_local.runners.process import ProcessRunner

async def main(folder):
    runner = ProcessRunner(folder, command=lambda port: [sys.executable, "-c", "import time; time.sleep(300)"])
    running = await runner.start(Order("mooring", {}, folder, print))
    print(running.pid, flush=True)
    await asyncio.sleep(300)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.wire
@needs_proc
def test_what_a_killed_one_left_is_ended_at_the_next_start(tmp_path: Path) -> None:
    """And nothing else: not a process that has the pid of one that is gone, not one with another marker."""
    with (
        started([sys.executable, "-c", PARENT, str(tmp_path)]) as parent,
        started(["sleep", "300"], env={**os.environ, MARKER: "0" * 32}) as innocent,
    ):
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        assert began(orphan)
        # A file of ours that names the innocent's pid, as if it had been given again.
        entry = {"pid": innocent.pid, "began": 1}
        (tmp_path / f"{'0' * 32}.json").write_text(json.dumps(entry), encoding="utf-8")
        said = asyncio.run(ProcessRunner(tmp_path).clean())
        assert said == [f"Stopped process {orphan}, left over from a killed local SageMaker."]
        assert innocent.poll() is None
        assert list(tmp_path.glob("*.json")) == []
        _wait_until_gone(orphan)


@pytest.mark.wire
@needs_proc
def test_a_server_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    """By itself, after kill -9: nobody has to start a local SageMaker again to be rid of it."""
    script = PARENT.replace(', command=lambda port: [sys.executable, "-c", "import time; time.sleep(300)"]', "")
    with started([sys.executable, "-c", script, str(tmp_path)]) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert began(server)
        parent.kill()
        parent.wait()
        _wait_until_gone(server)


@pytest.mark.wire
@needs_proc
def test_one_killed_before_it_was_written_down_is_found_by_its_marker(tmp_path: Path) -> None:
    """The file is there before the process is."""
    ledger = Ledger(tmp_path)
    marker = ledger.open()
    with started(["sleep", "300"], env={**os.environ, MARKER: marker}) as process:
        assert Ledger(tmp_path).clean() == [process.pid]
        assert process.wait() == -signal.SIGTERM
        assert find(marker, None) == {}


def _wait_until_gone(pid: int) -> None:
    until_s = time.monotonic() + 10
    while began(pid) is not None and time.monotonic() < until_s and not _is_zombie(pid):
        time.sleep(0.01)
    assert began(pid) is None or _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Ended, and only not collected yet by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
