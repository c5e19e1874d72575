"""The command `moor`: arguments in, an exit code out. Loads nothing heavy; each command's module is imported when used.

group.py    the commands' table           border.py   errors → messages and exit codes
packages.py commands of other packages
streams.py  stdout and stderr that take any text
options.py  settings → flags              serve.py, ask.py, eval.py, bench.py, build.py: one command each
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
    # What is loaded by now stays. If collections skip it, the imports of a command take a tenth less time.
    gc.freeze()
    prepare()
    with contextlib.suppress(ValueError):  # not the main thread
        # As with Ctrl-C, what is half-made is cleaned up; a server takes the signal over while it runs.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(run())
