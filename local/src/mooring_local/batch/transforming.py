"""Send one object's payloads to the model, and write the responses in order into one output object."""

import asyncio
import gzip
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from mooring_local.batch.faults import BatchFault
from mooring_local.batch.splitting import payloads
from mooring_local.batch.work import Pace, Work
from mooring_local.objects.entry import About, Entry
from mooring_local.objects.store import ObjectStore
from mooring_local.runners.client import Answer, AnswerTooLarge, Asked, ContainerGone
from mooring_local.wire.faults import Fault

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
LARGEST_ANSWER = 1 << 30
LONGEST_SAID = 2000
"""Characters of a container's error response that are quoted."""


class Container(Protocol):
    """The part of `runners.client.Client` that is needed."""

    async def send(self, asked: Asked, *, timeout_s: float, most: int | None = None) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Refused:
    """A failed request. `log`: lines for the data log."""

    fault: BatchFault
    log: Sequence[str]


class NoAnswer(Exception):
    """Carries a `Refused`."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused.fault))
        self.refused = refused


class Transformer:
    """Sends the objects of one job to its containers."""

    def __init__(self, work: Work, pace: Pace, store: ObjectStore, containers: Sequence[Container]) -> None:
        self._work = work
        self._pace = pace
        self._store = store
        self._containers = containers
        self._slots = asyncio.Semaphore(pace.concurrency)

    async def transform(self, entry: Entry, target: str) -> None:
        """Write the complete output object or nothing. Raises BatchFault (data) or NoAnswer (model)."""
        scratch: Path | None = None
        try:
            bucket, key = self._store.locate(target)
            scratch = await asyncio.to_thread(self._store.scratch, bucket)
            content_type = await self._through(entry, scratch)
            about = About(self._work.accept or content_type)
            await asyncio.to_thread(self._store.keep, bucket, key, scratch, about)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BatchFault(f"Could not decompress {entry.uri}: {error}.", hint="CompressionType is Gzip.") from error
        except OSError as error:  # deleted during the job, or a full disk
            raise BatchFault(f"Could not read {entry.uri} or write its output: {error}.") from error
        except Fault as fault:  # the bucket of the output is gone
            raise BatchFault(f"Could not write {target}: {fault.message} ({fault.code}).") from fault
        finally:
            if scratch is not None:
                await asyncio.to_thread(scratch.unlink, missing_ok=True)

    async def _through(self, entry: Entry, scratch: Path) -> str:
        """Write all responses to `scratch`; returns the content type of the last one."""
        pace, sent, kind = self._pace, deque[asyncio.Task[tuple[bytes, str]]](), ""
        with _opened(entry.path, self._work.compressed) as data, scratch.open("wb") as output:
            found = payloads(data, self._work.split, single=pace.single, limit=pace.payload_bytes)
            try:
                while True:
                    # Wait for a slot before reading the payload, to bound memory.
                    await self._slots.acquire()
                    payload = None
                    try:
                        payload = await asyncio.to_thread(next, found, None)
                    finally:
                        if payload is None:
                            self._slots.release()
                    if payload is not None:
                        task = asyncio.create_task(self._one(payload))
                        # Not in the task: it may be cancelled before it first runs.
                        task.add_done_callback(lambda _: self._slots.release())
                        sent.append(task)
                    while sent and (payload is None or len(sent) >= pace.concurrency or sent[0].done()):
                        answer, kind = await sent[0]
                        sent.popleft()
                        await asyncio.to_thread(output.write, answer)
                    if payload is None:
                        return kind
            finally:
                for task in sent:
                    task.cancel()
                await asyncio.gather(*sent, return_exceptions=True)

    async def _one(self, payload: bytes) -> tuple[bytes, str]:
        """The output for one payload, and its content type."""
        processing = self._work.processing
        body = await asyncio.to_thread(processing.prepare, payload)
        answer, kind = await self._ask(body)
        output = await asyncio.to_thread(processing.finish, payload, answer)
        return output + (b"\n" if self._work.newline and not output.endswith(b"\n") else b""), kind

    async def _ask(self, body: bytes) -> tuple[bytes, str]:
        """Send through all containers of the model in sequence."""
        kind = self._work.content_type
        for container in self._containers:
            headers = [("Content-Type", kind)] if kind else []
            headers += [("Accept", self._work.accept)] if self._work.accept else []
            body, kind = await self._send(container, Asked("POST", "/invocations", headers, body))
        return body, kind

    async def _send(self, container: Container, asked: Asked) -> tuple[bytes, str]:
        """Retry a broken connection, timeout, 5xx or 429 as often as the job allows. Raises NoAnswer."""
        wait = FIRST_PAUSE_S
        for tries_left in range(self._work.retries, -1, -1):
            try:
                answer = await container.send(asked, timeout_s=self._work.timeout_s, most=LARGEST_ANSWER)
            except TimeoutError:
                refused = _silent(f"timed out after {self._work.timeout_s:g} s", "Raise InvocationsTimeoutInSeconds.")
            except ContainerGone as error:
                refused = _silent(str(error), "")
            except AnswerTooLarge as error:
                raise NoAnswer(_silent(f"response of {error}", "")) from error
            else:
                if answer.status < 400:
                    return answer.body, answer.headers.get("content-type", "")
                refused = _refusal(answer.status, answer.body)
                if answer.status < 500 and answer.status != 429:
                    break
            if tries_left:
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_PAUSE_S)
        raise NoAnswer(refused)


def _refusal(status: int, body: bytes) -> Refused:
    said = body.decode("utf-8", "replace")[:LONGEST_SAID].strip()
    if status < 500:
        fault = BatchFault(f"the container returned status {status}: {said}")
        return Refused(fault, [f"ClientError: {status}", "", "Message:", *said.splitlines()])
    fault = BatchFault(f"the container returned status {status}: {said}", blame="AlgorithmError")
    return Refused(fault, [f"Bad HTTP status received from algorithm: {status}", *said.splitlines()])


def _silent(what: str, hint: str) -> Refused:
    fault = BatchFault(f"the request to the container failed: {what}.", hint=hint, blame="AlgorithmError")
    return Refused(fault, [f"Unable to get a response from the algorithm: {what}"])


def _opened(path: Path, compressed: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(path)) if compressed else path.open("rb")
