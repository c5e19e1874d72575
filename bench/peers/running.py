"""Start a peer, and stop it with all of its descendants.

This process adopts orphans (PR_SET_CHILD_SUBREAPER), so that all processes of the peer remain its descendants, whatever
sessions and parents they choose. They are stopped by process ID.
"""

import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.peers.products import Models, Peer
from bench.processes import BODY, get, pss_bytes

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 4.0
SETTLE_S = 60.0
_PR_SET_CHILD_SUBREAPER = 36


class PeerFailed(Exception):
    """The peer did not start or did not respond; the message has details."""


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that has answered its first question."""

    url: str
    first_answer_s: float
    """Seconds from the start of its process."""

    def memory_bytes(self) -> int:
        """Memory of all its processes."""
        return pss_bytes(psutil.Process().children(recursive=True))

    def until_warm(self) -> None:
        """Wait until Mooring has warmed its shapes; other peers have none."""
        late = time.monotonic() + SETTLE_S
        with suppress(OSError, ValueError, KeyError):
            while time.monotonic() < late and get(f"{self.url}/info")["engine"]["cold_shapes"]:
                time.sleep(0.1)


def adopt_orphans() -> None:
    """Adopt orphaned descendants. Call once, before starting a peer."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


@contextmanager
def running(peer: Peer, models: Models) -> Iterator[Running]:
    """Start a peer, wait for its first answer, and stop all its processes afterwards. Raises PeerFailed."""
    # Sockets are in it, and their paths must be short.
    folder, port = Path(tempfile.mkdtemp(prefix="peer-", dir="/tmp")), _free_port()
    launch = peer.launch(peer, models, folder, port)
    environ = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ} | launch.environ
    nothing = subprocess.DEVNULL
    log = folder / "log.txt"
    try:
        with log.open("wb") as out:
            began = time.perf_counter()
            process = subprocess.Popen(launch.command, cwd=folder, env=environ, stdin=nothing, stdout=out, stderr=out)
        _wait_for_answer(f"http://127.0.0.1:{port}/invocations", process, log)
        yield Running(f"http://127.0.0.1:{port}", time.perf_counter() - began)
    finally:
        _end()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_answer(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    late, seen = time.monotonic() + START_TIMEOUT_S, ""
    while time.monotonic() < late and process.poll() is None:
        try:
            get(url, BODY)
            return
        except (OSError, ValueError) as error:
            seen = str(error)
        time.sleep(0.02)
    tail = log.read_text(encoding="utf-8", errors="replace").strip()[-1500:]
    raise PeerFailed(f"no answer ({seen}; exit code {process.poll()}): {tail}")


def _end() -> None:
    """Send SIGTERM to the main process, wait, then SIGKILL the rest. Blocks Ctrl-C meanwhile."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for process in psutil.Process().children():
            process.terminate()
        late = time.monotonic() + STOP_TIMEOUT_S
        while left := psutil.Process().children(recursive=True):
            for process in left:
                with suppress(psutil.Error):
                    if time.monotonic() > late:
                        process.kill()
                    process.wait(0.05)
    finally:
        signal.signal(signal.SIGINT, heard)


def _free_port() -> int:
    """A free port up to 32766, the maximum of multi-model-server."""
    while True:
        port = random.randrange(18_000, 32_000)
        with suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port
