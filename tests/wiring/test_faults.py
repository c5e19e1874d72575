"""Whatever opening a model raises is one of our errors."""

import asyncio
import concurrent.futures
import errno

import pytest

from mooring.errors import HubError, ModelError, ModelInvalid, MooringError, NoMemory, UsageError
from mooring.wiring.faults import opening


class PanicException(BaseException):
    """As the tokenizers library's: no Exception."""


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (ValueError("could not convert 'x'"), ModelInvalid, "ValueError: could not convert 'x'"),
        (KeyError("dim"), ModelInvalid, "KeyError: 'dim'"),
        (OverflowError("too large"), ModelInvalid, "OverflowError: too large"),
        (RecursionError(), ModelInvalid, "RecursionError"),
        (PanicException("no entry"), ModelInvalid, "PanicException: no entry"),
        (MemoryError(), NoMemory, "Out of memory"),
        (OSError(errno.EIO, "Input/output error", "/models/x"), ModelError, "Input/output error (/models/x)"),
        (OSError("odd"), ModelError, "odd"),
    ],
)
def test_a_foreign_error_becomes_one_of_ours(raised: BaseException, kind: type[MooringError], says: str) -> None:
    """With the model's name, what was raised, and where."""
    with pytest.raises(kind) as caught, opening("./folder"):
        raise raised
    assert type(caught.value) is kind
    assert "'./folder'" in caught.value.message
    assert says in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "raised",
    [
        HubError("x"),
        UsageError("x"),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        concurrent.futures.CancelledError(),
    ],
)
def test_our_errors_and_a_stop_pass(raised: BaseException) -> None:
    """They say what there is to say."""
    with pytest.raises(type(raised)) as caught, opening("./folder"):
        raise raised
    assert caught.value is raised
