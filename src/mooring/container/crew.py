"""The workers: how they are started, and what happens when one dies or hangs."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from mooring.container.background import persist
from mooring.container.board import Board
from mooring.container.child import End, Keeper, Slot
from mooring.container.folders import Folders
from mooring.container.metrics import FOLDER_VARIABLE, FrontMetrics, forget_gauges
from mooring.container.registry import LoadedModels
from mooring.container.topology import Worker
from mooring.container.watch import LOOK_EVERY_S, Seen, Watch
from mooring.model.archive import ARCHIVE_SUFFIXES
from mooring.model.identity import identity_of
from mooring.observe.threads import main_cpu_s, read_process, read_threads
from mooring.settings import Settings, as_environment

STUCK_GRACE_S = 30.0
"""Time after the deadline for which a worker may not react, whatever the cause."""
END_S = 3.0
"""Time for workers to end when no request is in flight."""
KILLED_S = 2.0
CRASHES = 5
"""Number of consecutive crashes during startup after which the service gives up."""
MAY_PASS = frozenset({1, -signal.SIGKILL})
"""Exit statuses of a start with a possibly temporary cause: no connection, no memory."""
UNSERVABLE = 3
MOST_REASONS = 16
"""Number of logged reasons to remember per slot."""


class Crew:
    """Keeps a worker running in every open slot."""

    def __init__(
        self, settings: Settings, folders: Folders, user: str | None, board: Board, metrics: FrontMetrics
    ) -> None:
        """`user` is the user that workers switch to; None if they do not."""
        self._settings = settings
        self._folders = folders
        self._user = user
        self._board = board
        self._metrics = metrics
        self.models: LoadedModels | None = None
        """Models of a multi-model server, which a worker loads before it takes traffic."""
        self._keepers: dict[int, Keeper] = {}
        self.tasks: dict[int, asyncio.Task[int]] = {}
        """The task of each slot. It ends, with an exit code, if no worker can run there."""
        self._served: Mapping[str, str] = {}
        """Digests of what the first ready worker serves. Every later worker must serve the same."""
        self._revision: str | None = None
        """Commit of a Hub model, so that later workers load the same one even if the branch moves."""
        self._said: dict[int, list[str]] = {}
        """Reasons logged per slot since its worker was last ready."""
        self._ending: dict[int, float] = {}
        """Processes that were told to stop, with the time when to kill them (monotonic)."""
        self._watches: dict[int, Watch] = {}
        """By process id."""
        self._log = structlog.get_logger("mooring.container").bind()

    @property
    def pids(self) -> set[int]:
        """Process ids of the running workers."""
        return {slot.pid for slot in self._board.slots.values() if slot.pid}

    def employ(self, worker: Worker) -> Slot:
        """Open a slot and start a worker in it."""
        slot = self._board.slots[worker.slot] = Slot(worker)
        keeper = Keeper(slot, self._command, self._verdict, self._on_end, self._on_ready)
        self._keepers[worker.slot] = keeper
        self.tasks[worker.slot] = asyncio.ensure_future(persist(keeper.run))
        return slot

    async def look_after(self) -> None:
        """Forever replace workers that hang, do not end or have lost their socket."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._board.suspects.look()
            pids = self.pids
            self._watches = {pid: watch for pid, watch in self._watches.items() if pid in pids}
            self._ending = {pid: until for pid, until in self._ending.items() if pid in pids}
            for slot in list(self._board.slots.values()):
                if slot.pid and not self._board.draining and not self._board.fatal:
                    self._look_at(slot, time.monotonic())

    def _look_at(self, slot: Slot, now: float) -> None:
        number = slot.worker.slot
        if slot.leaving or slot.pid in self._ending:
            if now > self._ending.setdefault(slot.pid, now + self._settings.drain_s + END_S):
                self._replace(slot, f"Worker {number} did not end when told to.")
        elif not slot.ready:
            return
        elif not self._folders.socket(number).exists():
            self._log.error("worker socket is missing; replacing the worker", worker=number)
            self._ending[slot.pid] = now + self._settings.drain_s + END_S
            self._keepers[number].signal(signal.SIGTERM)
        elif reason := self._hangs(slot, now):
            self._replace(slot, reason)

    def _replace(self, slot: Slot, reason: str) -> None:
        self._log.error("worker hangs", worker=slot.worker.slot, reason=reason)
        self._keepers[slot.worker.slot].kill(reason)

    def _hangs(self, slot: Slot, now: float) -> str:
        """Why a worker must be replaced, as a sentence; "" if it need not be."""
        if slot.pulse is None:
            return ""
        if said := slot.pulse.reason:
            return f"Worker {slot.worker.slot} hangs: {said}"
        watch = self._watches.setdefault(slot.pid, Watch(self._settings.deadline_s + STUCK_GRACE_S))
        seen = see(slot, watch.beats)
        if seen is None:  # it has just died
            return ""
        hangs = watch.look(now, seen)
        how = "has been stopped by a signal" if seen.stopped else "has not reacted"
        sentence = f"Worker {slot.worker.slot} {how} for {watch.silent_s:.1f} s."
        slot.note_silence(sentence if watch.misses else "")
        return sentence if hangs else ""

    async def end(self) -> bool:
        """Tell all to end, and end those that do not. Whether all did by themselves."""
        for keeper in self._keepers.values():
            keeper.stop()
        late = (await asyncio.wait(self.tasks.values(), timeout=END_S))[1] if self.tasks else set()
        if late:
            self.kill()
            await asyncio.wait(late, timeout=KILLED_S)
        return not late

    def kill(self) -> None:
        """Kill all workers and do not restart them."""
        for keeper in self._keepers.values():
            keeper.stop()
            keeper.signal(signal.SIGKILL)

    def _command(self, worker: Worker, line: int, memory: int) -> tuple[Sequence[str], Mapping[str, str]]:
        """Raises OSError if a file that the worker needs cannot be written."""
        self._folders.make(self._user)
        self._folders.hold(worker.slot)
        self._metrics.started(worker.slot)
        command = [sys.executable, "-P", "-m", "mooring", "worker", "--slot", str(worker.slot), "--line", str(line)]
        command += ["--pulse", str(memory)]
        command += ["--socket", str(self._folders.socket(worker.slot)), "--cores", ",".join(map(str, worker.cores))]
        command += ["--user", self._user] if self._user else []
        for part, digest in self._served.items():
            command += ["--expect", part, digest]
        if self.models is not None:
            path = self._folders.run / f"models-{worker.slot}.json"
            self.models.write(worker.slot, path)
            command += ["--models", str(path)]
        more = {"MOORING_THREADS": str(worker.threads), FOLDER_VARIABLE: str(self._folders.metrics)}
        # For libraries in the user's code.
        more |= {"OMP_NUM_THREADS": str(worker.threads), "MOORING_PACKAGES_DIR": str(self._folders.run / "packages")}
        if self._settings.cache_dir is None and (self._settings.model or "").endswith(ARCHIVE_SUFFIXES):
            # So that the archive is unpacked once and not by every worker.
            more["MOORING_CACHE_DIR"] = str(self._folders.run / "cache")
        if self._revision is not None:
            more["MOORING_REVISION"] = self._revision
        return command, {**os.environ, **as_environment(self._settings), **more}

    def _on_ready(self, slot: Slot) -> None:
        if slot.last is not None:
            self._log.info("worker is back", worker=slot.worker.slot, missing_since=slot.since)
        self._said.pop(slot.worker.slot, None)
        if self.models is not None:
            self.models.clear(*(model["modelName"] for model in slot.facts["models"]))
        elif not self._served:
            self._served = identity_of(slot.facts)
            if _from_hub(self._settings.model):
                self._revision = slot.facts["model"].get("revision")

    def _verdict(self, slot: Slot, end: End) -> int | None:
        """Exit code for the service if it can never start. None once it has been ready: files may come back."""
        if self._board.was_ready or end.lived_s is not None:
            return None
        if end.refused:
            return end.status
        return UNSERVABLE if slot.failures >= CRASHES and end.status not in MAY_PASS else None

    def _on_end(self, slot: Slot, end: End, wait: float) -> None:
        number = slot.worker.slot
        self._board.suspects.died(slot, end)
        self._folders.hold(number)
        forget_gauges(self._folders.metrics, number)
        if self.models is not None and end.loading and end.status < 0:
            self.models.suspect(end.loading, f"Workers died ({end.how}) while loading this model.")
        more = {"hint": end.hint} if end.hint else {}
        if end.lived_s is not None:
            more |= {"reason": end.message} if end.message else {}
            self._log.error("worker died", worker=number, how=end.how, again_in_s=wait, **more)
            return
        said, reason = self._said.setdefault(number, []), end.message or slot.reason
        if reason not in said:
            self._log.error("worker cannot start", worker=number, how=end.how, reason=reason, again_in_s=wait, **more)
            self._said[number] = [*said, reason][-MOST_REASONS:]


def see(slot: Slot, beats: int) -> Seen | None:
    """Look at a worker; None if it has ended. `beats` are those of the last look."""
    assert slot.pulse is not None  # noqa: S101 - the caller has looked
    whole = read_process(slot.pid)
    if whole is None or whole.state == "Z":
        return None
    now, patient = slot.pulse.beats, slot.pulse.is_patient
    # The other threads matter only if there was no beat.
    threads = read_threads(slot.pid, main_only=now != beats)
    main = threads.get(slot.pid, whole)
    wants = any(one.wants for one in threads.values())
    return Seen(now, main.stopped, whole.cpu_s, wants, main_cpu_s(slot.pid, main.cpu_s), main.wants, patient)


def _from_hub(model: str | None) -> bool:
    """Whether an opened model came from the Hub: its name is not a path, nor that of the embedded model."""
    return model not in (None, "embedded") and not model.startswith("~") and not Path(model).exists()
