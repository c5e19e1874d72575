"""No process makes a call or writes a file that nobody asked for: commands under an audit hook, with an empty HOME.

Compiled models are kept where XDG's rules put what can be made again, unless that is switched off.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mooring.client import Client
from tests.support.started import started
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "Who lives near the river?"
CONTEXT = "The king lives near the river, the queen in the north."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with nothing in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@contextmanager
def audited(home: Path, *arguments: str, allowed: Path | None = None) -> Iterator["subprocess.Popen[str]"]:
    """`moor` with every fork, foreign connection and written file recorded beside `home`; `allowed` may be written."""
    environ = {**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "AUDIT_ALLOW": str(allowed or "")}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "HF_HUB_CACHE"):
        environ.pop(name, None)
    command = [sys.executable, "-m", "tests.support.audited", str(home.parent / "log"), *arguments]
    with started(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL) as process:
        yield process


def seen(home: Path) -> list[str]:
    """What was recorded, and whatever lies in the home."""
    return (home.parent / "log").read_text().splitlines() + [str(path) for path in home.rglob("*")]


def test_the_hook_sees_what_it_should(home: Path) -> None:
    """A fork, a call, a file: otherwise an empty record would prove nothing."""
    deeds = "import subprocess, socket, pathlib; subprocess.run(['true']); pathlib.Path.home().joinpath('x').touch()"
    call = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    code = f"import mooring.cli; mooring.cli.main = lambda: exec({f'{deeds}; {call}'!r})"
    start = f"import sys; sys.argv = ['x', {str(home.parent / 'log')!r}]; import tests.support.audited as a; a.main()"
    program = f"{code}; {start}"
    environ = {**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, check=True, timeout=60)
    record = "\n".join(seen(home))
    for event in ("subprocess.Popen", "socket.connect", f"open\t{home}/x", "192.0.2.1"):
        assert event in record


CACHED = Path(".cache") / "mooring" / "compiled"
OFF = ("--compile-cache-bytes", "0")


def cached(home: Path) -> Path:
    """The one file of a home with a compiled model."""
    (file,) = (path for path in home.rglob("*") if path.is_file())
    assert file.parent == home / CACHED
    return file


def test_ask_and_eval_leave_no_trace(home: Path, tmp_path: Path) -> None:
    """With the embedded model."""
    text, squad = tmp_path / "text.txt", tmp_path / "squad.json"
    text.write_text(CONTEXT)
    asked = {"id": "1", "question": QUESTION, "answers": [{"text": "the king"}]}
    squad.write_text(json.dumps({"data": [{"paragraphs": [{"context": CONTEXT, "qas": [asked]}]}]}))
    for arguments in (["ask", QUESTION, "--context", str(text), *OFF], ["eval", str(squad), *OFF]):
        with audited(home, *arguments) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out
    assert seen(home) == []
    with audited(home, "ask", QUESTION, "--context", str(text), allowed=home / ".cache") as process:
        assert process.communicate(timeout=120)[0]
    cached(home).unlink()
    assert (home.parent / "log").read_text() == ""


@pytest.mark.parametrize("off", [True, False])
def test_serve_leaves_no_trace(home: Path, off: bool) -> None:
    """From start to a clean end, with a question in between."""
    options = ("serve", "--port", "0", "--log-level", "warning", *(OFF if off else ()))
    with audited(home, *options, allowed=None if off else home / ".cache") as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("  try"):
                break
        found = re.search(r"address +(http://\S+)", said)
        assert found is not None, process.communicate(timeout=30)
        with Client(found[1]) as client:
            assert client.ask({"question": QUESTION, "context": CONTEXT})
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    if off:
        assert seen(home) == []
    else:
        assert cached(home)
        assert (home.parent / "log").read_text() == ""


def test_build_writes_its_artefact_and_nothing_else(home: Path, tmp_path: Path) -> None:
    """int8 with nncf, which has a reporter of its own."""
    source, questions, place = write_tiny_bert(tmp_path / "tiny"), tmp_path / "questions.jsonl", tmp_path / "out"
    place.mkdir()
    lines = [json.dumps({"question": f"Who is {n}?", "context": f"{CONTEXT} {n}"}) for n in range(80)]
    questions.write_text("\n".join(lines))
    arguments = ["build", str(source), "-o", str(place / "built"), "--calibration", str(questions), "--no-gate"]
    with audited(home, *arguments, allowed=place) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "int8" in out
    assert seen(home) == []
    assert [path.name for path in place.iterdir()] == ["built"]
