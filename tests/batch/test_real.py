"""`moor batch` as people run it: every task, kill -9 and Ctrl-C."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mooring.cli import run
from mooring.tasks import TASKS
from mooring.web.form import INPUTS
from tests.support.corpora import answers, write_lines
from tests.support.every_task import MODELS
from tests.support.started import started
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("task", TASKS)
def test_every_task_answers_a_corpus(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its columns, and with the parameters of its example."""
    example = TASKS[task].example
    inputs = "It is <mask> ." if task == "fill-mask" else example[INPUTS]
    named = inputs if isinstance(inputs, dict) else {"text": inputs}
    source = write_lines(tmp_path / "in.jsonl", [{**named, "id": number} for number in range(3)])
    parameters = [f"-p{name}={json.dumps(value)}" for name, value in example.get("parameters", {}).items()]
    folder = MODELS[task](tmp_path / "model")
    command = ["batch", str(source), str(tmp_path / "out"), "-m", str(folder), "--task", task, "--json", *parameters]
    assert run(command) == 0, capsys.readouterr()
    said = json.loads(capsys.readouterr().out)
    assert (said["records"], said["errors"], said["model"]["task"]) == (3, 0, task)
    found = answers(tmp_path / "out")
    assert [one["id"] for one in found] == [0, 1, 2]
    assert found[0]["prediction"] == found[2]["prediction"]


def corpus(folder: Path, records: int) -> tuple[Path, list[str]]:
    """A corpus, and the command that answers it."""
    lines = [
        {"id": number, "question": "who lives near the river ?", "context": f"The king {number} lives near the river."}
        for number in range(records)
    ]
    source = write_lines(folder / "in.jsonl", lines)
    model = write_tiny_bert(folder / "model")
    return source, [sys.executable, "-m", "mooring", "batch", str(source), str(folder / "out"), "-m", str(model)]


def part_after(folder: Path, number: int, patience_s: float = 300.0) -> None:
    """Wait until the folder has that part."""
    end = time.monotonic() + patience_s
    while not (folder / f"part-{number:05}.jsonl").exists():
        assert time.monotonic() < end, "no part was written"
        time.sleep(0.005)


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """The same records, and the same answers up to rounding."""
    assert [record["id"] for record in one] == [record["id"] for record in other]
    for mine, theirs in zip(one, other, strict=True):
        assert mine["prediction"].pop("score") == pytest.approx(theirs["prediction"].pop("score"), abs=1e-5)
        assert mine == theirs


def test_a_killed_run_continues(tmp_path: Path) -> None:
    """Nothing lost, nothing twice, and nothing half-written: record by record as an undisturbed run."""
    _, command = corpus(tmp_path, 3000)
    command += ["--shard-rows", "100", "--threads", "1"]
    for number in (2, 9):
        with started(command) as process:
            part_after(tmp_path / "out", number)
            process.kill()
            assert process.wait() == -signal.SIGKILL
    before = {part.name: part.stat().st_mtime_ns for part in (tmp_path / "out").glob("part-*")}
    assert 9 < len(before) < 30
    assert all(len(part.read_bytes().splitlines()) == 100 for part in (tmp_path / "out").glob("part-*"))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    undisturbed = [str(tmp_path / "whole") if part == str(tmp_path / "out") else part for part in command]
    assert subprocess.run(undisturbed, capture_output=True, check=False).returncode == 0
    same(answers(tmp_path / "out"), answers(tmp_path / "whole"))
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["_manifest.json", *(f"part-{number:05}.jsonl" for number in range(30))]


def test_ctrl_c_finishes_the_part_in_hand(tmp_path: Path) -> None:
    """And says how to continue."""
    _, command = corpus(tmp_path, 20_000)
    with started([*command, "--shard-rows", "200", "--threads", "1"]) as process:
        part_after(tmp_path / "out", 0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "finishing the parts in progress" in err
    assert "run the same command again to continue" in err
    parts = list((tmp_path / "out").glob("part-*"))
    assert f"output     {tmp_path / 'out'}, {len(parts)} of 100 parts" in out
    done = json.loads((tmp_path / "out" / "_manifest.json").read_bytes())["done"]
    assert len(done) == len(parts)
