"""Arrow types of JSON values, and tables of records. Only this file, `parquet.py` and `s3.py` import pyarrow."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa

from mooring.errors import InvalidRequest, UsageError, echo
from mooring.tasks.arrays import plain

INT64 = range(-(1 << 63), 1 << 63)
MOST_NESTED = 32
"""Lists and objects within each other. Arrow's files allow 64, and a list takes two."""
UNFIT = (TypeError, pa.ArrowException)
"""Errors for values that have no Arrow type or do not fit one."""


def type_of(value: object, depth: int = 0) -> Any:
    """The Arrow type of a JSON value or an answer. Raises TypeError if it has none."""
    if depth > MOST_NESTED:
        raise TypeError(f"values nested more than {MOST_NESTED} deep")
    if isinstance(value, np.ndarray):
        return reduce(lambda inner, _: pa.list_(inner), range(value.ndim), pa.float32())
    if isinstance(value, Mapping):
        return pa.struct([pa.field(str(name), type_of(part, depth + 1)) for name, part in value.items()])
    if isinstance(value, (list, tuple)):
        return pa.list_(reduce(merged, (type_of(part, depth + 1) for part in value), pa.null()))
    if isinstance(value, int) and not isinstance(value, bool) and value not in INT64:
        raise TypeError("an integer of more than 64 bits")
    return pa.scalar(value).type


def merged(one: Any, other: Any) -> Any:
    """The type of columns that hold both. Raises TypeError if there is none."""
    if one.equals(other) or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(merged(one.value_type, other.value_type))
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        fields = {field.name: field.type for field in one}
        for field in other:
            fields[field.name] = merged(fields.get(field.name, pa.null()), field.type)
        return pa.struct(list(fields.items()))
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    raise TypeError(f"both {said(one)} and {said(other)}")


def settled(kind: Any) -> Any:
    """The type with text where only nulls were seen. Raises TypeError for objects without keys."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(settled(kind.value_type))
    if not pa.types.is_struct(kind):
        return kind
    if not kind.num_fields:
        raise TypeError("only empty objects")
    return pa.struct([(field.name, settled(field.type)) for field in kind])


def fits(value: object, kind: Any) -> bool:
    """Whether a column of this type can hold the value without losing a part of it."""
    try:
        if not merged(kind, type_of(value)).equals(kind):
            return False
        if not isinstance(value, np.ndarray):
            pa.array([plain(value)], kind)  # refuses an integer that a float64 would round
    except UNFIT:
        return False
    return True


def schema_of(records: Sequence[Mapping[str, Any]]) -> Any:
    """The schema of JSON records. Raises UsageError, with the column, for values that no Parquet column can hold."""
    values: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            values.setdefault(name, []).append(value)
    return pa.schema([(name, _column_type(name, given)) for name, given in values.items()])


def _column_type(name: str, values: Sequence[Any]) -> Any:
    try:
        return settled(reduce(merged, map(type_of, values), pa.null()))
    except UNFIT as error:
        raise UsageError(
            f"The column {name!r} holds {error}, which a Parquet column cannot.",
            hint="Use --format jsonl, or make its values alike.",
        ) from error


def misfit(record: Mapping[str, Any], schema: Any) -> InvalidRequest | None:
    """The error of a record that has a column which the schema lacks, or a value of another type."""
    for name, value in record.items():
        place = schema.get_field_index(name)
        if place < 0:
            return InvalidRequest(f"The column {name!r} is not in the first records, and Parquet has fixed columns.")
        if not fits(value, schema.field(place).type):
            kind = said(schema.field(place).type)
            return InvalidRequest(f"The column {name!r} does not hold {kind} as in the first records: {echo(value)}.")
    return None


def table_of(records: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    """A table of JSON records. Values that do not fit their column become null."""
    columns = [
        pa.array([_fitting(record.get(field.name), field.type) for record in records], type=field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema) if columns else empty_table(len(records))


def empty_table(rows: int) -> Any:
    """A table without columns."""
    return pa.table({"none": pa.nulls(rows)}).select([])


def _fitting(value: object, kind: Any) -> object:
    return value if fits(value, kind) else None


def said(kind: Any) -> str:
    """A type in a message: "text", "a list"."""
    if pa.types.is_struct(kind):
        return "objects"
    if pa.types.is_list(kind):
        return "lists"
    return {"string": "text", "int64": "integers", "double": "numbers", "bool": "true or false"}.get(
        str(kind), str(kind)
    )
