"""`ask` and `eval` with a model opened in this process: tiny random ones, so what is answered does not matter."""

import fcntl
import json
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO, Any

import pytest

from mooring.cli import run
from mooring.quality.squad import exact_match, f1_score, read_squad
from tests.support.started import started
from tests.support.tiny_models import write_tiny_distilbert

pytestmark = pytest.mark.wire

CONTEXT = "The capital of the north is a great old city. The king lives near the river."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A DistilBERT of a few thousand weights."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_distilbert(folder)
    return str(folder)


@pytest.fixture
def context(tmp_path: Path) -> str:
    """A context in a file."""
    path = tmp_path / "context.txt"
    path.write_text(CONTEXT, encoding="utf-8")
    return str(path)


def squad_of(folder: Path, count: int) -> Path:
    """A file of `count` questions."""
    qas = [{"id": f"q{n}", "question": f"Who is {n}?", "answers": [{"text": "the king"}]} for n in range(count)]
    path = folder / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": CONTEXT, "qas": qas}]}]}))
    return path


def test_ask_answers_with_a_part_of_the_context(model: str, context: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In process, with no server running."""
    assert run(["ask", "Where does the king live?", "-c", context, "-m", model, "--json", "--threads", "1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert CONTEXT[answer["start"] : answer["end"]] == answer["answer"]


def test_ask_for_several_answers(model: str, context: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Best first."""
    assert run(["ask", "Who?", "-c", context, "-m", model, "--json", "--top-k", "3"]) == 0
    scores = [answer["score"] for answer in json.loads(capsys.readouterr().out)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) > 1


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--top-k", "0"], 2, "top_k"),
        (["-m", "./no/such/folder"], 3, "No file or folder './no/such/folder' exists"),
        (["--precision", "int8"], 2, "a model must be converted to int8 before serving"),
        (["-c", "none.txt"], 2, "Cannot read 'none.txt'"),
    ],
)
def test_ask_says_what_is_wrong(
    args: list[str], code: int, said: str, model: str, context: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code that fits."""
    assert run(["ask", "Who?", "-m", model, "-c", context, *args]) == code
    assert said in capsys.readouterr().err


def test_eval_is_the_official_score_of_its_own_predictions(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is reported can be computed again from what was written."""
    file, predictions = squad_of(tmp_path, 20), tmp_path / "predictions.json"
    assert run(["eval", str(file), "-m", model, "--json", "--predictions", str(predictions)]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    said = json.loads(predictions.read_text())
    questions = read_squad(file)
    again = [100 * sum(each(said[one.id], one.answers) for one in questions) / 20 for each in (exact_match, f1_score)]
    assert [result["exact_match"], result["f1"]] == [round(value, 4) for value in again]
    assert (result["questions"], result["model"]["model"]["precision"]) == (20, "fp32")


def test_ctrl_c_during_eval_shows_what_there_is(model: str, tmp_path: Path) -> None:
    """A file that would take minutes; the figures until then, exit code 130."""
    file = squad_of(tmp_path, 200_000)
    program = [sys.executable, "-c", WATCHED, "eval", str(file), "-m", model, "--json"]
    with started(program) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "asking\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    result = json.loads(out)
    assert (result["interrupted"], result["asked"]) == (True, 200_000)
    assert 0 < result["questions"] < 200_000


WATCHED = """
import sys
import mooring.cli
from mooring.opened import OpenModel

map_ = OpenModel.map

def watched(*args, **more):
    for number, answer in enumerate(map_(*args, **more)):
        if number == 100:
            print("asking", file=sys.stderr, flush=True)
        yield answer

OpenModel.map = watched
mooring.cli.main()
"""
"""`moor`, saying on stderr when it is in the middle of its work."""


def test_eval_counts_a_question_that_cannot_be_asked(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named and counts as wrong; the others are answered."""
    path = squad_of(tmp_path, 3)
    data = json.loads(path.read_text())
    data["data"][0]["paragraphs"][0]["qas"][1]["question"] = "who " * 600
    path.write_text(json.dumps(data))
    assert run(["eval", str(path), "-m", model, "--json"]) == 1
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert (result["questions"], result["errors"]) == (3, {"InvalidRequest": 1})
    assert "example q1" in said.err


def test_clients_are_for_a_server(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here they would have no effect."""
    assert run(["eval", str(squad_of(tmp_path, 1)), "-m", model, "--clients", "2"]) == 2
    assert "--clients has no effect without --url" in capsys.readouterr().err


def test_weights_that_are_no_numbers_are_not_served(
    tmp_path: Path, context: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every answer would be empty, with score 0."""
    folder = write_tiny_distilbert(tmp_path / "nan", spread=float("nan"))
    assert run(["ask", "Who?", "-c", context, "-m", str(folder)]) == 3
    assert "produced NaN or infinity" in capsys.readouterr().err


def test_files_that_may_not_be_read_are_no_fault_of_ours(
    tmp_path: Path, context: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that cannot be served, with the file and what to do. Root may read everything, so reading fails here."""
    folder = write_tiny_distilbert(tmp_path / "closed")

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("mooring.model.safetensors_file.OpenFile", refuse)
    assert run(["ask", "Who?", "-c", context, "-m", str(folder)]) == 3
    said = capsys.readouterr().err
    assert "model.safetensors" in said
    assert "permission denied for this user" in said
    assert "chmod" in said


def test_sigterm_ends_a_command(model: str) -> None:
    """143, as shells say it."""
    command = [sys.executable, "-m", "mooring", "ask", "Who?", "-c", "-", "-m", model]
    with started(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write("The king")
        process.stdin.flush()
        while _unread(process.stdin):  # once it reads, its signals are its own
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143


def _unread(pipe: IO[str] | None) -> int:
    """Bytes that the other end has not taken."""
    assert pipe is not None
    return struct.unpack("i", fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)))[0]  # type: ignore[no-any-return]
