"""`moor bench` as people call it: loads, bodies, sweeps, reports, and what is refused."""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import run
from mooring.testing import running_server
from tests.support.answering import Answering, Reply
from tests.support.no_matplotlib import hide_matplotlib
from tests.support.started import started

pytestmark = pytest.mark.wire

INFO = {"model": {"name": "tiny", "precision": "int8"}}


def fine(_number: int, _body: Any) -> Reply:
    """An answer."""
    return Reply({"answer": "x"})


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """What the command printed."""
    assert run(["bench", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """An open loop, with what it was ordered and what the client added."""
    with Answering(fine, INFO) as server:
        args = ["--rate", "200", "--requests", "50", "--warm-up", "10", "--connections", "4"]
        made = json_of(capsys, server.url, *args)
        assert len(server.bodies) == 60
    assert (made["rate"], made["connections"], made["clients"], made["warmup"]) == (200, 4, None, 10)
    assert (made["requests"], made["statuses"], made["server"]) == (50, {"200": 50}, INFO)
    assert made["open_loop"]["service_ms"]["p50"] <= made["latency_ms"]["p50"]


def test_a_duration_and_a_warm_up_in_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """Until the time is over; the first seconds do not count."""
    with Answering(fine) as server:
        made = json_of(capsys, server.url, "--duration", "0.4", "--warmup", "0.2s", "--clients", "2")
        assert len(server.bodies) == made["requests"] + made["warmup"]
    assert 0.39 <= made["seconds"] < 2  # event loops count in milliseconds
    assert made["requests"] == made["asked"] > 2 < made["warmup"]


def test_lengths_are_made_and_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """No two requests alike, the latency for each length beside them."""
    with Answering(fine) as server:
        made = json_of(capsys, server.url, "--requests", "90", "--lengths", "20,200", "--warmup", "0")
        assert len({json.dumps(body) for body in server.bodies}) == 90
    assert made["bodies"]["distinct"] >= 90
    assert sum(group["answered"] for group in made["by_length"]) == 90
    assert made["by_length"][0]["words"]["max"] < 40 < 200 < made["by_length"][-1]["words"]["min"] + 1


def test_whole_requests_one_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sent as they stand."""
    path = tmp_path / "mine.jsonl"
    path.write_text('{"inputs": "a"}\n{"inputs": "b"}\n')
    with Answering(fine) as server:
        assert run(["bench", server.url, "--requests", "4", "--warmup", "0", "--file", str(path)]) == 0
        assert sorted(body["inputs"] for body in server.bodies) == ["a", "a", "b", "b"]
    assert "2 distinct requests sent 2.0 times each" in capsys.readouterr().out


def test_a_sweep_and_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each step, and a page with the curves."""
    report = tmp_path / "out.html"
    with Answering(fine, INFO) as server:
        args = [
            "--sweep",
            "clients:1,3",
            "--sweep",
            "rates",
            "--duration",
            "0.1",
            "--warmup",
            "2",
            "--connections",
            "4",
        ]
        made = json_of(capsys, server.url, *args, "--report", str(report))
    clients, rates = made["sweeps"]
    assert [step["clients"] for step in clients["steps"]] == [1, 3]
    assert len(rates["steps"]) == 9
    best = max(step["per_second"] for step in clients["steps"])
    assert rates["steps"][-1]["rate"] == pytest.approx(1.1 * best, rel=0.02)
    page = report.read_text(encoding="utf-8")
    assert "tiny under load" in page
    assert "<h2>Latency over load</h2>" in page


def test_a_sweep_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """A table with names on top."""
    with Answering(fine) as server:
        args = ["--sweep", "clients:1,2", "--requests", "20", "--warmup", "0"]
        assert run(["bench", server.url, *args]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["clients", "answers/s", "p50"]
    assert [line.split()[0] for line in lines[2:]] == ["1", "2"]


def test_a_sweep_stops_when_nothing_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """Instead of asking on for minutes; and it fails."""
    with Answering(lambda _n, _b: Reply({"message": "No."}, 503)) as server:
        args = [server.url, "--sweep", "clients:1,2,4", "--requests", "3", "--warmup", "0"]
        made = json_of(capsys, *args, code=1)
    assert [step["errors"] for step in made["sweeps"][0]["steps"]] == [{"503": 3}]
    assert made["sweeps"][0]["steps"][0]["messages"] == {"503": "No."}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send SIGINT to one process")
def test_ctrl_c_in_a_sweep_keeps_the_steps_before(tmp_path: Path) -> None:
    """And writes the report of them."""
    release, several = threading.Event(), threading.Event()

    def reply(number: int, body: Any) -> Reply:
        if number == 9:  # both clients are held, so the answers before have been read
            several.set()
        if number >= 8:
            release.wait(30)
        return fine(number, body)

    report = tmp_path / "out.html"
    with Answering(reply) as server:
        args = ["--sweep", "clients:1,2", "--requests", "5", "--warmup", "0", "--report", str(report), "--json"]
        program = [sys.executable, "-m", "mooring", "bench", server.url, *args]
        with started(program) as process:
            assert several.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        release.set()
    assert process.returncode == 130
    assert "Traceback" not in err
    made = json.loads(out)
    assert made["interrupted"] is True
    assert [step["requests"] for step in made["sweeps"][0]["steps"]] == [5, 3]
    assert "Interrupted" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate", "5", "--clients", "2"], "--clients has no effect with --rate"),
        (["--sweep", "clients", "--clients", "2"], "--clients has no effect with --sweep"),
        (["--sweep", "rates", "--rate", "2"], "--rate and --sweep are mutually exclusive"),
        (["--connections", "2"], "--connections has no effect without a rate"),
        (["--sweep", "threads"], "is not a valid value for --sweep"),
        (["--lengths", "normal:5"], "is not a valid value for --lengths"),
        (["--rate", "0"], "0.0 is not in the range"),
        (["--duration", "-1"], "-1.0 is not in the range"),
        (["--warm-up", "soon"], "'soon' is not a number of requests"),
        (["--warm-up", "-3"], "is out of range"),
        (["--file", "no-such-file.json"], "Cannot read no-such-file.json"),
    ],
)
def test_what_is_refused_is_refused_before_anything_is_sent(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server need not even be there."""
    assert run(["bench", "http://127.0.0.1:1", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_report_without_matplotlib_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its tables, and the command that brings the charts."""
    hide_matplotlib(monkeypatch)
    report = tmp_path / "out.html"
    with Answering(fine) as server:
        assert run(["bench", server.url, "--requests", "20", "--report", str(report)]) == 0
    wanted = "the report has no charts, because matplotlib is not installed. Install it: pip install '.[plots]'"
    assert wanted in " ".join(capsys.readouterr().err.split())
    assert "<h2>Latency distribution</h2>" in report.read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_is_said_before_the_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after it."""
    assert run(["bench", "http://127.0.0.1:1", "--report", str(tmp_path / "no" / "out.html")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_the_embedded_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A real server with a real model, in both loops."""
    report = tmp_path / "out.html"
    with running_server(None, "--log-level", "error") as server:
        args = ["--sweep", "clients:1,4", "--sweep", "rates:20", "--requests", "12", "--lengths", "10,60"]
        made = json_of(capsys, server.url, *args, "--warmup", "4", "--report", str(report))
    steps = [step for sweep in made["sweeps"] for step in sweep["steps"]]
    assert [step["statuses"] for step in steps] == [{"200": 12}] * 3
    assert "minilm-squad under load" in report.read_text(encoding="utf-8")
