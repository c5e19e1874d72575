"""`moor serve` that ends when whoever started it does, also after kill -9. A process of its own, for `process.py`.

    python -m mooring_local.runners.leashed serve …

Its stdin is a pipe that nobody writes to. When the other end is gone, so is the local SageMaker that held it.
"""

import os
import runpy
import signal
import sys
import threading


def hold(descriptor: int) -> None:
    """Until the other end of the pipe is closed; then end this process as the platform ends a container."""
    while os.read(descriptor, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=hold, args=(sys.stdin.fileno(),), daemon=True).start()
    # As `python -m mooring` does: a model's code, and errors, see the command that they know.
    runpy.run_module("mooring", run_name="__main__", alter_sys=True)
