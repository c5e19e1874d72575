"""`context`: without a request while the model loads, with one in each call, and with the stock server's names."""

import pytest

from mooring.handler.context import Context

STOCK = (
    ("model_name", "manifest", "system_properties", "request_processor", "metrics", "request_ids"),
    ("get_request_id", "get_request_header", "get_all_request_header"),
    ("set_response_content_type", "get_response_content_type", "set_response_header", "get_response_headers"),
    ("set_response_status", "get_response_status", "set_all_response_status"),
)
"""Public names of `mms.context.Context` 1.1.11."""
OF_REQUESTS = (
    *("get_request_property", "get_request_properties", "report_status", "get_response_status_code"),
    *("get_response_status_phrase", "add_response_property", "get_response_headers", "get_response_header"),
)
"""Public names of its RequestProcessor."""


def test_the_stock_names_are_there() -> None:
    """All of them."""
    context = Context("model", "/m").of_request({}, "r")
    assert not [name for names in STOCK for name in names if not hasattr(context, name)]
    assert not [name for name in OF_REQUESTS if not hasattr(context.request_processor[0], name)]


def test_while_the_model_loads_there_is_no_request() -> None:
    """Whoever asks for one learns why; whoever asks whether there is one is told."""
    context = Context("model", "/m")
    properties = context.system_properties
    assert (properties["model_dir"], properties["gpu_id"], properties["batch_size"]) == ("/m", None, 1)
    assert context.get_request_id() is None
    assert not context.request_processor
    context.metrics.add_time("load", 3)
    with pytest.raises(RuntimeError, match="No request exists while the model loads"):
        context.get_request_header(0, "Accept")


def test_headers_are_found_in_any_case_and_listed_as_sent() -> None:
    """The client's own spelling."""
    context = Context("model", "/m").of_request({"X-Own-Header": "a", "x-LOWER": "b"}, "r-1")
    assert context.get_all_request_header(0) == {"X-Own-Header": "a", "x-LOWER": "b"}
    assert context.get_request_header(0, "x-own-header") == context.get_request_header(0, "X-OWN-HEADER") == "a"
    assert context.get_request_header(0, "X-None") is None
    assert context.get_request_id(0) == "r-1"


def test_what_a_call_sets_is_its_own_and_what_loading_left_is_there() -> None:
    """Users keep things on the context."""
    loading = Context("model", "/m")
    loading.labels = ["a"]  # type: ignore[attr-defined]
    one, other = loading.of_request({}, "1"), loading.of_request({}, "2")
    one.set_response_header(0, "X-One", "1")
    one.set_response_content_type(0, "text/plain")
    one.set_response_status(404, "gone", 0)
    one.system_properties["own"] = 1
    assert one.get_response_status(0) == (404, "gone")
    assert one.get_response_content_type(0) == "text/plain"
    assert (other.get_response_headers(0), other.get_response_status(0)) == ({}, (200, None))
    assert other.labels == ["a"]  # type: ignore[attr-defined]
    assert "own" not in other.system_properties
