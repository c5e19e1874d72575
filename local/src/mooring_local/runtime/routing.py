"""Pick the container for a request, and translate headers between caller and container."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mooring_local.fleet.instance import Instance
from mooring_local.fleet.live import LiveEndpoint
from mooring_local.fleet.variant import Variant
from mooring_local.runners.launch import Launched
from mooring_local.runtime.request import Request
from mooring_local.wire.faults import Fault

NEW_SESSION = "NEW_SESSION"
TO_CONTAINER: Mapping[str, str] = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}
"""Parameter → header for the container. As on SageMaker, the caller's other headers are dropped."""

_FROM_CONTAINER: Mapping[str, str] = {
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
    "x-amzn-sagemaker-closed-session-id": "X-Amzn-SageMaker-Closed-Session-Id",
    # Containers use either name to open a session; callers expect the second.
    "x-amzn-sagemaker-session-id": "X-Amzn-SageMaker-New-Session-Id",
    "x-amzn-sagemaker-new-session-id": "X-Amzn-SageMaker-New-Session-Id",
}


@dataclass(frozen=True, slots=True)
class Route:
    """The containers for a request."""

    live: LiveEndpoint
    variant: Variant
    instance: Instance
    hops: Sequence[tuple[str, Launched]]
    """Names and containers, in the order of the pipeline."""

    @contextmanager
    def engaged(self) -> Iterator[None]:
        """Count a request in flight on the instance."""
        self.instance.in_flight += 1
        try:
            yield
        finally:
            self.instance.in_flight -= 1


def endpoint_for(live: LiveEndpoint | None, request: Request, account: str) -> LiveEndpoint:
    """Raises Fault if the endpoint does not exist, or does not support this kind of invocation."""
    if live is None:
        raise Fault("ValidationError", f"Endpoint {request.endpoint} of account {account} not found.")
    waits = request.operation == "InvokeEndpointAsync"
    if live.asynchronous is None and waits:
        message = f"Endpoint {live.name} has no AsyncInferenceConfig: invoke it with InvokeEndpoint."
        raise Fault("ValidationError", message)
    if live.asynchronous is not None and not waits:
        message = f"Endpoint {live.name} is asynchronous: invoke it with InvokeEndpointAsync."
        raise Fault("ValidationError", message)
    return live


def route(live: LiveEndpoint, request: Request) -> Route:
    """Raises Fault: unknown variant, a header that does not apply, throttling, or no running instance."""
    session = request.get("SessionId")
    held = live.recall(session) if session and session != NEW_SESSION else None
    variant = live.pick(request.get("TargetVariant"), request.get("InferenceComponentName"))
    if held is not None and held[0] in live.variants:
        variant = live.variants[held[0]]
    model = variant.model
    if model is None:
        message = f"Variant {variant.name} has no model, and no inference component is in service on it."
        raise Fault("ValidationError", message)
    _check_target_model(model.prefix, request.get("TargetModel"), live.name)
    wanted = _container_names([part.name for part in model.parts], model.direct, request)
    if variant.serverless is not None and variant.in_flight >= variant.serverless.concurrency:
        raise Fault("ThrottlingException", f"Rate exceeded: MaxConcurrency is {variant.serverless.concurrency}.")
    instance = held[1] if held is not None else variant.pick()
    if instance is None:
        message = f"No instance of variant {variant.name} is running; it is being replaced. See its log for the reason."
        raise Fault("ServiceUnavailable", message, 503)
    return Route(live, variant, instance, [(name, instance.containers[name]) for name in wanted])


def _check_target_model(prefix: str | None, target: str | None, endpoint: str) -> None:
    if prefix is None and target is not None:
        raise Fault("ValidationError", f"TargetModel is for multi-model endpoints; {endpoint} has one model.")
    if prefix is not None and target is None:
        raise Fault("ValidationError", f"Endpoint {endpoint} is a multi-model endpoint: specify TargetModel.")


def _container_names(names: list[str], direct: bool, request: Request) -> list[str]:
    target = request.get("TargetContainerHostname")
    if not direct:
        if target is not None:
            message = "TargetContainerHostname is for multi-container endpoints with direct invocation."
            raise Fault("ValidationError", message)
        return names
    if target not in names:
        missing = "is required" if target is None else f"{target} is not one of this endpoint's containers"
        raise Fault("ValidationError", f"TargetContainerHostname {missing}: {', '.join(names)}.")
    return [target]


def headers_for(request: Request) -> list[tuple[str, str]]:
    """Headers for the container."""
    given = ((header, request.get(name)) for name, header in TO_CONTAINER.items())
    return [(header, value) for header, value in given if value is not None]


def headers_from(route: Route, answer: Mapping[str, str]) -> list[tuple[str, str]]:
    """Headers for the caller, without the content type. Records sessions that open or close."""
    found = [("x-Amzn-Invoked-Production-Variant", route.variant.name)]
    found += [(name, answer[given]) for given, name in _FROM_CONTAINER.items() if given in answer]
    named = dict(found)
    if opened := named.get("X-Amzn-SageMaker-New-Session-Id"):
        route.live.remember(opened.partition(";")[0].strip(), route.variant, route.instance)
    if closed := named.get("X-Amzn-SageMaker-Closed-Session-Id"):
        route.live.forget(closed.partition(";")[0].strip())
    return list(named.items())
