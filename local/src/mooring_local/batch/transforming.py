"""One object through the model: its payloads sent, their answers put in order into one object. Called by `job.py`."""

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
"""Characters of a container's refusal that are repeated."""


class Container(Protocol):
    """What is asked; `runners.client.Client` does it."""

    async def send(self, asked: Asked, *, timeout_s: float, most: int | None = None) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that is none. `log` is for the data log, line by line."""

    fault: BatchFault
    log: Sequence[str]


class NoAnswer(Exception):
    """Carries a `Refused`."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused.fault))
        self.refused = refused


class Transformer:
    """The containers of one job, asked in turn by all of its objects."""

    def __init__(self, work: Work, pace: Pace, store: ObjectStore, containers: Sequence[Container]) -> None:
        self._work = work
        self._pace = pace
        self._store = store
        self._containers = containers
        self._slots = asyncio.Semaphore(pace.concurrency)

    async def transform(self, entry: Entry, target: str) -> None:
        """Write the output object, or nothing. Raises BatchFault (the data) or NoAnswer (the model)."""
        scratch: Path | None = None
        try:
            bucket, key = self._store.locate(target)
            scratch = await asyncio.to_thread(self._store.scratch, bucket)
            content_type = await self._through(entry, scratch)
            about = About(self._work.accept or content_type)
            await asyncio.to_thread(self._store.keep, bucket, key, scratch, about)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BatchFault(
                f"{entry.uri} cannot be decompressed: {error}.", hint="CompressionType says Gzip."
            ) from error
        except OSError as error:  # deleted meanwhile, or a full disk
            raise BatchFault(f"{entry.uri} could not be read, or its output not written: {error}.") from error
        except Fault as fault:  # the bucket of the output is gone
            raise BatchFault(f"{target} cannot be written: {fault.message} ({fault.code}).") from fault
        finally:
            if scratch is not None:
                await asyncio.to_thread(scratch.unlink, missing_ok=True)

    async def _through(self, entry: Entry, scratch: Path) -> str:
        """Returns the content type of the last answer."""
        pace, sent, kind = self._pace, deque[asyncio.Task[tuple[bytes, str]]](), ""
        with _opened(entry.path, self._work.compressed) as data, scratch.open("wb") as output:
            found = payloads(data, self._work.split, single=pace.single, limit=pace.payload_bytes)
            try:
                while True:
                    # A place first, then the payload: so many are in memory, and no more.
                    await self._slots.acquire()
                    payload = None
                    try:
                        payload = await asyncio.to_thread(next, found, None)
                    finally:
                        if payload is None:
                            self._slots.release()
                    if payload is not None:
                        task = asyncio.create_task(self._one(payload))
                        # Not by the task itself: it may be cancelled before its first step.
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
        """The output of one payload, and its content type."""
        processing = self._work.processing
        body = await asyncio.to_thread(processing.prepare, payload)
        answer, kind = await self._ask(body)
        output = await asyncio.to_thread(processing.finish, payload, answer)
        return output + (b"\n" if self._work.newline and not output.endswith(b"\n") else b""), kind

    async def _ask(self, body: bytes) -> tuple[bytes, str]:
        """Through all containers of the model, one after the other."""
        kind = self._work.content_type
        for container in self._containers:
            headers = [("Content-Type", kind)] if kind else []
            headers += [("Accept", self._work.accept)] if self._work.accept else []
            body, kind = await self._send(container, Asked("POST", "/invocations", headers, body))
        return body, kind

    async def _send(self, container: Container, asked: Asked) -> tuple[bytes, str]:
        """Again after a broken connection, a time-out, a 5xx or a 429, as often as the job allows. Raises NoAnswer."""
        wait = FIRST_PAUSE_S
        for tries_left in range(self._work.retries, -1, -1):
            try:
                answer = await container.send(asked, timeout_s=self._work.timeout_s, most=LARGEST_ANSWER)
            except TimeoutError:
                refused = _silent(f"no answer within {self._work.timeout_s:g} s", "Raise InvocationsTimeoutInSeconds.")
            except ContainerGone as error:
                refused = _silent(str(error), "")
            except AnswerTooLarge as error:
                raise NoAnswer(_silent(f"an answer of {error}", "")) from error
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
        fault = BatchFault(f"the container answered {status}: {said}")
        return Refused(fault, [f"ClientError: {status}", "", "Message:", *said.splitlines()])
    fault = BatchFault(f"the container answered {status}: {said}", blame="AlgorithmError")
    return Refused(fault, [f"Bad HTTP status received from algorithm: {status}", *said.splitlines()])


def _silent(what: str, hint: str) -> Refused:
    fault = BatchFault(f"the container did not answer: {what}.", hint=hint, blame="AlgorithmError")
    return Refused(fault, [f"Unable to get an answer from the algorithm: {what}"])


def _opened(path: Path, compressed: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(path)) if compressed else path.open("rb")
