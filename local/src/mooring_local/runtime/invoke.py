"""InvokeEndpoint: send one request through the containers of one instance."""

from dataclasses import dataclass
from functools import partial

from mooring_local.runners.client import Answer, AnswerTooLarge, Asked, ContainerGone, NobodyListens
from mooring_local.runners.launch import Launched
from mooring_local.runtime import model_error
from mooring_local.runtime.limits import Limits
from mooring_local.runtime.models import Models
from mooring_local.runtime.request import Request
from mooring_local.runtime.routing import Route, headers_for
from mooring_local.wire.faults import Fault

PATH = "/invocations"


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeout and response limits."""

    seconds: float
    answer_bytes: int
    needs_length: bool = False
    """Require Content-Length in the response, as SageMaker does for asynchronous requests."""


def check_size(route: Route, request: Request, limits: Limits) -> None:
    """Raise Fault for a body over the limit of this kind of endpoint."""
    if route.variant.serverless is not None:
        if request.size > limits.serverless_body:
            raise Fault("ValidationError", f"Request {request.request_id} has oversize body.")
    elif request.size > limits.body:
        raise Fault("RequestEntityTooLargeException", f"HTTP content length exceeded {limits.body} bytes.", 413)


async def invoke(route: Route, request: Request, models: Models, patience: Patience) -> Answer:
    """The last container's 2xx response. Raises Fault: ModelError, ServiceUnavailable, ModelNotReadyException."""
    headers, body = headers_for(request), request.body
    with route.engaged():
        for name, container in route.hops:
            ask, asked = partial(_ask, route, name, container, patience), Asked("POST", PATH, headers, body)
            target = request.get("TargetModel")
            answer = await (ask(asked) if target is None else models.invoke(route, target, asked, ask))
            if not 200 <= answer.status < 300:
                raise model_error.refused(route.live, name, answer.status, answer.body)
            if patience.needs_length and "content-length" not in answer.headers:
                why = f"The response from container {name} did not specify the required Content-Length header"
                raise model_error.broke_off(route.live, name, why)
            body = answer.body
            kind = answer.headers.get("content-type")
            headers = [(one, value) for one, value in headers if one != "Content-Type"]
            headers += [("Content-Type", kind)] if kind else []
    return answer


async def _ask(route: Route, name: str, container: Launched, patience: Patience, asked: Asked) -> Answer:
    try:
        return await container.client.send(asked, timeout_s=patience.seconds, most=patience.answer_bytes)
    except TimeoutError:
        raise model_error.timed_out(route.live, name) from None
    except NobodyListens:
        message = f"Container {name} of variant {route.variant.name} is not listening; it will be replaced."
        raise Fault("ServiceUnavailable", message, 503) from None
    except ContainerGone as error:
        raise model_error.broke_off(route.live, name, str(error)) from None
    except AnswerTooLarge:
        raise model_error.too_large(route.live, name, patience.answer_bytes) from None
