"""`ask`, `eval` and `bench` against a server that answers over a real socket."""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import run
from tests.support.answering import Answering, Reply
from tests.support.started import started

pytestmark = pytest.mark.wire

CONTEXT = "It rained in Oslo. Ada stayed in Rome, and wrote."
GATE = {"metric": "f1", "passed": True, "skipped": False, "drop_upper": 0.3, "max_drop": 0.5}
INFO = {"model": {"name": "tiny", "precision": "int8", "gate": GATE}}


def found(context: str, text: str) -> dict[str, Any]:
    """An answer as a server gives it."""
    start = context.index(text)
    return {"score": 0.75, "start": start, "end": start + len(text), "answer": text}


def first_word(_number: int, body: Any) -> Reply:
    """Answers every question with its context's first word."""
    context = body["inputs"]["context"]
    return Reply(found(context, context.split()[0]))


@pytest.fixture
def context(tmp_path: Path) -> str:
    """A context in a file."""
    path = tmp_path / "context.txt"
    path.write_text(CONTEXT, encoding="utf-8")
    return str(path)


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    """Ten questions; of the right answers every other one is its context's first word."""
    paragraphs = [
        {
            "context": f"Red{n} fox runs.",
            "qas": [{"id": f"q{n}", "question": "What?", "answers": [{"text": f"Red{n}" if n % 2 else "nothing"}]}],
        }
        for n in range(10)
    ]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}))
    return path


