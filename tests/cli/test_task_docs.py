"""Every command of docs/tasks.md does what the page says, on a small model of the section's task."""

import json
import re
import shlex
from pathlib import Path

import pytest

from mooring.cli import run
from mooring.tasks import TASKS
from tests.support.every_task import MODELS
from tests.support.tiny_models import write_tiny_bert
from tests.web.modelled import Modelled, play_on

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([\w-]+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))


def model_of(task: str, folder: Path) -> Path:
    """The section's model; the page writes BERT's mask."""
    return write_tiny_bert(folder, head="masked") if task == "fill-mask" else MODELS[task](folder)


@pytest.mark.parametrize("task", TASKS)
def test_the_commands_run_as_written(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """moor run, eval and build."""
    model_of(task, tmp_path / "folder")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^moor ((?:run|eval|build) .*)", SECTIONS[task], re.M)
    assert any(command.startswith("run ") for command in commands)
    for command in commands:
        assert run(shlex.split(command)) == 0, (command, capsys.readouterr())
        assert capsys.readouterr().out


@pytest.mark.parametrize("task", TASKS)
def test_the_requests_are_answered(task: str, tmp_path: Path) -> None:
    """Those of curl, in the shape that stands below."""
    found = re.findall(r"curl -s \S+?:8080(\S+) [^\n]*?(?:\\\n)? *-d '(.*?)'\n(.)", SECTIONS[task])
    assert found

    async def scene(stage: Modelled) -> None:
        for path, body, shape in found:
            reply = await stage.post(path, json.loads(body))
            assert reply.status == 200, reply.body
            assert reply.body.decode().startswith(shape)

    play_on(model_of(task, tmp_path), scene)
