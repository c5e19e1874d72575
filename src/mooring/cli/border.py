"""What a command raised in, a message on stderr and an exit code out: the one place where the command line catches all.

0    done; also a server that was told to stop
1    failed, and trying again may help: no connection, a port in use, the engine's fault
2    the command line or a setting is wrong
3    the model cannot be served, and starting again will not change that
130  interrupted by Ctrl-C, 143 by SIGTERM; a server that was told to stop ends with 0
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
    (RequestError, USAGE),  # of `moor ask`: the question and its parameters are arguments
    (HubRefused, MODEL),
    (HubError, FAILED),  # mostly the connection: whoever restarts us should
    (ModelError, MODEL),
    (MooringError, FAILED),
)
"""The first class that fits decides."""


@dataclass
class State:
    """What outlives click's context: whether tracebacks are wanted."""

    debug: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as it is shown to the user."""

    message: str
    hint: str
    code: int


def guarded(command: Callable[[], object], state: State) -> int:
    """Call `command` and turn whatever comes out of it into an exit code; an int it returns is the code."""
    code = _guarded(command, state)
    try:
        sys.stdout.flush()
    except OSError:
        # It has been reported. Python would report it again when it flushes stdout at exit, and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _guarded(command: Callable[[], object], state: State) -> int:
    try:
        result = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _interrupted()
    except click.exceptions.Abort:  # what click makes of Ctrl-C
        return _interrupted()
    except click.ClickException as error:
        return _usage(error)
    except BrokenPipeError:  # `moor … | head`: nobody reads on
        return FAILED
    except Exception as error:  # the command line's border: nobody above could show it any better
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
        hint = "Give it less at a time, or end other programs."
        return Complaint("There is not enough memory for this.", hint, FAILED)
    hint = "" if debug else "This is a fault of Mooring. Run `moor --debug …` for the traceback."
    return Complaint(f"{type(error).__name__}: {error}", hint, FAILED)


def _of_system(error: OSError) -> tuple[str, str]:
    """What the system refused, and what to do: a file's rights or a full disk are nobody's fault here."""
    said = str(error.strerror or error)
    if error.errno == errno.ENOENT and error.filename is None:
        if not _is_somewhere():
            return "The current folder has been removed.", "Go to one that exists: cd."
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
    errno.EACCES: "This user may not use it: see its rights, and its folder's, with ls -l.",
    errno.EPERM: "This user may not use it: see its rights, and its folder's, with ls -l.",
    errno.ENOSPC: "Free some space on that disk.",
    errno.EROFS: "That file system can only be read.",
    errno.ENOENT: "Is the name right?",
    errno.ENOTDIR: "A part of that path is a file.",
    errno.EISDIR: "That is a folder.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n 65536.",
}


def _interrupted() -> int:
    click.echo("moor: interrupted", err=True)
    return INTERRUPTED


def _usage(error: click.ClickException) -> int:
    """Click's own complaints, in the shape of ours."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help())
        return USAGE
    context = getattr(error, "ctx", None)
    hint = ""
    if context is not None:
        # How many words it takes is seen at a glance: `moor ask [OPTIONS] QUESTION`.
        words = " ".join([context.command_path, *context.command.collect_usage_pieces(context)])
        hint = f"It is `{words}`: see `{context.command_path} --help`."
    say(error.format_message(), hint)
    return error.exit_code


def say(message: str, hint: str = "") -> None:
    """Print an error on stderr, and what to do about it."""
    click.echo(f"moor: {message}", err=True)
    if hint:
        click.echo(f"      {hint}", err=True)
