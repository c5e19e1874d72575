"""Run one transform job, from its document to its outputs. `job.py` records the result."""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mooring_local.batch.capture import capture
from mooring_local.batch.faults import BatchFault
from mooring_local.batch.transforming import NoAnswer, Transformer
from mooring_local.batch.work import Work, inputs, pace_of, work_of
from mooring_local.fleet.logbook import Logbook
from mooring_local.fleet.variant import read_model
from mooring_local.objects.entry import Entry
from mooring_local.objects.store import ObjectStore
from mooring_local.runners.client import AnswerTooLarge, Asked, Client, ContainerGone
from mooring_local.runners.launch import Launch, Launched, Launcher
from mooring_local.state import State

GROUP = "/aws/sagemaker/TransformJobs"
PARAMETERS_S = 5.0
"""Timeout of /execution-parameters."""
GOODBYE_S = 5.0
SEE_LOGS = "See job logs for more information."


@dataclass(frozen=True, slots=True)
class Bench:
    """Dependencies of jobs."""

    state: State
    store: ObjectStore
    launcher: Launcher
    logbook: Logbook


async def run(bench: Bench, document: dict[str, Any], stream: str) -> None:
    """Run the job until all outputs are written. `stream`: log stream JOB/INSTANCE. Raises MooringError on failure.

    Outputs of successful objects are kept even if others fail; a failed object has no output.
    """
    work = work_of(document)
    found = await asyncio.to_thread(inputs, work, bench.store)
    async with contextlib.AsyncExitStack() as leaving:
        launched = await _launch(bench, work, stream, leaving)
        clients = [one.client for one in launched]
        pace = pace_of(work, await _execution_parameters(clients[0]))
        say = partial(_say, bench.logbook, f"{stream}/data-log")
        say(str(pace))
        transformer = Transformer(work, pace, bench.store, clients)
        failures = await _all(transformer, found, pace.concurrency, say)
    if failures:
        first = failures[0]
        others = f" {len(failures) - 1} more of {len(found)} objects failed." if len(failures) > 1 else ""
        raise BatchFault(f"{SEE_LOGS} {first.message}{others}", hint=first.hint, blame=first.blame)
    if (config := document.get("DataCaptureConfig")) is not None:
        await asyncio.to_thread(capture, config, found, bench.store)


async def _launch(bench: Bench, work: Work, stream: str, leaving: contextlib.AsyncExitStack) -> list[Launched]:
    """Start the model's containers; `leaving` stops them."""
    document = bench.state.get("model", work.model)
    if document is None:
        raise BatchFault(f"The model {work.model} was deleted before the job started.")
    parts = read_model(document).parts
    launched = []
    for part in parts:
        container = {**part.container, "Environment": {**part.container.get("Environment", {}), **work.environment}}
        order = Launch(f"job-{work.name}-{uuid.uuid4().hex[:8]}-{part.name}", container, region=work.region)
        own = stream if len(parts) == 1 else f"{stream}/{part.name}"
        one = await bench.launcher.launch(order, partial(bench.logbook.append, GROUP, own))
        leaving.push_async_callback(one.stop, GOODBYE_S)
        launched.append(one)
    return launched


async def _execution_parameters(client: Client) -> bytes | None:
    """The response of /execution-parameters; None if the container does not have that route, which is optional."""
    try:
        answer = await client.send(Asked("GET", "/execution-parameters"), timeout_s=PARAMETERS_S, most=1_000_000)
    except (ContainerGone, AnswerTooLarge, TimeoutError):
        return None
    return answer.body if answer.status == 200 else None


async def _all(
    transformer: Transformer, found: Sequence[tuple[Entry, str]], at_once: int, say: "partial[None]"
) -> list[BatchFault]:
    """The failures, in the order of the objects."""
    faults: dict[str, BatchFault] = {}
    waiting = iter(found)

    async def work_through() -> None:
        for entry, target in waiting:
            place = f"{entry.bucket}/{entry.key}"
            try:
                await transformer.transform(entry, target)
            except NoAnswer as error:
                fault = error.refused.fault
                for line in error.refused.log:
                    say(f"{place}: {line}")
            except BatchFault as error:
                fault = error
                say(f"{place}: {fault.blame}: {fault}")
            else:
                continue
            faults[entry.key] = BatchFault(f"{entry.uri}: {fault.message}", hint=fault.hint, blame=fault.blame)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(found))):
            group.create_task(work_through())
    return [faults[entry.key] for entry, _ in found if entry.key in faults]


def _say(logbook: Logbook, stream: str, line: str) -> None:
    """Append to the data log in SageMaker's format."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    logbook.append(GROUP, stream, f"{now}:[sagemaker logs]: {line}")
