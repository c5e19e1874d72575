"""A peer, started and ended with everything that it started.

This process adopts what a peer leaves behind (PR_SET_CHILD_SUBREAPER), so that its descendants are the peer's
processes, whatever sessions and parents they make up for themselves. They are ended by their ids.
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
    """It could not be started, or did not answer; the message says what was seen."""


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that has answered a question."""

    url: str
    first_answer_s: float
    """From the start of its process."""

    def memory_bytes(self) -> int:
        """Of all its processes."""
        return pss_bytes(psutil.Process().children(recursive=True))

    def until_warm(self) -> None:
        """Wait for Mooring's shapes; others have none."""
        late = time.monotonic() + SETTLE_S
        with suppress(OSError, ValueError, KeyError):
            while time.monotonic() < late and get(f"{self.url}/info")["engine"]["cold_shapes"]:
                time.sleep(0.1)


def adopt_orphans() -> None:
    """Call once, before any peer is started."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


@contextmanager
def running(peer: Peer, models: Models) -> Iterator[Running]:
    """Started, and it has answered a question; in the end none of its processes is left. Raises PeerFailed."""
    # Sockets lie in it, and their names must be short.
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
    """SIGTERM to the first, time for it to end the others, SIGKILL to those that are left. Ctrl-C has to wait."""
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
    """multi-model-server takes none above 32766."""
    while True:
        port = random.randrange(18_000, 32_000)
        with suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port
