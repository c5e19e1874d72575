"""Answer shards on Ray: a dataset of shards, mapped over actors that each open the model once.

Only this file imports Ray (extra `[ray]`). Actors read and commit shards as the local engine does, so nothing of the
corpus passes through Ray; only shards go in and counts come out. A task that dies with its actor is run again by Ray.
"""

import logging
import math
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from typing import Any

# Before Ray is imported: it reports to its makers, and warns about accelerators and networks that are not used.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")

import msgspec
import ray
import ray.data
from ray.exceptions import RayError

from mooring.batch.local import Ended
from mooring.batch.manifest import Done, Job, Shard
from mooring.batch.shards import Advance, Task, answer_shard
from mooring.errors import BatchError, MooringError, UnreadableShard, UsageError, echo
from mooring.model.identity import identity_of
from mooring.observe.machine import this_machine
from mooring.opened import OpenModel, open_with
from mooring.settings import Settings

OBJECT_STORE_BYTES = 100 << 20
"""For a cluster on this machine: what goes through Ray is small."""
IN_FLIGHT = 2
"""Shards sent to an actor: it never waits for the driver, and Ctrl-C has few to finish."""
POLL_S = 0.2
ALIVE_EVERY_S = 2.0
LOST_AFTER = 5
"""Attempts to reach the cluster that fail one after the other."""
CONTINUE = "Run the same command again to continue."


class Reply(msgspec.Struct):
    """What an actor says about a shard. None of the fields: it was not begun."""

    number: int
    done: Done | None = None
    unreadable: str = ""
    failed: str = ""
    """Why the whole job cannot continue."""
    hint: str = ""


class Cluster:
    """An `Engine` on Ray."""

    def __init__(self, settings: Settings, address: str | None, actors: int | None, advance: Advance) -> None:
        """`address` of a running cluster; None starts one on this machine. `actors`: None for one per machine."""
        self._settings = settings
        self._address = address
        self._actors = actors
        self._advance = advance

    def __call__(
        self, task: Task, shards: Sequence[Shard], stopping: Callable[[], bool]
    ) -> Generator[Ended, None, None]:
        """See `Engine`. Raises BatchError, also if the cluster goes away."""
        with _connected(self._address) as reachable:
            actors, cores = _shares(self._actors)
            stop = ray.remote(num_cpus=0)(_Stop).remote()
            settings = replace(self._settings, threads=self._settings.threads or cores)
            dataset = _dataset(shards, (settings, task, stop), min(actors, len(shards)), cores)
            by_number = {shard.number: shard for shard in shards}
            told = False
            for reply in _replies(dataset, reachable):
                if not told and stopping():
                    stop.set.remote()
                    told = True
                if reply is None:
                    continue
                shard = by_number[reply.number]
                if reply.failed:
                    raise BatchError(reply.failed, hint=reply.hint or CONTINUE)
                if reply.done is not None:
                    self._advance(shard.rows)
                    yield shard, reply.done
                elif reply.unreadable:
                    yield shard, UnreadableShard(reply.unreadable, hint=reply.hint)


def check_address(address: str | None) -> None:
    """Raise UsageError for an invalid address, BatchError if nobody listens there.

    To be called first: Ray would wait for a minute and then end the process.
    """
    if address is None or address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or "/" in address:
        raise UsageError(
            f"Invalid --address {echo(address)}.",
            hint="Write --address HOST:PORT (6379 by default), or --address auto on a machine of the cluster.",
        )
    if not _listens(host, int(port)):
        raise BatchError(f"No Ray cluster answers at {address}.", hint="Run `ray status` there.")


def _listens(host: str, port: int) -> bool:
    with suppress(OSError, UnicodeError), socket.create_connection((host.strip("[]"), port), timeout=2.0):
        return True
    return False


@contextmanager
def _connected(address: str | None) -> Iterator[Callable[[], bool]]:
    """A connection to the cluster. Yields whether it still answers. Raises BatchError."""
    local = {
        "num_cpus": this_machine().threads,
        "object_store_memory": OBJECT_STORE_BYTES,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
    }
    try:
        ray.init(address or "local", log_to_driver=False, logging_level="ERROR", **({} if address else local))
    except Exception as error:  # Boundary: Ray raises all kinds of them, also plain ones.
        what = f"connect to the Ray cluster {address}" if address else "start Ray on this machine"
        hint = "Check the address, and that `ray status` on one of its machines shows all of them." if address else ""
        raise BatchError(f"Cannot {what}: {_first_line(error)}.", hint=hint) from error
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")

    def reachable() -> bool:
        return _listens(host, int(port))

    # Ray writes what it notices, such as the end of an actor, to stdout, which is for our summary.
    with redirect_stdout(sys.stderr):
        try:
            yield reachable
        finally:
            if reachable():
                ray.shutdown()


