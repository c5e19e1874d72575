"""Batch transform: a body of many records in, an answer or an error for each of them out, in order.

Used by `invocations.py` when the platform says that this is a batch job. Each record is a request of its own to the
engine, which batches them; one that is at fault does not fail the others, and a full queue is waited for, not refused.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from mooring.engine.job import Answered
from mooring.errors import InvalidRequest, MooringError, QueueFull
from mooring.web.service import Service
from mooring.web.status import describe

AT_ONCE = 256
"""Records in the engine at the same time: more make no batch fuller, and each holds its windows in memory."""
AGAIN_S = 0.05
"""Between two attempts to get into a full queue."""


@dataclass(frozen=True, slots=True)
class Batch:
    """All records' answers."""

    answers: list[object]
    windows: int
    failed: int
    """Records whose answer is an error."""


async def answer_records(
    service: Service, records: Iterable[object | InvalidRequest], deadline_s: float, request_id: str
) -> Batch:
    """Answer every record within the deadline, which holds for all of them together."""
    end = asyncio.get_running_loop().time() + deadline_s
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(record: object | InvalidRequest) -> Answered | dict[str, object]:
        try:
            if isinstance(record, InvalidRequest):
                raise record
            request = service.parse(record)
            async with turn:
                return await wait_for_room(service, request, end)
        except MooringError as error:
            body = describe(error, request_id)
            return {"error": {"code": body.code, "type": body.type, "message": body.message}}

    found = await asyncio.gather(*(one(record) for record in records))
    answered = [entry for entry in found if isinstance(entry, Answered)]
    answers = [entry.answer if isinstance(entry, Answered) else entry for entry in found]
    return Batch(answers, sum(entry.windows for entry in answered), len(found) - len(answered))


async def wait_for_room(service: Service, request: object, end: float) -> Answered:
    """As `Service.answer`, but a full queue is waited for until `end` on the loop's clock."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return await service.answer(request, max(0.001, end - loop.time()))
        except QueueFull:
            if loop.time() + AGAIN_S >= end:
                raise
            await asyncio.sleep(AGAIN_S)
