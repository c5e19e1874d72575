"""The workers: how they are started, and what happens when one dies or hangs."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from mooring.container.asking import get
from mooring.container.board import Board
from mooring.container.child import End, Keeper, Slot, persist
from mooring.container.folders import Folders
from mooring.container.metrics import FOLDER_VARIABLE, FrontMetrics, forget_gauges
from mooring.container.registry import LoadedModels
from mooring.container.topology import Worker
from mooring.model.archive import ARCHIVE_SUFFIXES
from mooring.model.identity import identity_of
from mooring.settings import Settings, as_environment

LOOK_EVERY_S = 2.0
"""How often workers are checked for a hang."""
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
        self._unreachable: dict[int, float] = {}  # pid of a worker without a socket → when to kill it (monotonic)
        """Processes that were told to stop because their socket is missing."""
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
        """Forever stop workers that hang or whose socket is missing, so that they are replaced."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for number, slot in list(self._board.slots.items()):
                if not slot.ready or self._board.draining or self._board.fatal:
                    continue
                if (until := self._unreachable.get(slot.pid)) is not None:
                    if time.monotonic() > until:
                        self._log.error("worker does not end", worker=number)
                        self._keepers[number].signal(signal.SIGKILL)
                elif not self._folders.socket(number).exists():
                    self._log.error("worker socket is missing; replacing the worker", worker=number)
                    told = {pid: until for pid, until in self._unreachable.items() if pid in self.pids}
                    self._unreachable = {**told, slot.pid: time.monotonic() + self._settings.drain_s + END_S}
                    self._keepers[number].signal(signal.SIGTERM)
                elif not await self._lives(number):
                    self._log.error("worker hangs", worker=number)
                    self._keepers[number].signal(signal.SIGKILL)

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

    async def _lives(self, slot: int) -> bool:
        """False only if the worker itself reports it: one that is too busy to answer is not dead."""
        try:
            reply = await get(self._folders.socket(slot), "/health/live", LOOK_EVERY_S)
        except Exception:  # Border: a failed request says nothing about the worker.
            return True
        return reply.status != 503

    def _command(self, worker: Worker, line: int) -> tuple[Sequence[str], Mapping[str, str]]:
        """Raises OSError if a file that the worker needs cannot be written."""
        self._folders.make(self._user)
        self._folders.hold(worker.slot)
        self._metrics.started(worker.slot)
        command = [sys.executable, "-P", "-m", "mooring", "worker", "--slot", str(worker.slot), "--line", str(line)]
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


def _from_hub(model: str | None) -> bool:
    """Whether an opened model came from the Hub: its name is not a path, nor that of the embedded model."""
    return model not in (None, "embedded") and not model.startswith("~") and not Path(model).exists()
