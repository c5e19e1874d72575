"""Run transform jobs from InProgress to their final status.

Each job launches its own container. The log group is /aws/sagemaker/TransformJobs: stream JOB/INSTANCE has the
container's output, and JOB/INSTANCE/data-log the result of each object.
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
    """All transform jobs. Belongs to one event loop."""

    def __init__(self, bench: Bench, phases: Phases) -> None:
        self._bench = bench
        self._state = bench.state
        self._phases = phases
        self._running: dict[str, asyncio.Task[None]] = {}
        self._log = structlog.get_logger("mooring_local.batch").bind()

    def recover(self) -> None:
        """After a restart: mark unfinished jobs as Failed, and stopping ones as Stopped."""
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
        """Run the job; its document exists and says InProgress."""
        task = asyncio.get_running_loop().create_task(self._run(name))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    def stop(self, name: str) -> None:
        """Stop the job. Its document says Stopping, and Stopped once nothing runs."""
        if (task := self._running.get(name)) is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop all running jobs and mark them as Failed."""
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
        except Exception as error:  # boundary: a job must not stay InProgress forever
            self._log.exception("a transform job failed", job=name)
            seen = f"{type(error).__name__}. See the log of moor local for the traceback."
            status, reason = "Failed", f"InternalServerError: {seen}"
        self._end(name, status, reason)

    def _end(self, name: str, status: str, reason: str = "") -> None:
        now = time.time()
        members: dict[str, Any] = {"TransformJobStatus": status, "TransformEndTime": now, "LastModifiedTime": now}
        if reason:
            members["FailureReason"] = reason[:LONGEST_REASON]
        self._state.change(KIND, name, members)
