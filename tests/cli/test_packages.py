"""Commands of other packages: found if they are installed, and otherwise said what to install."""

import sys
from pathlib import Path

import click
import pytest

from mooring.cli import group, run

PACKAGE = """
import click

@click.command(short_help="Say hello.")
def command() -> None:
    click.echo("hello")
"""


@pytest.fixture
def hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with the command `hello`."""
    info = tmp_path / "hello_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hello-package\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mooring.commands]\nhello = hello_package:command\n")
    (tmp_path / "hello_package.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "hello_package", raising=False)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other package has a command."""
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())
    monkeypatch.setattr(group, "find_spec", lambda name: None)


@pytest.mark.usefixtures("hello")
def test_the_command_of_another_package_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """It needs no entry in a table of ours."""
    assert run(["hello"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert run(["hello", "--no-such"]) == 2


def test_help_lists_the_known_ones_that_are_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After our own, without importing them."""
    for spec in (None, object()):
        monkeypatch.setattr(group, "find_spec", lambda name, spec=spec: spec)
        assert run(["--help"]) == 0
        last = click.unstyle(capsys.readouterr().out).partition("\n\n  Every setting")[0].splitlines()[-1]
        assert last.split()[0] == ("distil" if spec else "bench")


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("arguments", [["local"], ["local", "env"], ["local", "--help"], ["distil", "train"]])
def test_a_known_one_that_is_not_installed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the command that installs it."""
    assert run(arguments) == 2
    said = capsys.readouterr().err
    name, folder = arguments[0], {"local": "local", "distil": "training"}[arguments[0]]
    assert said.startswith(f"moor: moor {name} is part of mooring-{folder}, which is not installed.\n")
    assert f"/{folder}" in said


@pytest.mark.usefixtures("nothing_installed")
def test_a_misspelt_one_that_is_not_installed_is_not_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor listed."""
    assert run(["locla"]) == 2
    assert "local" not in capsys.readouterr().err.replace("locla", "")
