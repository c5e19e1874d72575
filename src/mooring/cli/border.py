"""Turn exceptions into messages on stderr and exit codes. The only place of the command line that catches everything.

0    success, including a server that was told to stop
1    failure that a retry may fix: no connection, port in use, engine error
2    invalid command line or setting
3    the model cannot be served; a restart will not help
130  interrupted by Ctrl-C; 143 by SIGTERM (except servers, which exit with 0)
"""

import errno
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from mooring.errors import HubError, HubRefused, ModelError, MooringError, RequestError, UsageError
from mooring.settings import wants_debug

FAILED = 1
USAGE = 2
MODEL = 3
INTERRUPTED = 130
TERMINATED = 143

EXIT_CODES: tuple[tuple[type[MooringError], int], ...] = (
    (UsageError, USAGE),
    (RequestError, USAGE),  # from `moor ask`: the question and its parameters are arguments
    (HubRefused, MODEL),
    (HubError, FAILED),  # usually the connection, so a restart may help
    (ModelError, MODEL),
    (MooringError, FAILED),
)
"""The first matching class decides."""


@dataclass
class State:
    """State that outlives click's context."""

    debug: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as shown to the user."""

    message: str
    hint: str
    code: int


def guarded(command: Callable[[], object], state: State) -> int:
    """Call `command` and return the exit code: the int that it returned, or the code for its exception."""
    code = _guarded(command, state)
    try:
        sys.stdout.flush()
    except OSError:
        # Already reported. Python would report it again when it flushes stdout at exit, and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _guarded(command: Callable[[], object], state: State) -> int:
    try:
        result = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _interrupted()
    except click.exceptions.Abort:  # click's form of Ctrl-C
        return _interrupted()
    except click.ClickException as error:
        return _usage(error)
    except BrokenPipeError:  # `moor … | head`: the reader has exited
        return FAILED
    except Exception as error:  # the outermost handler
        complaint = explain(error, debug=state.debug)
        say(complaint.message, complaint.hint)
        return complaint.code
    return result if isinstance(result, int) else 0


def explain(error: Exception, *, debug: bool = False) -> Complaint:
    """The message, hint and exit code for an error. Prints the traceback if debugging is on."""
    if debug or wants_debug():
        import traceback

        traceback.print_exception(error)
    if isinstance(error, MooringError):
        code = next(code for kind, code in EXIT_CODES if isinstance(error, kind))
        return Complaint(error.message, error.hint, code)
    if isinstance(error, OSError):
        return Complaint(*_of_system(error), FAILED)
    if isinstance(error, MemoryError):
        hint = "Use a smaller input, or stop other programs."
        return Complaint("Out of memory.", hint, FAILED)
    hint = "" if debug else "This is a bug in Mooring. Run `moor --debug …` for the traceback."
    return Complaint(f"{type(error).__name__}: {error}", hint, FAILED)


def _of_system(error: OSError) -> tuple[str, str]:
    """Message and hint for an error of the operating system, such as missing permissions or a full disk."""
    said = str(error.strerror or error)
    if error.errno == errno.ENOENT and error.filename is None:
        if not _is_somewhere():
            return "The current folder has been removed.", "Change to an existing folder with cd."
        if "temporary directory" in said:
            return f"{said}.", "Set TMPDIR to a folder that this user can write to."
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{said}.", _HINTS.get(error.errno or 0, "")


def _is_somewhere() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


_HINTS = {
    errno.EACCES: "Check the permissions of the file and its folder with ls -l.",
    errno.EPERM: "Check the permissions of the file and its folder with ls -l.",
    errno.ENOSPC: "Free some space on that disk.",
    errno.EROFS: "That file system is read-only. Use another folder.",
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "Part of that path is a file. Check the path.",
    errno.EISDIR: "That path is a folder. Name a file.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n 65536.",
}


def _interrupted() -> int:
    click.echo("moor: interrupted", err=True)
    return INTERRUPTED


def _usage(error: click.ClickException) -> int:
    """Print one of click's errors in our format."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help())
        return USAGE
    context = getattr(error, "ctx", None)
    hint = ""
    if context is not None:
        words = " ".join([context.command_path, *context.command.collect_usage_pieces(context)])
        hint = f"Usage: `{words}`. See `{context.command_path} --help`."
    say(error.format_message(), hint)
    return error.exit_code


def say(message: str, hint: str = "") -> None:
    """Print an error and its hint on stderr."""
    click.echo(f"moor: {message}", err=True)
    if hint:
        click.echo(f"      {hint}", err=True)
