"""Transform jobs from InProgress to their end. Started and stopped by the control plane; made by `server.py`.

A job's container is launched for it alone. What it says is in the log group /aws/sagemaker/TransformJobs, in the stream
JOB/INSTANCE; what became of the data in JOB/INSTANCE/data-log.
"""

import asyncio
import time
import uuid
from typing import Any

import structlog

from mooring.errors import MooringError
from mooring_local.batch.faults import BatchFault
from mooring_local.batch.run import Bench, run
from mooring_local.fleet.phases import Phases
from mooring_local.runners.launch import told

KIND = "transform-job"
LONGEST_REASON = 1024


class Jobs:
    """All of them. Belongs to one event loop."""

    def __init__(self, bench: Bench, phases: Phases) -> None:
        self._bench = bench
        self._state = bench.state
        self._phases = phases
        self._running: dict[str, asyncio.Task[None]] = {}
        self._log = structlog.get_logger("mooring_local.batch").bind()

    def recover(self) -> None:
        """At a start: jobs that an earlier life left unfinished have failed; those that were stopping, stopped."""
        for document in self._state.all(KIND):
            name = document["TransformJobName"]
            if name in self._running:
                continue
            if document["TransformJobStatus"] == "Stopping":
                self._end(name, "Stopped")
            elif document["TransformJobStatus"] == "InProgress":
                reason = "InternalServerError: The local SageMaker was stopped while the job ran. Create it again."
                self._end(name, "Failed", reason)

    def start(self, name: str) -> None:
        """Run the job whose document is there, InProgress."""
        task = asyncio.get_running_loop().create_task(self._run(name))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    def stop(self, name: str) -> None:
        """The document says Stopping; it will say Stopped when nothing runs any more."""
        if (task := self._running.get(name)) is not None:
            task.cancel()

    async def close(self) -> None:
        """End all that run, as failed."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.recover()

    async def _run(self, name: str) -> None:
        instance = f"i-{uuid.uuid4().hex[:17]}"
        status, reason = "Completed", ""
        try:
            await self._phases.take("job")
            self._state.change(KIND, name, {"TransformStartTime": time.time()})
            document = self._state.get(KIND, name)
            if document is not None:
                await run(self._bench, document, f"{name}/{instance}")
        except asyncio.CancelledError:
            document = self._state.get(KIND, name) or {}
            if document.get("TransformJobStatus") == "Stopping":
                self._end(name, "Stopped")
                return
            raise
        except BatchFault as fault:
            status, reason = "Failed", f"{fault.blame}: {told(fault)}"
        except MooringError as error:
            status, reason = "Failed", f"AlgorithmError: {told(error)}"
        except Exception as error:  # the border of a job: it must not stay InProgress for ever
            self._log.exception("a transform job failed", job=name)
            seen = f"{type(error).__name__}. The log of moor local has the place."
            status, reason = "Failed", f"InternalServerError: {seen}"
        self._end(name, status, reason)

    def _end(self, name: str, status: str, reason: str = "") -> None:
        now = time.time()
        members: dict[str, Any] = {"TransformJobStatus": status, "TransformEndTime": now, "LastModifiedTime": now}
        if reason:
            members["FailureReason"] = reason[:LONGEST_REASON]
        self._state.change(KIND, name, members)
