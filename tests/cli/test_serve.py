"""`moor serve` as a process: what it says, that what it says works, and how it ends."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mooring.cli import run
from mooring.client import Client
from tests.support.started import ready
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of a few thousand weights."""
    return str(write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny"))


@contextmanager
def serving(*args: str, **environ: str) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """A server that has said that it is ready, and the lines it said it with."""
    command = [sys.executable, "-m", "mooring", "serve", "--port", "0", *args]
    with ready(command, env={**os.environ, **environ}) as (process, lines):
        yield process, lines


def url_of(lines: list[str]) -> str:
    """The address as it was said."""
    found = re.search(r"address +(http://127\.0\.0\.1:\d+)", "\n".join(lines))
    assert found is not None, lines
    return found[1]


def test_it_says_what_it_serves_and_the_curl_line_works(model: str) -> None:
    """A copy of the line, in a shell, gets an answer."""
    with serving(model, "--threads", "1") as (process, lines):
        said = "\n".join(lines)
        for part in ("tiny", "question-answering", "bert", "fp32", "1 thread"):
            assert part in said
        curl = lines[-1].split(maxsplit=1)[1]
        if shutil.which("curl"):
            done = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, check=True, timeout=30)
            answer = json.loads(done.stdout)
        else:
            with Client(shlex.split(curl)[2]) as client:
                answer = client.ask(**json.loads(shlex.split(curl)[-1]))
        assert set(answer) == {"score", "start", "end", "answer"}
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_told_to_stop_is_not_a_failure(model: str, number: int) -> None:
    """Exit code 0, nothing on stderr that looks like an error."""
    with serving(model, MOORING_LOG_LEVEL="warning") as (process, _):
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err == ""


def test_settings_reach_the_server(model: str) -> None:
    """A flag, a variable, and a warning about one that is misspelt."""
    with serving(model, MOORING_DEADLINE_S="7.5", MOORING_PROT="1") as (_, lines):
        assert any("MOORING_PROT is not a setting" in line for line in lines)
        with Client(url_of(lines)) as client:
            assert client.info()["limits"]["deadline_s"] == 7.5
            assert client.ask({"question": "Who?", "context": "The king."})


def test_a_port_in_use_is_said_before_the_model_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1: the other program may go away."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["serve", "--port", port]) == 1
    said = capsys.readouterr().err
    assert f"moor: Port {port} is in use" in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("broken", "said"),
    [("tokenizer.json", "tokenizer.json"), ("config.json", "config.json"), ("model.safetensors", "model")],
)
def test_a_model_that_cannot_be_served_ends_the_start_with_3(
    model: str, tmp_path: Path, broken: str, said: str
) -> None:
    """The missing file by name; no traceback, and no waiting for a health check to give up."""
    folder = tmp_path / "broken"
    shutil.copytree(model, folder)
    (folder / broken).unlink()
    if broken == "tokenizer.json":
        (folder / "vocab.txt").unlink()
    command = [sys.executable, "-m", "mooring", "serve", "--port", "0", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert said in done.stderr
    assert "moor: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_is_a_wrong_command_line(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2."""
    assert run(["serve", model, "--host", "no.such.host.invalid"]) == 2
    assert "no.such.host.invalid" in capsys.readouterr().err


def test_a_second_start_finds_what_the_first_compiled(model: str, tmp_path: Path) -> None:
    """In the folder that --cache-dir names; with --compile-cache-bytes 0 nothing is read or written."""
    kept = ("--cache-dir", str(tmp_path / "cache"))
    seen = []
    for more in ((), (), ("--compile-cache-bytes", "0")):
        with serving(model, *kept, *more) as (process, lines):
            with Client(url_of(lines)) as client:
                seen.append(client.info()["backend"]["compiled_before"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
    assert seen == [False, True, False]
    with serving(model, "--cache-dir", str(tmp_path / "none"), "--compile-cache-bytes", "0"):
        assert not (tmp_path / "none").exists()
