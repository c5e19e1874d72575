"""The workers: who is there, how one is started, and what happens when one dies or hangs. Used by `supervisor.py`."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from mooring.container.asking import get
from mooring.container.child import Keeper, Slot
from mooring.container.metrics import FOLDER_VARIABLE, FrontMetrics, forget_gauges
from mooring.container.registry import LoadedModels
from mooring.container.topology import Worker
from mooring.model.config import ARCHIVE_SUFFIXES
from mooring.settings import Settings, as_environment

LOOK_EVERY_S = 2.0
"""How often workers are asked whether they hang."""
END_S = 3.0
"""For workers to end once nothing is in flight any more."""
KILLED_S = 2.0


@dataclass(frozen=True, slots=True)
class Folders:
    """Everything that is written is below `run`."""

    run: Path

    @property
    def metrics(self) -> Path:
        """The workers' counters."""
        return self.run / "metrics"

    @property
    def front(self) -> Path:
        """Socket of the process in front."""
        return self.run / "front.sock"

    def socket(self, slot: int) -> Path:
        """Where the worker in that slot listens, while it answers."""
        return self.run / "sockets" / f"worker-{slot}.sock"


class Crew:
    """Keeps a worker in every slot that was opened."""

    def __init__(
        self, settings: Settings, folders: Folders, user: str | None, slots: dict[int, Slot], metrics: FrontMetrics
    ) -> None:
        """`slots` is shared with whoever shows the workers; `user` is whom they step down to."""
        self._settings = settings
        self._folders = folders
        self._user = user
        self._slots = slots
        self._metrics = metrics
        self.models: LoadedModels | None = None
        """Of a multi-model server: what a worker has to load before it takes traffic."""
        self._keepers: dict[int, Keeper] = {}
        self.tasks: dict[int, asyncio.Task[int]] = {}
        """Each slot's, done when no worker can be kept there: with the exit code that says why."""
        self._log = structlog.get_logger("mooring.container").bind()

    @property
    def pids(self) -> set[int]:
        """Of the workers that run."""
        return {slot.pid for slot in self._slots.values() if slot.pid}

    def employ(self, worker: Worker) -> Slot:
        """Open a slot and start a worker in it."""
        slot = self._slots[worker.slot] = Slot(worker)
        keeper = self._keepers[worker.slot] = Keeper(slot, self._command, self._on_death, self._on_ready)
        self.tasks[worker.slot] = asyncio.ensure_future(keeper.run())
        return slot

    async def look_after(self) -> None:
        """For ever: end workers whose engine has ended or hangs. Only another process can help there."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for number, slot in list(self._slots.items()):
                if slot.ready and not await self._lives(number):
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
        """End all at once and start none again."""
        for keeper in self._keepers.values():
            keeper.stop()
            keeper.signal(signal.SIGKILL)

    async def _lives(self, slot: int) -> bool:
        """False only if the worker itself says so: one that is too busy to answer is not dead."""
        try:
            reply = await get(self._folders.socket(slot), "/health/live", LOOK_EVERY_S)
        except Exception:  # Border: whatever goes wrong in asking says nothing about the worker.
            return True
        return reply.status != 503

    def _command(self, worker: Worker, line: int) -> tuple[Sequence[str], Mapping[str, str]]:
        forget_gauges(self._folders.metrics, worker.slot)
        self._metrics.started(worker.slot)
        command = [sys.executable, "-m", "mooring", "worker", "--slot", str(worker.slot), "--line", str(line)]
        command += ["--socket", str(self._folders.socket(worker.slot)), "--cores", ",".join(map(str, worker.cores))]
        command += ["--user", self._user] if self._user else []
        if self.models is not None:
            path = self._folders.run / f"models-{worker.slot}.json"
            self.models.write(worker.slot, path)
            command += ["--models", str(path)]
        more = {"MOORING_THREADS": str(worker.threads), FOLDER_VARIABLE: str(self._folders.metrics)}
        # For what users' code computes with.
        more |= {"OMP_NUM_THREADS": str(worker.threads), "MOORING_PACKAGES_DIR": str(self._folders.run / "packages")}
        if self._settings.cache_dir is None and (self._settings.model or "").endswith(ARCHIVE_SUFFIXES):
            # Unpacked once and not by every worker.
            more["MOORING_CACHE_DIR"] = str(self._folders.run / "cache")
        return command, {**os.environ, **as_environment(self._settings), **more}

    def _on_ready(self, slot: Slot) -> None:
        if self.models is not None:
            self.models.settle(slot.worker.slot, {model["modelName"] for model in slot.facts["models"]})

    async def _on_death(self, slot: Slot, status: int, wait: float) -> None:
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
        slot.reason = f"Worker {slot.worker.slot} died ({how}) and is started again."
        hint = {"hint": "killed by the kernel when memory ran out?"} if status == -signal.SIGKILL else {}
        self._log.error("worker died", worker=slot.worker.slot, how=how, again_in_s=wait, **hint)
