"""Every error that Mooring raises deliberately. Independent of HTTP status codes and exit codes.

`message` says what went wrong and the value seen; `hint` says what to do next.
"""

ECHO_LIMIT = 80
"""Characters of a caller's value that an error message may repeat."""


def echo(value: object) -> str:
    """The value's repr for an error message, cut to `ECHO_LIMIT` characters. The work is bounded as well."""
    text = _written(value, ECHO_LIMIT)
    return text if len(text) <= ECHO_LIMIT else text[: ECHO_LIMIT - 1] + "…"


def _written(value: object, room: int) -> str:
    """At least the first `room` characters of the repr of a JSON value, and not many more."""
    if isinstance(value, (str, bytes)):
        return repr(value[: room + 1])
    if isinstance(value, int) and value.bit_length() > 4 * ECHO_LIMIT:
        return f"a whole number of {value.bit_length()} bits"
    if not isinstance(value, (list, tuple, dict)):
        return repr(value)
    text = opening = "{" if isinstance(value, dict) else "[" if isinstance(value, list) else "("
    for part in value:
        if len(text) > room:
            return text
        text += ", " if text != opening else ""
        text += _written(part, room - len(text))
        if isinstance(value, dict) and len(text) <= room:
            text += ": " + _written(value[part], room - len(text))
    return text + {"{": "}", "[": "]", "(": ")"}[opening]


class MooringError(Exception):
    """Base of all errors."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class RequestError(MooringError):
    """The request is at fault."""


class InvalidRequest(RequestError):
    """The body is invalid. `pointer` is a JSON pointer (RFC 6901) to the field, "" for the whole body."""

    def __init__(self, message: str, *, pointer: str = "", hint: str = "") -> None:
        super().__init__(f"{pointer}: {message}" if pointer else message, hint=hint)
        self.pointer = pointer
        self.reason = message
        """The message without the pointer."""


class PayloadTooLarge(RequestError):
    """The request is too large; the message has its size and the limit."""


class BodyTooSlow(RequestError):
    """The body did not arrive within the time limit."""


class UnsupportedMediaType(RequestError):
    """The body's content type is not supported."""


class NotAcceptable(RequestError):
    """The answer is not available in a content type that the caller accepts."""


class NotOffered(RequestError):
    """The route is for a task that this model does not offer."""


class CallerRefused(RequestError):
    """The request comes from a web page of another site, or calls the server by a name that is not allowed."""


class NotLoaded(RequestError):
    """The multi-model server has no model of that name."""


class AlreadyLoaded(RequestError):
    """The multi-model server already has a model of that name."""


class ModelRefused(RequestError):
    """A multi-model server was asked to load a model that cannot be served; the message says why."""


class RefusedError(MooringError):
    """The request is valid, but cannot be served now."""


class QueueFull(RefusedError):
    """The queue is full. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, message: str, *, retry_after: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = max(1, retry_after)


class NotReady(RefusedError):
    """The model is not ready; the message says why."""


class Draining(RefusedError):
    """The server finishes its requests and accepts no new ones."""


class NoMemory(RefusedError):
    """Another model would not fit into memory."""


class DeadlineExceeded(RefusedError):
    """The request's deadline passed before its answer was ready."""


class ClientGone(RefusedError):
    """The client disconnected, so nobody will read the answer."""


class ModelError(MooringError):
    """The model cannot be served."""


class ModelNotFound(ModelError):
    """There is no model at that place."""


class ModelIncomplete(ModelError):
    """The folder lacks files. `missing` names them."""

    def __init__(self, message: str, *, missing: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.missing = missing


class ModelInvalid(ModelError):
    """A file of the model is damaged or contradicts another one."""


class ModelUnsupported(ModelError):
    """Mooring does not support the model's family or task."""


class ModelChanged(ModelError):
    """The model's files or its own code have changed since they were loaded."""


class UnsafeWeights(ModelError):
    """The weights are pickle files; loading one can run arbitrary code."""


class HandlerError(ModelError):
    """The model's own code cannot be imported or called; the message has file and line."""


class HubError(ModelError):
    """The Hugging Face Hub did not deliver the model."""


class HubRefused(HubError):
    """The Hub has no such model or denies access to it, or offline mode is on. Retrying does not help."""


class BackendError(MooringError):
    """The engine failed on a batch; not the caller's fault."""


class HandlerFailed(MooringError):
    """The model's own code raised while answering. `status` is the HTTP status that it chose, if any.

    The log has the exception's message, file and line. The caller gets the message only if the exception is meant for
    callers.
    """

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class BuildError(MooringError):
    """`moor build` failed."""


class BenchError(MooringError):
    """A load or evaluation run cannot start or continue."""


class BatchError(MooringError):
    """A batch job cannot start or continue. What it has written stays valid."""


class UnreadableShard(BatchError):
    """A range of a batch job's records cannot be read. The others can still be answered."""


class ClientError(MooringError):
    """A running server refused a request or did not answer. `status` is the HTTP status, 0 without an answer.

    `reason` is the server's message, or why there was no answer; `request_id` identifies the request in its log.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", request_id: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason
        self.request_id = request_id


class DeployError(MooringError):
    """A deployment cannot be created, changed, used or removed."""


class AccountError(DeployError):
    """Credentials, region, role or permissions are wrong or missing."""


class NameTaken(DeployError):
    """The name belongs to a resource that Mooring did not create, and does not touch."""


class EndpointFailed(DeployError):
    """SageMaker could not start the endpoint. `reason` is SageMaker's, `log` the last lines of the endpoint's log."""

    def __init__(self, message: str, *, reason: str = "", log: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.log = log


class InvokeError(DeployError):
    """An endpoint did not answer. `status` is the HTTP status of the model or else the platform; 0 without one."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class ListenError(MooringError):
    """The server cannot listen on its address; most often another program does."""


class RunnerError(MooringError):
    """`moor local` cannot start a container, or a process instead of one."""


class UsageError(MooringError):
    """A setting or an argument has an invalid value."""
