"""`moor serve` that exits with the process that started it, even after kill -9.

    python -m mooring_local.runners.leashed serve …

Its stdin is a pipe from the local SageMaker. End of file means that the local SageMaker has died.
"""

import os
import runpy
import signal
import sys
import threading


def hold(descriptor: int) -> None:
    """Wait until the other end of the pipe is closed, then send this process SIGTERM, as the platform would."""
    while os.read(descriptor, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=hold, args=(sys.stdin.fileno(),), daemon=True).start()
    # As `python -m mooring` does, so that model code and errors see the usual command.
    runpy.run_module("mooring", run_name="__main__", alter_sys=True)
