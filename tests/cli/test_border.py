"""Errors of every kind as exit codes and lines on stderr."""

import click
import pytest

from mooring import errors
from mooring.cli import run
from mooring.cli.border import State, guarded
from mooring.cli.group import COMMANDS, moor
from mooring.errors import MooringError
from mooring.settings import OPTIONS


def kinds() -> list[type[MooringError]]:
    """All classes of the tree."""
    found = [MooringError]
    for kind in found:
        found += kind.__subclasses__()
    return found


def raising(error: BaseException) -> int:
    """The exit code of a command that raises this."""

    def command() -> object:
        raise error

    return guarded(command, State())


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.ModelNotFound, 3),
        (errors.ModelIncomplete, 3),
        (errors.UnsafeWeights, 3),
        (errors.HubError, 1),
        (errors.HubRefused, 3),
        (errors.ListenError, 1),
        (errors.BackendError, 1),
        (errors.BenchError, 1),
        (KeyboardInterrupt, 130),
        (click.exceptions.Abort, 130),
        (ZeroDivisionError, 1),
    ],
)
def test_exit_codes(kind: type[BaseException], code: int) -> None:
    """2 to correct the command, 3 to give up, 1 to try again."""
    assert raising(kind("x") if issubclass(kind, Exception) and kind is not click.exceptions.Abort else kind()) == code


@pytest.mark.parametrize("kind", kinds())
def test_every_error_is_said_in_words(kind: type[MooringError], capsys: pytest.CaptureFixture[str]) -> None:
    """Message, then what to try; no traceback."""
    assert raising(kind("It broke.", hint="Mend it.")) in (1, 2, 3)
    assert capsys.readouterr().err == "moor: It broke.\n      Mend it.\n"


def test_a_fault_of_ours_says_so_and_hides_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """Until it is asked for."""
    raising(ZeroDivisionError("division"))
    said = capsys.readouterr().err
    assert "moor: ZeroDivisionError: division" in said
    assert "--debug" in said
    assert "Traceback" not in said


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By flag before or after the command, or by variable."""
    for args in (["--debug", "eval", "/none.json"], ["eval", "/none.json", "--debug"]):
        assert run(args) == 2
        assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("MOORING_DEBUG", "1")
    assert run(["eval", "/none.json"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["srve"], "Did you mean `moor serve`?"),
        (["xyzzy"], f"Commands: {', '.join(COMMANDS)}"),
        (["serve", "--prot", "1"], "--port"),
        (["serve", "--port", "http"], "--port is 'http'."),
        (["bench"], "URL"),
        (["bench", "ftp://x"], "Invalid address 'ftp://x'."),
        (["ask"], "QUESTION"),
        (["eval", "x.json", "--clients", "0"], "--clients"),
    ],
)
def test_wrong_command_lines_exit_with_2_and_a_way_out(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was typed and what would have been right, in our own form."""
    assert run(args) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("moor: ")
    assert said in shown


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, on stdout, with every command in the order of use."""
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    names = [line.split()[0] for line in said.partition("Commands:")[2].splitlines() if line.startswith("  ")][:6]
    assert names == ["serve", "run", "ask", "eval", "batch", "build"]
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("moor 0.")


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """And counts as a wrong command line."""
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().out


def test_every_setting_with_a_flag_is_taken_by_some_command() -> None:
    """The reference page promises the flag."""
    taken = {
        flag for name in COMMANDS for option in parameters_of(name) for flag in option.opts + option.secondary_opts
    } | {"--debug"}
    assert [option.flag for option in OPTIONS if option.flag and option.flag not in taken] == []


def parameters_of(name: str) -> list[click.Parameter]:
    """The options of a command."""
    command = moor.get_command(click.Context(moor), name)
    assert command is not None
    return command.params


def test_what_the_system_refuses_is_no_fault_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """The file, what was refused, and what to do."""
    assert raising(PermissionError(13, "Permission denied", "/x/model")) == 1
    assert capsys.readouterr().err.startswith("moor: /x/model: Permission denied.\n      Check the permissions")
    assert raising(OSError(28, "No space left on device")) == 1
    assert capsys.readouterr().err == "moor: No space left on device.\n      Free some space on that disk.\n"
    assert raising(MemoryError()) == 1
    assert "Out of memory" in capsys.readouterr().err


def test_help_as_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    """As git and docker take it."""
    assert run(["help"]) == 0
    assert "Commands:" in capsys.readouterr().out
