"""The `moor` command line. Importing it loads nothing heavy: each command's module is imported when it is called.

group.py    table of commands             border.py   maps errors to messages and exit codes
streams.py  lets stdout and stderr take any text
options.py  maps settings to flags        serve.py, ask.py, eval.py, bench.py, build.py: one command each
"""

import contextlib
import gc
import signal
import sys
from collections.abc import Sequence

from mooring.cli.border import TERMINATED, State, guarded
from mooring.cli.group import moor
from mooring.cli.streams import prepare

__all__ = ["main", "run"]


def run(args: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit code. Prints errors; raises none."""
    state = State()
    given = list(sys.argv[1:] if args is None else args)
    return guarded(lambda: moor.main(given, prog_name="moor", standalone_mode=False, obj=state), state)


def main() -> None:
    """Entry point of the `moor` script and of `python -m mooring`."""
    # These objects live until exit. Garbage collections that skip them make a command's imports 10 % faster.
    gc.freeze()
    prepare()
    with contextlib.suppress(ValueError):  # not the main thread
        # Clean up as after Ctrl-C. A running server installs its own handler.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(run())
