"""Every command in the documentation is tested: parsed, run or sent here, or by the test that its rule names."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from scripts.commands_page import ROOT, RULES, commands, pages, rule_of

from mooring.cli import run
from mooring.cli.group import COMMANDS, moor
from tests.support.every_task import MODELS
from tests.support.started import ready
from tests.support.tiny_models import write_tiny_bert
from tests.web.modelled import Modelled, play_on

ALL = commands()
HERE = "tests/test_documented_commands.py"


def named(name: str) -> list[str]:
    """The commands whose rule names a test of this file, each once."""
    return list(dict.fromkeys(one.text for one in ALL if (rule := rule_of(one)) and rule.test == f"{HERE}::{name}"))


def words(text: str) -> list[str]:
    """The arguments of the first program of a line, without redirections."""
    text = text.removeprefix('eval "$(').removesuffix(')"')
    found = shlex.split(text)
    ends = [place for place, word in enumerate(found) if word in ("&", "|", ">", "&&", "<")]
    return found[: ends[0]] if ends else found


def parse(arguments: list[str]) -> None:
    """Find the command and read its options and arguments, without running it. Raises click.ClickException."""
    command: click.Command = moor
    context = click.Context(moor, info_name="moor", **moor.context_settings)
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None, name
        command = found
        context = click.Context(command, parent=context, info_name=name)
    if not isinstance(command, click.Group):
        command.make_context(command.name, list(arguments), parent=context.parent)


def test_every_command_has_a_rule() -> None:
    """A new kind of command needs a test: add a rule to scripts/commands_page.py."""
    assert [f"{one.page}: {one.text}" for one in ALL if rule_of(one) is None] == []
    assert len(ALL) > 100


def test_every_rule_names_a_test_and_has_a_command() -> None:
    """A rule without either is a leftover."""
    used = {rule_of(one) for one in ALL}
    for rule in RULES:
        file, _, function = rule.test.partition("::")
        assert (ROOT / file).exists(), rule.test
        assert not function or f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), rule.test
        assert rule in used, rule.pattern


@pytest.mark.parametrize("text", dict.fromkeys(one.text for one in ALL if re.match(r"(eval \"\$\()?moor ", one.text)))
def test_every_moor_command_is_accepted(text: str) -> None:
    """Its options are known and its arguments can be read; wherever it stands, and whatever it names."""
    parse(words(text)[1:])


def test_every_option_in_prose_exists() -> None:
    """Of `moor COMMAND … --option` within a sentence."""
    wrong = []
    for page in pages():
        for text in re.findall(r"`moor ((?:\w+)[^`\n]*)`", page.read_text(encoding="utf-8")):
            name, *rest = text.split()
            command = moor.get_command(click.Context(moor), name) if name in COMMANDS else None
            if command is None:
                continue
            known = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
            flags = {
                word.partition("=")[0].rstrip(".,…") for word in rest if word.startswith("--") and word != "--help"
            }
            wrong += [f"{page.name}: moor {text}: {flag}" for flag in flags - known]
    assert wrong == []


@pytest.mark.parametrize("text", named("test_every_target_exists"))
def test_every_target_exists(text: str) -> None:
    """make reads it without running it."""
    done = subprocess.run(["make", "-n", *words(text)[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.wire
@pytest.mark.parametrize("text", named("test_every_program_exists"))
def test_every_program_exists(text: str) -> None:
    """It knows the options."""
    command, flags = words(text)[1:], [word for word in words(text) if word.startswith("--")]
    module = command[command.index("-m") + 1]
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [flag for flag in flags if flag not in done.stdout] == []


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages name: models, a letter, and this repository's examples."""
    folder = tmp_path_factory.mktemp("workspace")
    for name in ("folder", "fast", "model"):
        write_tiny_bert(folder / name)
    for name, task in (
        ("sst2", "text-classification"),
        ("embedder", "sentence-embeddings"),
        ("reranker", "text-ranking"),
    ):
        MODELS[task](folder / name)
    (folder / "letter.txt").write_text("Ada Lovelace wrote it in 1843.\n", encoding="utf-8")
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


@pytest.mark.wire
@pytest.mark.parametrize("text", named("test_the_command_runs"))
def test_the_command_runs(
    text: str, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the folder that the pages are read in, and it says something."""
    monkeypatch.chdir(workspace)
    program, *arguments = words(text)
    if program == "moor":
        code = run(arguments)
        assert code in ((0, 1) if arguments[0] == "doctor" else (0,)), capsys.readouterr().err
        assert capsys.readouterr().out
        return
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.wire
@pytest.mark.parametrize("text", named("test_the_server_starts"))
def test_the_server_starts(text: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends at Ctrl-C with code 0. Another port, since 8080 may be in use."""
    monkeypatch.setenv("MOORING_PORT", "0")
    with ready([sys.executable, "-m", "mooring", *words(text)[1:]], cwd=workspace) as (server, lines):
        assert any("is ready" in line for line in lines), server.stderr and server.stderr.read()
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0


@pytest.mark.wire
@pytest.mark.parametrize("text", named("test_the_request_is_answered"))
def test_the_request_is_answered(text: str, workspace: Path) -> None:
    """As curl sends it, by a model of the route's task."""
    found = re.search(r":8080(/\S*)", text)
    body = re.search(r" (?:-d|--json) '(.*?)'", text)
    assert found, text

    async def scene(stage: Modelled) -> None:
        path = found[1].strip("'\"") if found else ""
        reply = await (stage.get(path) if body is None else stage.post(path, json.loads(body[1])))
        assert reply.status == 200, reply.body

    folder = {"/v1/embeddings": "embedder", "/v1/rerank": "reranker"}.get(found[1], "folder")
    play_on(workspace / folder, scene)


@pytest.mark.wire
def test_the_tls_example(tmp_path: Path) -> None:
    """The commands of SECURITY.md, with a folder of the test's instead of /etc/nginx."""
    made = next(one.text for one in ALL if one.text.startswith("openssl req")).replace("/etc/nginx", str(tmp_path))
    subprocess.run(shlex.split(made), check=True, capture_output=True)
    (tmp_path / "mooring-keys.conf").write_text('"Bearer 0123" 1;\n', encoding="utf-8")
    text = (ROOT / "examples" / "tls-and-keys.conf").read_text(encoding="utf-8")
    text = text.replace("/etc/nginx", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    frame = f"pid {tmp_path}/pid;\nerror_log {tmp_path}/log;\nevents {{}}\nhttp {{\n{text}\n}}\n"
    (tmp_path / "nginx.conf").write_text(frame, encoding="utf-8")
    command = ["nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
