"""InvokeEndpointWithResponseStream: forward a container's response as a stream of events."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import Receive, Send

from mooring_local.runners.client import Asked, ContainerGone, Head, NobodyListens
from mooring_local.runtime import model_error
from mooring_local.runtime.event_stream import CONTENT_TYPE, exception, payload_part
from mooring_local.runtime.invoke import PATH
from mooring_local.runtime.limits import Limits
from mooring_local.runtime.request import Request
from mooring_local.runtime.routing import Route, headers_for, headers_from
from mooring_local.wire.faults import Fault

TOO_SLOW = "Your model {container} did not complete sending the inference response in the allotted time."
BROKEN = "The container {container} did not complete its response: {why}."


async def stream(route: Route, request: Request, limits: Limits, receive: Receive, send: Send) -> None:
    """Stream the response. Raises Fault until the first byte is sent; later errors become events."""
    if len(route.hops) > 1 or request.get("TargetModel") is not None:
        raise Fault("ValidationError", "Response streaming needs an endpoint with one container and one model.")
    asked = Asked("POST", PATH, headers_for(request), request.body)
    until = asyncio.get_running_loop().time() + limits.stream_s
    with route.engaged():
        async with _opened(route, asked, until) as (head, pieces):
            await send({"type": "http.response.start", "status": 200, "headers": _headers(route, head)})
            await _until_gone(_pass_on(route.hops[0][0], pieces, until, send), receive)


@asynccontextmanager
async def _opened(route: Route, asked: Asked, until: float) -> AsyncIterator[tuple[Head, AsyncIterator[bytes]]]:
    """The head of a 2xx response. Raises ModelError or ServiceUnavailable."""
    name, container = route.hops[0]
    context = container.client.open(asked)
    try:
        async with asyncio.timeout_at(until):
            head, pieces = await context.__aenter__()
    except TimeoutError:
        raise model_error.timed_out(route.live, name) from None
    except NobodyListens:
        raise Fault("ServiceUnavailable", f"Container {name} is not listening; it will be replaced.", 503) from None
    except ContainerGone as error:
        raise model_error.broke_off(route.live, name, str(error)) from None
    try:
        if not 200 <= head.status < 300:
            raise model_error.refused(route.live, name, head.status, await _whole(pieces, until))
        yield head, pieces
    finally:
        await context.__aexit__(None, None, None)


async def _whole(pieces: AsyncIterator[bytes], until: float) -> bytes:
    """The body of an error response, up to the quoted length."""
    found = b""
    try:
        async with asyncio.timeout_at(until):
            async for piece in pieces:
                found += piece
                if len(found) > model_error.LONGEST:
                    break
    except (TimeoutError, ContainerGone):
        pass
    return found


async def _pass_on(container: str, pieces: AsyncIterator[bytes], until: float, send: Send) -> None:
    failed = b""
    try:
        async with asyncio.timeout_at(until):
            async for piece in pieces:
                await send({"type": "http.response.body", "body": payload_part(piece), "more_body": True})
    except TimeoutError:
        message = TOO_SLOW.format(container=container)
        failed = _model_stream_error(message, "ModelInvocationTimeExceeded")
    except ContainerGone as error:
        failed = _model_stream_error(BROKEN.format(container=container, why=error), "StreamBroken")
    await send({"type": "http.response.body", "body": failed, "more_body": False})


def _model_stream_error(message: str, code: str) -> bytes:
    return exception("ModelStreamError", {"Message": message, "ErrorCode": code})


async def _until_gone(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Run `work` until done, or cancel it when the caller disconnects."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(receive())
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def _headers(route: Route, head: Head) -> list[tuple[bytes, bytes]]:
    found = [("content-type", CONTENT_TYPE), *headers_from(route, head.headers)]
    if kind := head.headers.get("content-type"):
        found.append(("X-Amzn-SageMaker-Content-Type", kind))
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in found]
