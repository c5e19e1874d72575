"""What an error message repeats of a caller's value: enough to recognise it, never much work."""

import pytest

from mooring.errors import ECHO_LIMIT, echo


@pytest.mark.parametrize(
    "value",
    ["", "Ada", "it's", b"\xff", 7, -1.5, True, None, [], {}, [1, "a", None], {"a": [1, {"b": "c"}]}, [[[[]]]]],
)
def test_a_short_value_is_repeated_as_python_writes_it(value: object) -> None:
    """Whatever its type."""
    assert echo(value) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1000,
        b"x" * 1000,
        ["x" * 1000],
        [["x" * 1000] * 1000] * 1000,
        {"x" * 1000: 1},
        {f"k{number}": number for number in range(100_000)},
        list(range(100_000)),
    ],
)
def test_a_long_value_is_cut(value: object) -> None:
    """Whether it is a text, or holds one, or holds much."""
    assert len(echo(value)) == ECHO_LIMIT
    assert echo(value).endswith("…")


def test_deep_nesting_is_cut_as_well() -> None:
    """Python's own repr gives up on it."""
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    assert echo(value) == "[" * (ECHO_LIMIT - 1) + "…"
    while value:  # or Python's own destructor would recurse
        value = value.pop()  # type: ignore[assignment]


def test_a_number_that_python_would_not_write_is_described() -> None:
    """More than 4,300 digits are a ValueError elsewhere."""
    assert echo(10**5000) == "a whole number of 16610 bits"


def test_of_a_large_value_only_the_beginning_is_read() -> None:
    """Counted, not timed: a million entries cost what a hundred do."""
    read = 0

    class Counted(list[int]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            nonlocal read
            for number in super().__iter__():
                read += 1
                yield number

    assert echo([Counted(range(1_000_000))]).startswith("[[0, 1, 2, ")
    assert 0 < read <= ECHO_LIMIT
