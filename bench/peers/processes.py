"""A peer, started and ended with everything that it started; its memory as the kernel counts it.

This process adopts what a peer leaves behind (PR_SET_CHILD_SUBREAPER), so that its descendants are the peer's
processes, whatever sessions and parents they make up for themselves. They are ended by their ids.
"""

import ctypes
import http.client
import json
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

from bench.peers.peer import Answer, Models, Peer, Place
from bench.peers.setup import ROOT
from mooring.bench.target import Target

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 4.0
_LOOK_S = 0.02
_FINAL = (400, 404, 405, 422)
_FINAL_AFTER_S = 60.0
"""A server that is still starting may say so in its own way; one that has said this for so long means it."""
_PR_SET_CHILD_SUBREAPER = 36
_BARE = ("HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")


class PeerFailed(Exception):
    """It could not be started, or did not answer; the message says what was seen."""


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that has answered a question."""

    peer: Peer
    target: Target
    first_answer_s: float
    """From the start of its process."""

    def ask(self, question: str, context: str, timeout_s: float = 60.0) -> Answer:
        """One question on a connection of its own. Raises PeerFailed for anything but an answer."""
        status, body = _post(self.target, self.peer.body(question, context), timeout_s)
        if status != 200:
            raise PeerFailed(f"status {status}: {body[:300].decode(errors='replace')}")
        return _understand(self.peer, body)

    def memory_bytes(self) -> int:
        """Proportional set size of all its processes: shared pages are counted once."""
        return sum(_pss(pid) for pid in descendants())


def adopt_orphans() -> None:
    """Call once, before any peer is started."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


@contextmanager
def running(peer: Peer, models: Models, cores: int, probe: tuple[str, str]) -> Iterator[Running]:
    """Started, and it has answered `probe`; in the end none of its processes is left. Raises PeerFailed."""
    # Some products' sockets lie in it, and their names must be short.
    folder = Path(tempfile.mkdtemp(prefix="peer-", dir="/tmp"))
    place = Place(_free_port(), models, folder, cores)
    launch = peer.launch(place)
    bare = {name: os.environ[name] for name in _BARE if name in os.environ}
    bare["PATH"] = os.environ["PATH"]
    log = folder / "log.txt"
    try:
        with log.open("wb") as out:
            began = time.perf_counter()
            process = subprocess.Popen(
                launch.command,
                cwd=folder,
                env={**bare, **launch.environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we end it
            )
        try:
            target = Target("127.0.0.1", place.port, peer.path, secure=False)
            _wait_for_answer(peer, target, process, probe, log)
            yield Running(peer, target, time.perf_counter() - began)
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def descendants(pid: int | None = None) -> list[int]:
    """Ids of all processes that come from `pid`, by default from this one."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
            with suppress(OSError):
                for child in (task / "children").read_text().split():
                    found += [int(child), *descendants(int(child))]
    return found


def _wait_for_answer(
    peer: Peer, target: Target, process: "subprocess.Popen[bytes]", probe: tuple[str, str], log: Path
) -> None:
    late = time.monotonic() + START_TIMEOUT_S
    seen, refused = "no connection", late
    while time.monotonic() < late:
        with suppress(OSError, http.client.HTTPException):
            status, body = _post(target, peer.body(*probe), late - time.monotonic())
            if status == 200:
                _understand(peer, body)
                return
            seen = f"status {status}: {body[:300].decode(errors='replace')}"
            refused = min(refused, time.monotonic()) if status in _FINAL else late
        if time.monotonic() > refused + _FINAL_AFTER_S:
            raise PeerFailed(f"{seen}: {_tail(log)}")
        if process.poll() is not None:
            raise PeerFailed(f"it ended with exit code {process.returncode}: {_tail(log)}")
        time.sleep(_LOOK_S)
    raise PeerFailed(f"no answer within {START_TIMEOUT_S:.0f} s ({seen}): {_tail(log)}")


def _post(target: Target, body: bytes, timeout_s: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=max(0.1, timeout_s))
    try:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request("POST", target.path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _understand(peer: Peer, body: bytes) -> Answer:
    try:
        return peer.read(json.loads(body))
    except (ValueError, LookupError, TypeError) as error:
        raise PeerFailed(f"not an answer ({error!r}): {body[:300].decode(errors='replace')}") from error


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to the first, time for it to end the others, SIGKILL to those that are left. Ctrl-C has to wait."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with suppress(ProcessLookupError):
            process.terminate()
        began = time.monotonic()
        while (left := _left(process)) and (passed := time.monotonic() - began) < 2 * STOP_TIMEOUT_S:
            if passed > STOP_TIMEOUT_S:
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
    finally:
        signal.signal(signal.SIGINT, heard)


def _left(process: "subprocess.Popen[bytes]") -> list[int]:
    """Ids of those that live, once the dead among our children are buried."""
    process.poll()
    for pid in descendants():
        if pid != process.pid:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    return descendants()


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").replace(f"{ROOT}/", "").strip().splitlines()
    return " | ".join(lines[-8:])[-1500:]


def _free_port() -> int:
    """Free now, and the two after it: some products want more than one. multi-model-server takes none above 32766."""
    while True:
        port = random.randrange(18_000, 32_000)
        with suppress(OSError), socket.socket() as one, socket.socket() as two, socket.socket() as three:
            for place, each in enumerate((one, two, three)):
                each.bind(("127.0.0.1", port + place))
            return port
