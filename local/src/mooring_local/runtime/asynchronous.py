"""InvokeEndpointAsync: queue requests, write results or failures to S3, and notify. contract.md §1.9."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import structlog

from mooring.errors import ModelError, ModelNotFound
from mooring_local.fleet.fleet import Fleet
from mooring_local.fleet.live import LiveEndpoint
from mooring_local.objects.store import ObjectStore
from mooring_local.runners.client import Answer
from mooring_local.runners.model_data import locate
from mooring_local.runtime.invoke import Patience, invoke
from mooring_local.runtime.limits import Limits
from mooring_local.runtime.models import Models
from mooring_local.runtime.notifications import Notifications
from mooring_local.runtime.records import Queue, Record
from mooring_local.runtime.request import Request
from mooring_local.runtime.routing import Route, route
from mooring_local.wire.faults import Fault

CONCURRENCY = 4
"""Default concurrent requests per instance; SageMaker's own default is not documented."""
TTL_S = 21_600
INVOCATION_S = 900
NOBODY = "ServiceUnavailable"
"""Fault code: no container received the request, so it is retried when one is available."""
LOOK_S = 0.1


class Asynchronous:
    """Accepts and processes asynchronous requests."""

    def __init__(
        self,
        fleet: Fleet,
        store: ObjectStore,
        queue: Queue,
        notifications: Notifications,
        tools: tuple[Models, Limits],
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._queue = queue
        self._notifications = notifications
        self._models, self._limits = tools
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("mooring_local.async").bind()

    async def start(self) -> None:
        """Resume requests that were accepted before a restart."""
        for record in self._queue.all():
            self._begin(record)

    async def stop(self) -> None:
        """Stop. Unanswered requests resume at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def accept(self, live: LiveEndpoint, request: Request) -> Record:
        """Queue a request. Raises Fault for no input, two inputs, an oversized body, or an invalid input address."""
        location = request.get("InputLocation") or ""
        if bool(location) == bool(request.size):
            given = "both InputLocation and a body" if location else "neither InputLocation nor a body"
            raise Fault("ValidationError", f"The request has {given}; pass exactly one.")
        if request.size > self._limits.inline:
            raise Fault(
                "ValidationError", f"The inline body has {request.size} bytes; the limit is {self._limits.inline}."
            )
        if location:
            self._locate(location)
        config = live.asynchronous or {}
        output = config.get("OutputConfig") or {}
        identity = str(uuid4())
        record = Record(
            id=identity,
            inference_id=request.get("InferenceId") or identity,
            endpoint=live.name,
            region=live.region,
            received=time.time(),
            parameters=dict(request.parameters),
            input=location,
            output=_below(output.get("S3OutputPath"), request, f"{identity}.out"),
            failure=_below(output.get("S3FailurePath"), None, f"{identity}-error.out"),
        )
        self._queue.add(record, request.body)
        self._begin(record)
        return record

    def _begin(self, record: Record) -> None:
        task = asyncio.ensure_future(self._serve(record))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, record: Record) -> None:
        config: Mapping[str, Any] = {}
        try:
            live = await self._up(record)
            config = live.asynchronous or {}
            async with self._turn(live):
                began = time.time()
                answer, where = await self._answer(record)
            kind = answer.headers.get("content-type", "application/octet-stream")
            await asyncio.to_thread(self._put, record.output, answer.body, kind)
            await asyncio.to_thread(self._notifications.completed, record, config, (kind, answer.body))
            waited, took = 1000 * (began - record.received), 1e6 * (time.time() - began)
            where.instance.say(
                f"Inference request succeeded. TimeInBacklog: {waited:.0f}ms, ModelLatency: {took:.0f}us"
            )
        except Fault as fault:
            await self._fail(record, config, fault.message)
        except Exception as error:  # boundary: nothing awaits this task, and the caller expects a failure object
            self._log.exception("fault", endpoint=record.endpoint, id=record.id)
            await self._fail(record, config, f"Internal error of the local SageMaker: {type(error).__name__}: {error}")
        self._queue.remove(record)

    async def _up(self, record: Record) -> LiveEndpoint:
        """The endpoint, once in service. Raises Fault if it was deleted or the request has expired."""
        live = await self._fleet.up(record.endpoint, record.received + _ttl(record) - time.time())
        if live is None:
            raise Fault("ValidationError", f"Endpoint {record.endpoint} was deleted, or not in service in time.")
        return live

    async def _answer(self, record: Record) -> tuple[Answer, Route]:
        """Route at processing time: the endpoint may have been updated while the request was queued."""
        body = await asyncio.to_thread(self._read, record)
        request = Request(
            "InvokeEndpointAsync", record.endpoint, record.parameters, body, len(body), record.inference_id
        )
        seconds = float(record.parameters.get("InvocationTimeoutSeconds") or INVOCATION_S)
        patience = Patience(seconds, self._limits.asynchronous_body, needs_length=True)
        while True:
            live = await self._up(record)
            if time.time() - record.received > _ttl(record):
                raise Fault("ValidationError", "The request expired in the queue (RequestTTLSeconds).")
            try:
                where = route(live, request)
                return await invoke(where, request, self._models, patience), where
            except Fault as fault:
                if fault.code != NOBODY:
                    raise
            await asyncio.sleep(LOOK_S)

    def _turn(self, live: LiveEndpoint) -> asyncio.Semaphore:
        """The semaphore that limits concurrency as configured."""
        most = ((live.asynchronous or {}).get("ClientConfig") or {}).get("MaxConcurrentInvocationsPerInstance")
        most = (most or CONCURRENCY) * max(1, sum(len(one.instances) for one in live.variants.values()))
        return self._turns.setdefault(f"{live.name} {most}", asyncio.Semaphore(most))

    def _read(self, record: Record) -> bytes:
        if not record.input:
            return self._queue.body(record)
        entry = self._store.get(*self._locate(record.input))
        if entry is None:
            raise Fault("ValidationError", f"Unable to download the input: no object at {record.input}.")
        if entry.size > self._limits.asynchronous_body:
            raise Fault("ValidationError", f"The input at {record.input} has {entry.size} bytes; the limit is 1 GB.")
        return entry.path.read_bytes()

    def _locate(self, uri: str) -> tuple[str, str]:
        try:
            return locate(uri)
        except (ModelNotFound, ModelError) as error:
            raise Fault("ValidationError", f"InputLocation {uri} is not the address of an S3 object.") from error

    async def _fail(self, record: Record, config: Mapping[str, Any], reason: str) -> None:
        self._log.warning("asynchronous request failed", endpoint=record.endpoint, id=record.id, reason=reason[:200])
        if record.failure:
            try:
                await asyncio.to_thread(self._put, record.failure, reason.encode(), "text/plain")
            except (Fault, OSError) as error:
                self._log.error("could not write failure object", where=record.failure, reason=str(error))
        try:
            await asyncio.to_thread(self._notifications.failed, record, config, reason)
        except OSError as error:
            self._log.error("could not write notification", endpoint=record.endpoint, id=record.id, reason=str(error))

    def _put(self, uri: str, body: bytes, kind: str) -> None:
        self._store.put(*locate(uri), body, kind)


def _ttl(record: Record) -> float:
    return float(record.parameters.get("RequestTTLSeconds") or TTL_S)


def _below(path: str | None, request: Request | None, name: str) -> str:
    """The object's S3 URI; "" if the configuration sets no path."""
    if not path:
        return ""
    extension = request.get("S3OutputPathExtension") if request else None
    parts = [path.rstrip("/"), *([extension.strip("/")] if extension else [])]
    return "/".join([*parts, (request.get("Filename") if request else None) or name])
