"""Arrow types of JSON values, and tables of records. Only this file, `parquet.py` and `s3.py` import pyarrow."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa

from mooring.errors import InvalidRequest, UsageError, echo

INT64 = range(-(1 << 63), 1 << 63)


def type_of(value: object) -> Any:
    """The Arrow type of a JSON value or an answer. Raises TypeError if it has none."""
    if isinstance(value, np.ndarray):
        return reduce(lambda inner, _: pa.list_(inner), range(value.ndim), pa.float32())
    if isinstance(value, Mapping):
        return pa.struct([pa.field(str(name), type_of(part)) for name, part in value.items()])
    if isinstance(value, (list, tuple)):
        return pa.list_(reduce(merged, map(type_of, value), pa.null()))
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
    """The type with text where only nulls were seen."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(settled(kind.value_type))
    return pa.struct([(field.name, settled(field.type)) for field in kind]) if pa.types.is_struct(kind) else kind


def fits(value: object, kind: Any) -> bool:
    """Whether a column of this type can hold the value without losing a part of it."""
    try:
        return bool(merged(kind, type_of(value)).equals(kind))
    except (TypeError, pa.ArrowException):
        return False


def schema_of(records: Sequence[Mapping[str, Any]]) -> Any:
    """The schema of JSON records. Raises UsageError, with the column, if they have mixed types."""
    kinds: dict[str, Any] = {}
    for record in records:
        for name, value in record.items():
            try:
                kinds[name] = merged(kinds.get(name, pa.null()), type_of(value))
            except (TypeError, pa.ArrowException) as error:
                raise UsageError(
                    f"The column {name!r} holds {error}, and a Parquet column has one type.",
                    hint="Use --format jsonl, or make its values alike.",
                ) from error
    return pa.schema([(name, settled(kind)) for name, kind in kinds.items()])


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
