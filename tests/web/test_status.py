"""The table from errors to statuses is whole."""

import inspect

import pytest

from mooring import errors
from mooring.errors import (
    BackendError,
    BodyTooSlow,
    ClientGone,
    DeadlineExceeded,
    Draining,
    InvalidRequest,
    MooringError,
    NotAcceptable,
    NotReady,
    PayloadTooLarge,
    QueueFull,
    UnsupportedMediaType,
)
from mooring.web.status import STATUS, describe, headers_of, status_of

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MooringError)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InvalidRequest, 400),
        (NotAcceptable, 406),
        (BodyTooSlow, 408),
        (PayloadTooLarge, 413),
        (UnsupportedMediaType, 415),
        (QueueFull, 429),
        (ClientGone, 499),
        (BackendError, 500),
        (NotReady, 503),
        (Draining, 503),
        (DeadlineExceeded, 504),
    ],
)
def test_each_error_has_its_status(kind: type[MooringError], status: int) -> None:
    """As the issue lists them."""
    assert status_of(kind("x")) == status


@pytest.mark.parametrize("kind", EVERY)
def test_every_class_of_errors_has_a_row(kind: type[MooringError]) -> None:
    """Its own or an ancestor's; and a caller's fault is never 5xx, ours never 4xx."""
    error = kind("x")
    assert any(ancestor in STATUS for ancestor in kind.__mro__)
    at_fault = issubclass(kind, (errors.RequestError, QueueFull, ClientGone))
    assert (400 <= status_of(error) < 500) is at_fault
    body = describe(error, "id-1")
    assert (body.code, body.type, body.message, body.request_id) == (status_of(error), kind.__name__, "x", "id-1")


def test_a_hint_is_part_of_the_message() -> None:
    """Clients show the message and nothing else."""
    assert describe(NotReady("Loading.", hint="Wait."), "id").message == "Loading. Wait."


def test_an_unexpected_error_says_nothing_of_itself() -> None:
    """Its message may hold a text that somebody sent."""
    body = describe(KeyError("a secret"), "id-7")
    assert (body.code, body.type, body.request_id) == (500, "InternalError", "id-7")
    assert "secret" not in body.message
    assert "KeyError" not in body.message


def test_a_full_queue_says_when_to_come_back() -> None:
    """In whole seconds, at least one."""
    assert headers_of(QueueFull("x", retry_after=7)) == {"Retry-After": "7"}
    assert headers_of(QueueFull("x", retry_after=0)) == {"Retry-After": "1"}
    assert headers_of(NotReady("x")) == {}
