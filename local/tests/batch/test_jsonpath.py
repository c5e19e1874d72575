"""The filters' JSONPath, by example."""

from typing import Any

import pytest

from mooring_local.batch.faults import BatchFault
from mooring_local.batch.jsonpath import parse

RECORD: Any = {"id": 7, "a b": [10, 20, 30], "deep": {"x": [{"y": 1}, {"y": 2}]}, "SageMakerOutput": {"answer": "Ada"}}
ROW: Any = ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("$", RECORD, RECORD),
        ("$.id", RECORD, 7),
        ("$['a b']", RECORD, [10, 20, 30]),
        ('$["id"]', RECORD, 7),
        ("$['id', 'SageMakerOutput']", RECORD, {"id": 7, "SageMakerOutput": {"answer": "Ada"}}),
        ("$.['id']", RECORD, 7),
        ("$.SageMakerOutput.answer", RECORD, "Ada"),
        ("$['a b'][-1]", RECORD, 30),
        ("$.deep.x[*].y", RECORD, [1, 2]),
        ("$.deep.x[1:].y", RECORD, [2]),
        ("$.deep.*[0]", RECORD, [{"y": 1}]),
        ("$.deep.x[*].*", RECORD, [1, 2]),
        ("$.*", {"a": 1, "b": 2}, [1, 2]),
        ("$[0]", ROW, "0"),
        ("$[-1]", ROW, "4"),
        ("$[0,-1]", ROW, ["0", "4"]),
        ("$[1:]", ROW, ["1", "2", "3", "4"]),
        ("$[:-1]", ROW, ["0", "1", "2", "3"]),
        ("$[1:3]", ROW, ["1", "2"]),
        ("$[-2:]", ROW, ["3", "4"]),
        ("$[3:99]", ROW, ["3", "4"]),
        ("$[*]", ROW, ROW),
    ],
)
def test_selects(path: str, value: Any, expected: Any) -> None:
    """What the documentation of batch transform says, and what follows from JSONPath."""
    assert parse(path)(value) == expected


@pytest.mark.parametrize(
    "path", ["", "id", "$.", "$[", "$[]", "$[1:2:3]", "$..a", "$[?(@.a)]", "$.a b", "$" + ".a" * 32, "$.a["]
)
def test_what_is_no_path(path: str) -> None:
    """Refused when the job begins, with what there is."""
    with pytest.raises(BatchFault, match=r"\[start:end\]"):
        parse(path)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("$.missing", {"id": 1}, "'missing'.*'id'"),
        ("$.a", [1], "it is not an object"),
        ("$[5]", ROW, "index 5 .* 5 elements"),
        ("$[-6]", ROW, "index -6"),
        ("$[0]", {"a": 1}, "only an array can be indexed"),
        ("$[1:]", "text", "only an array can be indexed"),
        ("$.*", 5, "only an array can be indexed"),
    ],
)
def test_what_is_not_there(path: str, value: Any, said: str) -> None:
    """An error that names the filter and what the record has."""
    with pytest.raises(BatchFault, match=said) as caught:
        parse(path)(value)
    assert path in caught.value.message
