"""What the user's functions get as `context`: the request's headers, and a say in the response's. Made for each call.

Names are those of the stock model server's context.
"""

from collections.abc import Mapping
from typing import Any

import mooring


class Metrics:
    """Accepts what the stock one does; /metrics has the server's own."""

    def add_time(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    add_counter = add_size = add_percent = add_error = add_metric = add_time


class RequestProcessor:
    """One request's headers, and what the response is to have."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._given = dict(headers)
        self.response_headers: dict[str, str] = {}
        self.status = 200

    def get_request_properties(self) -> dict[str, str]:
        """All headers, by their names as they came."""
        return dict(self._given)

    def get_request_property(self, key: str) -> str | None:
        """One header, whatever the case of its name."""
        return self._headers.get(key.lower())

    def add_response_property(self, key: str, value: str) -> None:
        """Set a header of the response."""
        self.response_headers[key] = value

    def report_status(self, code: int, reason_phrase: str = "") -> None:  # noqa: ARG002 - HTTP/1.1 clients ignore it
        """Set the response's status."""
        self.status = code


class Context:
    """One call's. There is one request in it: every `idx` means that one."""

    def __init__(self, model_dir: str, headers: Mapping[str, str], request_id: str) -> None:
        self.model_name = "model"
        self.manifest: dict[str, Any] = {}
        self.system_properties: dict[str, Any] = {
            "model_dir": model_dir,
            "gpu_id": None,
            "batch_size": 1,
            "server_name": "Mooring",
            "server_version": mooring.__version__,
        }
        self.metrics = Metrics()
        self.request_processor = [RequestProcessor(headers)]
        self.request_ids = {0: request_id}

    def get_request_id(self, idx: int = 0) -> str:
        """As in the log and in X-Request-Id."""
        return self.request_ids.get(idx, self.request_ids[0])

    def get_request_header(self, idx: int, key: str) -> str | None:  # noqa: ARG002 - the stock signature
        """One header of the request."""
        return self.request_processor[0].get_request_property(key)

    def get_all_request_header(self, idx: int = 0) -> dict[str, str]:  # noqa: ARG002
        """All headers of the request."""
        return self.request_processor[0].get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:  # noqa: ARG002
        """Instead of the accepted type."""
        self.request_processor[0].add_response_property("Content-Type", value)

    def set_response_header(self, idx: int, key: str, value: str) -> None:  # noqa: ARG002
        """Such as X-Amzn-SageMaker-Custom-Attributes."""
        self.request_processor[0].add_response_property(key, value)

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:  # noqa: ARG002
        """Instead of 200."""
        self.request_processor[0].report_status(code, phrase)

    set_http_response_status = set_response_status
