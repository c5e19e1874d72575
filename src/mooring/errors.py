"""Every error that Mooring raises on purpose. Knows no HTTP and no exit codes.

    MooringError
    ├── RequestError            the request is at fault; the server goes on
    │   ├── InvalidRequest      not JSON, a wrong type, a wrong value; points at the field
    │   ├── PayloadTooLarge     more bytes or more windows than one request may have
    │   ├── BodyTooSlow         the body did not arrive in time
    │   ├── UnsupportedMediaType  the body's content type cannot be read
    │   ├── NotLoaded           a multi-model server has no model of that name
    │   ├── AlreadyLoaded       it has one already
    │   ├── ModelRefused        it was asked to load a model that cannot be served
    │   └── NotAcceptable       the answer cannot be written as the caller accepts it
    ├── RefusedError            the request is fine, now is not the time
    │   ├── QueueFull           too much work is waiting; says when to come back
    │   ├── NotReady            the model does not answer (yet, or any more)
    │   ├── Draining            the server is going down
    │   ├── NoMemory            another model would not fit
    │   ├── DeadlineExceeded    the answer would come too late
    │   └── ClientGone          nobody waits for the answer any more
    ├── ModelError              the model cannot be served
    │   ├── ModelNotFound       there is no such folder, archive or Hub repository
    │   ├── ModelIncomplete     files are missing, by name
    │   ├── ModelInvalid        a file is there and says something impossible
    │   ├── ModelUnsupported    a family or task that Mooring does not know
    │   ├── ModelChanged        the files are not those that are being served
    │   ├── UnsafeWeights       pickle: reading it would run code
    │   ├── HandlerError        the model's own code cannot be imported or called
    │   └── HubError            the Hub did not hand over the model
    │       └── HubRefused      and retrying will not help
    ├── BackendError            the engine failed on a batch: our fault
    ├── HandlerFailed           the model's own code raised while it answered
    ├── BuildError              `moor build` cannot make what was asked for
    ├── BenchError              a load or evaluation run cannot start or go on
    ├── ClientError             a running server refused a request or did not answer
    ├── DeployError             a deployment cannot be made, changed, used or removed
    │   ├── AccountError        credentials, region, role or permission stand in the way
    │   ├── NameTaken           something that Mooring did not make has that name
    │   ├── EndpointFailed      SageMaker could not bring the endpoint up; has its reason and the end of its log
    │   └── InvokeError         an endpoint did not answer
    ├── ListenError             the address to serve at cannot be had now
    ├── RunnerError             `moor local` cannot start a container
    └── UsageError              a setting or an argument has an impossible value

`message` says what happened and the value seen; `hint` says what to try next.
"""

ECHO_LIMIT = 80
"""Characters of a caller's value that an error message may repeat."""


def echo(value: object) -> str:
    """The value as an error message may show it: its repr, cut to `ECHO_LIMIT` characters.

    The work is bounded as well: a value of 20 MB is not written out for the sake of 80 characters.
    """
    text = _written(value, ECHO_LIMIT)
    return text if len(text) <= ECHO_LIMIT else text[: ECHO_LIMIT - 1] + "…"


def _written(value: object, room: int) -> str:
    """At least the first `room` characters of the repr of what JSON can hold, and not much more."""
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
    """Base of all of them."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class RequestError(MooringError):
    """The request is at fault."""


class InvalidRequest(RequestError):
    """The body cannot be understood. `pointer` is a JSON pointer (RFC 6901) to the field, "" for the whole body."""

    def __init__(self, message: str, *, pointer: str = "", hint: str = "") -> None:
        super().__init__(f"{pointer}: {message}" if pointer else message, hint=hint)
        self.pointer = pointer
        self.reason = message
        """The message without the pointer."""


class PayloadTooLarge(RequestError):
    """The request is larger than one request may be; the message names the size and the limit."""


class BodyTooSlow(RequestError):
    """The body did not arrive within the time that one may take."""


class UnsupportedMediaType(RequestError):
    """The body's content type is not one we read."""


class NotAcceptable(RequestError):
    """No content type that the caller accepts can hold the answer."""


class NotLoaded(RequestError):
    """The multi-model server has no model of that name."""


class AlreadyLoaded(RequestError):
    """The multi-model server has a model of that name already."""


class ModelRefused(RequestError):
    """A multi-model server was asked to load a model that cannot be served; the message says why."""


class RefusedError(MooringError):
    """The request is fine but is not served now."""


class QueueFull(RefusedError):
    """Too much work is waiting. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, message: str, *, retry_after: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = max(1, retry_after)


class NotReady(RefusedError):
    """The model does not answer; the message says why."""


class Draining(RefusedError):
    """The server finishes what it has and takes nothing new."""


class NoMemory(RefusedError):
    """Another model would not fit into memory: unload one first."""


class DeadlineExceeded(RefusedError):
    """The request's deadline passed before its answer was ready."""


class ClientGone(RefusedError):
    """The caller went away; nobody will read this."""


class ModelError(MooringError):
    """The model cannot be served."""


class ModelNotFound(ModelError):
    """There is nothing where the model should be."""


class ModelIncomplete(ModelError):
    """The folder lacks files. `missing` names them."""

    def __init__(self, message: str, *, missing: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.missing = missing


class ModelInvalid(ModelError):
    """A file of the model is damaged or contradicts another one."""


class ModelUnsupported(ModelError):
    """The model is sound but of a family or task that Mooring does not know."""


class ModelChanged(ModelError):
    """The model's files, or its own code, are not those that are being served."""


class UnsafeWeights(ModelError):
    """The weights are pickled; loading them would run code of unknown origin."""


class HandlerError(ModelError):
    """The model's own code cannot be imported or called; the message has file and line."""


class HubError(ModelError):
    """The Hugging Face Hub did not hand over the model."""


class HubRefused(HubError):
    """The Hub has no such model or denies access to it, or offline mode is on. Retrying does not help."""


class BackendError(MooringError):
    """The engine failed on a batch. Never the caller's fault."""


class HandlerFailed(MooringError):
    """The model's own code raised while it answered. `status` is HTTP's, if it said one.

    The log has the exception's message, file and line; the caller gets the message only of exceptions made for callers.
    """

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class BuildError(MooringError):
    """`moor build` cannot make what was asked for."""


class BenchError(MooringError):
    """A load or evaluation run cannot start or go on."""


class ClientError(MooringError):
    """A running server refused a request or did not answer. `status` is HTTP's, 0 if there was no answer.

    `reason` is the server's own message, or says why there is no answer; `request_id` names the request in its log.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", request_id: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason
        self.request_id = request_id


class DeployError(MooringError):
    """A deployment cannot be made, changed, used or removed."""


class AccountError(DeployError):
    """Credentials, region, role or permission stand in the way."""


class NameTaken(DeployError):
    """Something that Mooring did not make has the name already; it is left alone."""


class EndpointFailed(DeployError):
    """SageMaker could not bring the endpoint up. `reason` is its own; `log` the last lines of the endpoint's log."""

    def __init__(self, message: str, *, reason: str = "", log: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.log = log


class InvokeError(DeployError):
    """An endpoint did not answer. `status` is the model's own where it has one, else the platform's; 0: neither."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class ListenError(MooringError):
    """The address to serve at cannot be had now: most often another program listens there."""


class RunnerError(MooringError):
    """`moor local` cannot start a container, or a process in its place."""


class UsageError(MooringError):
    """A setting or an argument has an impossible value."""