def _shares(wanted: int | None) -> tuple[int, int]:
    """How many actors there are, and how many cores each has. Raises UsageError."""
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    machines = [cores for cores in machines if cores]
    if not machines:
        raise BatchError("The Ray cluster has no CPUs.", hint="Check it with `ray status`.")
    if wanted is not None and wanted > sum(machines):
        raise UsageError(
            f"--actors {wanted} exceeds the {sum(machines)} cores of the Ray cluster.", hint="Use one per core at most."
        )
    actors = wanted or len(machines)
    return actors, max(1, min(machines) // math.ceil(actors / len(machines)))


def _dataset(shards: Sequence[Shard], given: tuple[Any, ...], actors: int, cores: int) -> Any:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    items = [{"shard": msgspec.json.encode(shard)} for shard in shards]
    # One block per shard: it is what Ray schedules, and runs again if an actor dies.
    dataset = ray.data.from_items(items, override_num_blocks=len(items))
    pool = ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=IN_FLIGHT)
    return dataset.map(Answering, fn_constructor_args=given, compute=pool, num_cpus=cores)


def _replies(dataset: Any, reachable: Callable[[], bool]) -> Iterator[Reply | None]:
    """The actors' replies as they come, and None now and then. Raises BatchError if the cluster goes away.

    Ray is asked in a thread: a cluster that is gone would keep the driver waiting for a minute and then end it.
    """
    found: queue.Queue[Reply | BaseException | None] = queue.Queue()

    def ask() -> None:
        try:
            for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0, batch_format="pyarrow"):
                for row in batch.to_pylist():
                    found.put(msgspec.json.decode(row["reply"], type=Reply))
            found.put(None)
        except BaseException as error:  # Boundary: of this thread. The other one raises it.
            found.put(error)

    threading.Thread(target=ask, name="moor-ray", daemon=True).start()
    silent = failed = 0
    while True:
        try:
            reply = found.get(timeout=POLL_S)
        except queue.Empty:
            silent += 1
            if silent * POLL_S >= ALIVE_EVERY_S:
                silent, failed = 0, 0 if reachable() else failed + 1
            if failed == LOST_AFTER:
                raise BatchError("The Ray cluster no longer answers.", hint=CONTINUE) from None
            yield None
            continue
        if reply is None:
            return
        if isinstance(reply, BaseException):
            raise BatchError(f"Ray ended the job: {_first_line(reply)}.", hint=CONTINUE) from reply
        silent = failed = 0
        yield reply


def _first_line(error: BaseException) -> str:
    said = [line for line in str(error).splitlines() if line.strip()]
    return (said[-1] if isinstance(error, RayError) and said else said[0] if said else type(error).__name__).rstrip(".")


class _Stop:
    """Tells actors that no more shards are to be begun."""

    def __init__(self) -> None:
        self._stopped = False

    def set(self) -> None:
        self._stopped = True

    def stopped(self) -> bool:
        return self._stopped


class Answering:
    """An actor. The model is opened with the first shard, so that an error about it reaches the driver."""

    def __init__(self, settings: Settings, task: Task, stop: Any) -> None:
        self._settings = settings
        self._task = task
        self._stop = stop
        self._model: OpenModel | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Answer the shard in a row."""
        return {"reply": msgspec.json.encode(self._reply(msgspec.json.decode(row["shard"], type=Shard)))}

    def _reply(self, shard: Shard) -> Reply:
        if ray.get(self._stop.stopped.remote()):
            return Reply(shard.number)
        try:
            if self._model is None:
                self._model = _opened(self._settings, self._task.job)
            return Reply(shard.number, answer_shard(self._model, self._task, shard, lambda _: None))
        except UnreadableShard as error:
            return Reply(shard.number, unreadable=error.message, hint=error.hint)
        except MooringError as error:
            return Reply(shard.number, failed=f"On {socket.gethostname()}: {error.message}", hint=error.hint)


def _opened(settings: Settings, job: Job) -> OpenModel:
    """The model. Raises BatchError if it is not the job's: machines may hold different files of one name."""
    model = open_with(settings)
    found = {**identity_of(model.info), "precision": str(model.info.get("model", {}).get("precision", ""))}
    for part, expected in {**job.model, "precision": job.precision}.items():
        if found.get(part) != expected:
            model.close()
            what = "precision" if part == "precision" else f"{part}'s digest"
            raise BatchError(
                f"The {what} is {found.get(part, 'unknown')}, but the job was planned with {expected}.",
                hint="Put the same model on every machine, or name it by its Hub id and --revision.",
            )
    return model
