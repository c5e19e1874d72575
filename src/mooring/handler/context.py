"""Provide the `context` argument of user functions: request headers, response headers and status.

Names and signatures are those of the stock model server (`mms.context`). While the model loads the context has no
request; each call then gets its own context, with the attributes that user code set on the first.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import mooring

SERVER = "Mooring"


class Metrics:
    """Accepts the stock server's metric calls without recording them; `/metrics` has Mooring's own."""

    def add_time(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    add_counter = add_size = add_percent = add_error = add_metric = add_time


class RequestProcessor:
    """The headers of one request, and headers and status of its response."""

    def __init__(self, request_header: Mapping[str, str]) -> None:
        self._given = dict(request_header)
        self._by_name = {name.lower(): value for name, value in self._given.items()}
        self._status = 200
        self._phrase: str | None = None
        self._response: dict[str, str] = {}

    def get_request_properties(self) -> dict[str, str]:
        """All headers, named as the client wrote them."""
        return dict(self._given)

    def get_request_property(self, key: str) -> str | None:
        """One header; the name ignores case."""
        return self._by_name.get(key.lower())

    def add_response_property(self, key: str, value: str) -> None:
        """Set a header of the response."""
        self._response[key] = value

    def get_response_headers(self) -> dict[str, str]:
        """Response headers set so far."""
        return self._response

    def get_response_header(self, key: str) -> str | None:
        """One response header."""
        return self._response.get(key)

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        """Set the response status. The phrase is stored but not sent: HTTP clients use the code."""
        self._status, self._phrase = code, reason_phrase

    def get_response_status_code(self) -> int:
        """The status, 200 by default."""
        return self._status

    def get_response_status_phrase(self) -> str | None:
        """The value that was set."""
        return self._phrase


class NoRequest:
    """Placeholder for the request while the model loads."""

    def __len__(self) -> int:
        return 0

    def __getitem__(self, idx: int) -> RequestProcessor:
        raise RuntimeError("No request exists while the model loads. Use context.system_properties.")


class Context:
    """The context of one call. It has one request: every `idx` refers to it."""

    def __init__(
        self,
        model_name: str,
        model_dir: str,
        manifest: dict[str, Any] | None = None,
        batch_size: int = 1,
        gpu: int | None = None,
        mms_version: str = mooring.__version__,
    ) -> None:
        self.model_name = model_name
        self.manifest = manifest or {}
        self.system_properties: dict[str, Any] = {
            "model_dir": model_dir,
            "gpu_id": gpu,
            "batch_size": batch_size,
            "server_name": SERVER,
            "server_version": mms_version,
        }
        self.metrics: Any = Metrics()
        self.request_ids: dict[int, str] = {}
        self.request_processor: Any = NoRequest()

    def of_request(self, headers: Mapping[str, str], request_id: str) -> "Context":
        """The context of one call: its request plus the attributes of this context."""
        context = type(self).__new__(type(self))
        context.__dict__.update(self.__dict__)
        context.system_properties = dict(self.system_properties)
        context.request_processor = [RequestProcessor(headers)]
        context.request_ids = {0: request_id}
        return context

    @property
    def _request(self) -> RequestProcessor:
        found: RequestProcessor = self.request_processor[0]
        return found

    def get_request_id(self, idx: int = 0) -> str | None:
        """The id in the log and X-Request-Id; None while the model loads."""
        return self.request_ids.get(idx, self.request_ids.get(0))

    def get_request_header(self, idx: int, key: str) -> str | None:  # noqa: ARG002 - the stock signature
        """One request header; the name ignores case."""
        return self._request.get_request_property(key)

    def get_all_request_header(self, idx: int = 0) -> dict[str, str]:  # noqa: ARG002
        """All request headers, named as the client wrote them."""
        return self._request.get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Override the accepted type."""
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:  # noqa: ARG002
        """The value that was set."""
        headers = self._request.get_response_headers()
        return next((value for name, value in headers.items() if name.lower() == "content-type"), None)

    def set_response_header(self, idx: int, key: str, value: str) -> None:  # noqa: ARG002
        """Set a response header, such as X-Amzn-SageMaker-Custom-Attributes."""
        self._request.add_response_property(key, value)

    def get_response_headers(self, idx: int = 0) -> dict[str, str]:  # noqa: ARG002
        """Response headers set so far."""
        return self._request.get_response_headers()

    def set_response_status(self, code: int = HTTPStatus.OK, phrase: str = "", idx: int = 0) -> None:  # noqa: ARG002
        """Set the response status (default 200)."""
        self._request.report_status(code, phrase)

    def get_response_status(self, idx: int = 0) -> tuple[int, str | None]:  # noqa: ARG002
        """Status code and phrase."""
        return self._request.get_response_status_code(), self._request.get_response_status_phrase()

    def set_all_response_status(self, code: int = HTTPStatus.OK, phrase: str = "") -> None:
        """Same as `set_response_status`: there is one request."""
        self._request.report_status(code, phrase)

    set_http_response_status = set_response_status