def test_ask_shows_the_answer_in_its_sentence(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Answer, score, place, sentence."""
    with Answering(lambda _n, _b: Reply(found(CONTEXT, "Rome"))) as server:
        assert run(["ask", "Where was Ada?", "--context", context, "--url", server.url]) == 0
        assert server.bodies == [{"inputs": {"question": "Where was Ada?", "context": CONTEXT}, "parameters": {}}]
    assert capsys.readouterr().out == ("Rome  score 0.750, characters 33 to 37\n   Ada stayed in «Rome», and wrote.\n")


def test_ask_numbers_several_answers_and_passes_parameters(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Only those that were given; the server knows the defaults."""
    none = {"score": 0.1, "start": 0, "end": 0, "answer": ""}
    with Answering(lambda _n, _b: Reply([found(CONTEXT, "Rome"), none])) as server:
        args = ["ask", "Where?", "-c", context, "--url", server.url, "--top-k", "2", "--no-align-to-words"]
        assert run(args) == 0
        assert server.bodies[0]["parameters"] == {"top_k": 2, "align_to_words": False}
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1. Rome")
    assert said[-1] == "2. No answer in this text  score 0.100"


def test_ask_json_is_the_servers_answer(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts."""
    with Answering(lambda _n, _b: Reply(found(CONTEXT, "Rome"))) as server:
        assert run(["ask", "Where?", "-c", context, "--url", server.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found(CONTEXT, "Rome")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply({"code": 400, "message": "/inputs/question: it is empty"}, 400),
            "answered 400: /inputs/question: it is",
        ),
        (Reply(raw=b"<html>", status=404), "answered 404: without a message"),
        (Reply(raw=b"<html>"), "something that is not JSON"),
        (Reply(drop=True), "did not answer: server disconnected"),
    ],
)
def test_ask_says_what_a_server_said(reply: Reply, said: str, context: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its message, and exit code 1."""
    with Answering(lambda _n, _b: reply) as server:
        assert run(["ask", "Where?", "-c", context, "--url", server.url]) == 1
    assert said in capsys.readouterr().err


def test_eval_judges_a_server(squad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EM and F1, what answered, and the answers in the official shape."""
    predictions = tmp_path / "predictions.json"
    with Answering(first_word, INFO) as server:
        args = ["eval", str(squad), "--url", server.url, "--clients", "3", "--json", "--predictions", str(predictions)]
        assert run(args) == 0
        assert len(server.bodies) == 10
    result = json.loads(capsys.readouterr().out)
    assert (result["exact_match"], result["f1"], result["questions"], result["asked"]) == (50.0, 50.0, 10, 10)
    assert result["model"]["model"] == INFO["model"]
    assert json.loads(predictions.read_text()) == {f"q{n}": f"Red{n}" for n in range(10)}


def test_eval_for_people_says_what_it_judged(squad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figures, the speed, the model with its gate."""
    with Answering(first_word, INFO) as server:
        assert run(["eval", str(squad), "--url", server.url, "--limit", "3"]) == 0
    said = capsys.readouterr().out
    assert "exact match  33.33\nF1           33.33\nquestions    3 in" in said
    assert "tiny, int8, accuracy check passed (at most 0.30 F1 below fp32)" in said


def test_eval_counts_what_was_not_answered_as_wrong(squad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says so, with exit code 1: the figure is not the model's alone."""

    def reply(number: int, body: Any) -> Reply:
        return (
            Reply({"message": "busy"}, 429)
            if body["inputs"]["context"].startswith("Red3")
            else first_word(number, body)
        )

    with Answering(reply) as server:
        assert run(["eval", str(squad), "--url", server.url]) == 1
    said = capsys.readouterr().out
    assert "exact match  40.00" in said
    assert "1 × 429 (counted as wrong)" in said


def test_eval_of_a_server_that_refuses_everything_is_an_error(squad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An EM of 0 would be a lie."""
    with Answering(lambda _n, _b: Reply({"message": "The model is loading."}, 503)) as server:
        assert run(["eval", str(squad), "--url", server.url]) == 1
    said = capsys.readouterr().err
    assert "did not answer any question: 10 × 503" in said
    assert "The model is loading." in said


def test_bench_reports_figures_with_what_they_were_made_with(squad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON with the order, the figures, the client's own cost and the server's facts."""
    with Answering(first_word, INFO) as server:
        args = ["bench", server.url, "--clients", "4", "--requests", "40", "--file", str(squad), "--json"]
        assert run(args) == 0
        assert len(server.bodies) == 40 + 16
        assert {body["inputs"]["context"] for body in server.bodies} == {f"Red{n} fox runs." for n in range(10)}
    result = json.loads(capsys.readouterr().out)
    assert (result["requests"], result["statuses"], result["clients"], result["warmup"]) == (40, {"200": 40}, 4, 16)
    assert result["server"] == INFO
    assert result["client"]["cpu_seconds"] > 0
    assert result["latency_ms"]["p50"] <= result["latency_ms"]["p99"] <= result["latency_ms"]["max"]


def test_bench_orders_the_questions_by_its_seed(squad: Path) -> None:
    """Two runs with one seed ask the same in the same order."""

    def asked(seed: str) -> list[str]:
        with Answering(first_word) as server:
            options = ["--clients", "1", "--requests", "10", "--warmup", "0", "--seed", seed]
            assert run(["bench", server.url, "--file", str(squad), *options]) == 0
            return [body["inputs"]["context"] for body in server.bodies]

    assert asked("1") == asked("1")
    assert asked("1") != asked("2")


def test_bench_without_a_file_and_without_info(capsys: pytest.CaptureFixture[str]) -> None:
    """Any server that answers questions will do."""
    with Answering(first_word) as server:
        assert run(["bench", server.url, "--requests", "5", "--warmup", "0"]) == 0
        assert server.bodies[0]["inputs"]["question"].endswith("?")
    said = capsys.readouterr().out
    assert "answered    5 of 5 sent in" in said
    assert "latency     p50" in said


def test_bench_with_no_answer_at_all_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """The errors are the report."""
    with Answering(lambda _n, _b: Reply({}, 503)) as server:
        assert run(["bench", server.url, "--requests", "5", "--warmup", "0"]) == 1
    assert "errors      5 × 503" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["bench", "eval"])
def test_ctrl_c_shows_what_there_is_so_far(command: str, squad: Path) -> None:
    """Partial figures on stdout, exit code 130, no traceback."""
    release, several = threading.Event(), threading.Event()

    def reply(number: int, body: Any) -> Reply:
        if number >= 5:
            several.set()
            release.wait(30)
        return first_word(number, body)

    with Answering(reply) as server:
        extra = ["--url", server.url, "--clients", "1"] if command == "eval" else ["--warmup", "0", "--clients", "1"]
        where = str(squad) if command == "eval" else server.url
        program = [sys.executable, "-m", "mooring", command, where, *extra, "--json"]
        with started(program) as process:
            assert several.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        release.set()
    assert process.returncode == 130
    assert "Traceback" not in err
    result = json.loads(out)
    assert result["interrupted"] is True
    assert result["questions" if command == "eval" else "requests"] == 5


@pytest.mark.parametrize("answer", [{"hello": 1}, "x", [], None, {"answer": 1, "start": 0, "end": 0, "score": 1}])
def test_ask_an_answer_of_another_shape(answer: object, context: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, and that it may be the wrong server."""
    with Answering(lambda _n, _b: Reply(answer)) as server:
        assert run(["ask", "Where?", "-c", context, "--url", server.url]) == 1
    assert "Check that the model answers questions." in capsys.readouterr().err


@pytest.mark.parametrize("command", [["ask", "Where?", "-c"], ["eval"]])
def test_a_model_beside_a_url_is_an_error(
    command: list[str], context: str, squad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would have no effect."""
    file = context if command[0] == "ask" else str(squad)
    assert run([*command, file, "--url", "http://127.0.0.1:1", "--precision", "bf16"]) == 2
    assert "--precision has no effect with --url" in capsys.readouterr().err


def test_bench_needs_answers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A page of another server would come back fast, too."""
    with Answering(lambda _n, _b: Reply(raw=b"<html></html>")) as server:
        assert run(["bench", server.url, "--requests", "5", "--clients", "1"]) == 1
    assert "something that is not JSON" in capsys.readouterr().err
