"""`Predictor`: call a SageMaker endpoint. Checks sizes before a call and retries busy endpoints within a budget."""

import asyncio
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from mooring.deploy import answer
from mooring.deploy.answer import Answer, AsyncAnswer, Retries, was_lost, worth_it
from mooring.deploy.faults import in_words, of_answer, of_client
from mooring.deploy.session import Place, Session
from mooring.deploy.spec import LIMITS, Kind
from mooring.deploy.wait import Clock
from mooring.errors import DeadlineExceeded, InvokeError, PayloadTooLarge, UsageError, echo

JSON = "application/json"
PATIENCE_S = 70.0
"""Timeout for an answer: SageMaker itself gives a model 60 s."""


class Routing(TypedDict, total=False):
    """Routing of a request within the endpoint, with the SageMaker SDK's names."""

    target_model: str | None
    target_variant: str | None
    inference_id: str | None
    custom_attributes: str | None
    component_name: str | None
    session_id: str | None
    initial_args: Mapping[str, Any] | None
    """Arguments of boto3's `invoke_endpoint`."""
    deadline_s: float | None
    """For the whole call, with retries and pauses; an attempt may take at least a second."""


_MEMBERS = {
    "target_model": "TargetModel",
    "target_variant": "TargetVariant",
    "inference_id": "InferenceId",
    "custom_attributes": "CustomAttributes",
    "component_name": "InferenceComponentName",
    "session_id": "SessionId",
}


@dataclass
class Predictor:
    """A client for an endpoint. Safe to share among threads."""

    endpoint_name: str
    session: Session = field(default_factory=Session, repr=False)
    retries: Retries = field(default_factory=Retries)
    target_model: str | None = None
    """Default model of a multi-model endpoint."""
    clock: Clock = field(default_factory=Clock, repr=False)
    _kind: Kind | None = field(default=None, repr=False)

    @classmethod
    def at(
        cls,
        endpoint_name: str,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
    ) -> "Predictor":
        """A predictor for an endpoint, with the given region, profile or endpoint_url."""
        return cls(endpoint_name, Session(Place(region, profile, endpoint_url)))

    def predict(self, data: Any, **routing: Unpack[Routing]) -> Any:
        """Send `data` as JSON (bytes and text unchanged) and decode the answer.

        Question-answering models return an `Answer` or a list of them, other models their decoded JSON.
        Raises InvokeError, DeadlineExceeded, or PayloadTooLarge before anything is sent.
        """
        body, content_type = _encoded(data)
        self._check_size(len(body))
        request = {"EndpointName": self.endpoint_name, "Body": body, "ContentType": content_type, "Accept": JSON}
        request |= self._routed(routing)
        response = self._patiently(request, routing.get("deadline_s"))
        return _decoded(response["Body"].read(), response.get("ContentType", JSON))

    async def apredict(self, data: Any, **routing: Unpack[Routing]) -> Any:
        """`predict` in a thread, without blocking the event loop."""
        return await asyncio.to_thread(self.predict, data, **routing)

    def ask(self, question: str, context: str, **routing: Unpack[Routing]) -> Answer:
        """Ask one question. Raises InvokeError if the answer is not an `Answer`."""
        said = self.predict({"inputs": {"question": question, "context": context}}, **routing)
        if isinstance(said, Answer):
            return said
        raise InvokeError(
            f"The endpoint {self.endpoint_name} did not return an answer to a question: {echo(said)}.",
            hint="Use predict() for models with other tasks.",
        )

    def predict_async(self, data: Any = None, input_path: str | None = None, **routing: Unpack[Routing]) -> AsyncAnswer:
        """Send a request to an asynchronous endpoint: `data`, or an existing S3 object at `input_path`.

        Returns at once; `.result()` waits for the answer.
        """
        if (data is None) == (input_path is None):
            raise UsageError("predict_async takes either data or input_path.", hint="Pass exactly one of them.")
        body, content_type = _encoded(data)
        if input_path is None:
            self._check_size(len(body))
            input_path = self._put(body, content_type)
        request = {
            "EndpointName": self.endpoint_name,
            "InputLocation": input_path,
            "ContentType": content_type,
            "Accept": JSON,
        } | self._routed(routing)
        with in_words(f"Sending a request to the endpoint {self.endpoint_name}"):
            said = self.session.client("sagemaker-runtime").invoke_endpoint_async(**request)
        return AsyncAnswer(self.session, said["InferenceId"], said["OutputLocation"], said.get("FailureLocation"))

    def delete_endpoint(self, delete_endpoint_config: bool = True) -> None:
        """Delete the endpoint and its configuration. `moor destroy` removes everything that `moor deploy` created."""
        sagemaker = self.session.client("sagemaker")
        with in_words(f"Deleting the endpoint {self.endpoint_name}"):
            config = self._endpoint()["EndpointConfigName"]
            sagemaker.delete_endpoint(EndpointName=self.endpoint_name)
            if delete_endpoint_config:
                sagemaker.delete_endpoint_config(EndpointConfigName=config)

    def delete_model(self) -> None:
        """Delete the models that the endpoint's configuration names. Call it before `delete_endpoint`."""
        sagemaker = self.session.client("sagemaker")
        with in_words(f"Deleting the models of {self.endpoint_name}"):
            for variant in self._config().get("ProductionVariants", ()):
                sagemaker.delete_model(ModelName=variant["ModelName"])

    @property
    def kind(self) -> Kind:
        """The kind of endpoint, looked up once."""
        if self._kind is None:
            with in_words(f"Looking at the endpoint {self.endpoint_name}"):
                config = self._config()
            variant = config["ProductionVariants"][0]
            if config.get("AsyncInferenceConfig"):
                self._kind = "async"
            else:
                self._kind = "serverless" if variant.get("ServerlessConfig") else "real-time"
        return self._kind

    def _endpoint(self) -> Mapping[str, Any]:
        sagemaker = self.session.client("sagemaker")
        found: Mapping[str, Any] = sagemaker.describe_endpoint(EndpointName=self.endpoint_name)
        return found

    def _config(self) -> Mapping[str, Any]:
        name = self._endpoint()["EndpointConfigName"]
        config: Mapping[str, Any] = self.session.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
        return config

    def _check_size(self, size: int) -> None:
        """Check against the limit of the endpoint's kind, which is looked up only above the smallest limit."""
        if size <= min(limits.request_bytes for limits in LIMITS.values()):
            return
        limit = LIMITS[self.kind].request_bytes
        if size > limit:
            raise PayloadTooLarge(
                f"The request has {size:,} bytes; the limit of a {self.kind} endpoint is {limit:,}.",
                hint="Split it, or deploy with --async, which allows 1 GB through S3.",
            )

    def _routed(self, routing: Routing) -> dict[str, Any]:
        for name in routing:
            if name not in Routing.__annotations__:
                raise UsageError(
                    f"Unknown argument {name}.", hint=f"Known arguments: {', '.join(Routing.__annotations__)}."
                )
        given: dict[str, Any] = {"target_model": self.target_model, **routing}
        members = {member: given[key] for key, member in _MEMBERS.items() if given.get(key) is not None}
        return {**members, **(routing.get("initial_args") or {})}

    def _put(self, body: bytes, content_type: str) -> str:
        """Upload the request to S3, beside the endpoint's answers."""
        with in_words(f"Looking at the endpoint {self.endpoint_name}"):
            config = self._config().get("AsyncInferenceConfig")
        if not config:
            raise InvokeError(f"The endpoint {self.endpoint_name} is not asynchronous.", hint="Use predict() instead.")
        place = config["OutputConfig"]["S3OutputPath"].removeprefix("s3://")
        bucket, _, prefix = place.partition("/")
        key = f"{prefix.rstrip('/')}/requests/{uuid.uuid4()}".lstrip("/")
        with in_words("Uploading the request"):
            self.session.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
        return f"s3://{bucket}/{key}"

    def _patiently(self, request: Mapping[str, Any], deadline_s: float | None) -> Mapping[str, Any]:
        """Invoke, and retry while the endpoint is busy and budget and deadline allow it."""
        began, waited, attempt = self.clock.now(), 0.0, 0
        while True:
            attempt += 1
            left = math.inf if deadline_s is None else began + deadline_s - self.clock.now()
            if left <= 0:
                raise self._late(deadline_s)
            error, again = self._once(request, min(PATIENCE_S, left))
            if not isinstance(error, Exception):
                return error
            if deadline_s is not None and self.clock.now() - began >= deadline_s and not isinstance(error, InvokeError):
                raise self._late(deadline_s) from error
            pause = self.retries.pause(attempt)
            if not again or waited + pause > self.retries.budget_s:
                raise error
            left = math.inf if deadline_s is None else began + deadline_s - self.clock.now()
            if pause >= left:
                raise DeadlineExceeded(
                    f"The endpoint {self.endpoint_name} was busy for {deadline_s:g} s.", hint="Try again later."
                ) from error
            self.clock.sleep(pause)
            waited += pause

    def _late(self, deadline_s: float | None) -> DeadlineExceeded:
        return DeadlineExceeded(
            f"The endpoint {self.endpoint_name} did not answer within {deadline_s or 0:g} s.",
            hint="Use a longer deadline_s, or check the endpoint's load.",
        )

    def _once(self, request: Mapping[str, Any], patience_s: float) -> tuple[Mapping[str, Any] | Exception, bool]:
        """The response, or the error to raise and whether a retry may help."""
        from botocore.exceptions import BotoCoreError, ClientError

        # botocore's own retries would multiply ours.
        runtime = self.session.client("sagemaker-runtime", read_timeout_s=max(1.0, math.ceil(patience_s)), attempts=1)
        try:
            response: Mapping[str, Any] = runtime.invoke_endpoint(**request)
        except ClientError as error:
            return self._refusal(error.response), _again(error.response)
        except BotoCoreError as error:
            return of_client(f"Calling the endpoint {self.endpoint_name}", error), was_lost(error)
        return response, False

    def _refusal(self, response: Mapping[str, Any]) -> Exception:
        fault = response.get("Error", {})
        code, said = str(fault.get("Code", "")), str(fault.get("Message", "")).rstrip(".")
        original = response.get("OriginalStatusCode")
        if code == "ModelError":
            body = str(response.get("OriginalMessage") or said)
            return InvokeError(
                f"The model answered {original}: {_words(body)}",
                status=int(original or 0),
                code=code,
                hint=f"See its log: /aws/sagemaker/Endpoints/{self.endpoint_name}.",
            )
        if code == "ValidationError" and "not found" in said:
            hint = f"Check the name and the region ({self.session.region}): aws sagemaker list-endpoints."
            return InvokeError(f"{said}.", status=400, code=code, hint=hint)
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        known = of_answer(f"Calling the endpoint {self.endpoint_name}", response)
        return InvokeError(known.message, status=status, code=code, hint=known.hint)


def _again(response: Mapping[str, Any]) -> bool:
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    original = response.get("OriginalStatusCode")
    return worth_it(status, None if original is None else int(original), str(response.get("Error", {}).get("Code", "")))


def _words(body: str) -> str:
    """The message and request id of an error from Mooring's server; the whole body otherwise."""
    try:
        said = json.loads(body)
        return f"{said['message']} (request {said['request_id']})"
    except (ValueError, TypeError, KeyError):
        return body


def _encoded(data: Any) -> tuple[bytes, str]:
    """Body and content type. Bytes and text are sent unchanged; anything else is encoded as JSON."""
    if isinstance(data, bytes | bytearray):
        return bytes(data), JSON
    if isinstance(data, str):
        return data.encode(), JSON
    try:
        return json.dumps(data, ensure_ascii=False).encode(), JSON
    except (TypeError, ValueError) as error:
        raise UsageError(f"The request cannot be encoded as JSON: {error}.") from error


def _decoded(body: bytes, content_type: str) -> Any:
    if content_type.partition(";")[0].strip() != JSON:
        return body.decode(errors="replace") if content_type.startswith("text/") else body
    return answer.decoded(body)
