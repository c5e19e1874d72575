"""Every argument of every operation has a class, and one that is refused is never ignored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.tests.arguments.walk import TABLES, s3_without_class, wire_name, without_class
from mooring_local.arguments import s3
from mooring_local.control.parts import Parts
from mooring_local.fleet.logbook import Logbook
from mooring_local.objects.api import ROUTES
from mooring_local.runtime.request import OPERATIONS as OF_RUNTIME
from mooring_local.server import services
from mooring_local.state import IN_MEMORY, State
from mooring_local.wire.arguments import Arguments, Takes
from mooring_local.wire.faults import Fault
from mooring_local.wire.service_model import service_model


def implemented() -> dict[str, frozenset[str]]:
    """Service → its operations."""
    nobody: Any = None
    state = State(IN_MEMORY)
    found = {name: one.handlers.keys() for name, one in services(Parts(state, *[nobody] * 3), Logbook(Path())).items()}
    state.close()
    return {
        **{name: frozenset(operations) for name, operations in found.items()},
        "sagemaker-runtime": frozenset(OF_RUNTIME.values()),
        "s3": frozenset(route.name for route in ROUTES.values()),
    }


IMPLEMENTED = implemented()


def all_takes() -> Iterator[tuple[str, Takes]]:
    """Every row of every table."""
    for service, table in TABLES.items():
        yield from ((f"{service} {name}", takes) for name, takes in {**table.operations, **table.structures}.items())
    yield from ((f"s3 {name}", takes) for name, takes in {**s3.OPERATIONS, **s3.ELEMENTS}.items())


@pytest.mark.parametrize("service", [*TABLES, "s3"])
def test_every_operation_that_is_implemented_has_a_row(service: str) -> None:
    """And no other has."""
    table = s3.OPERATIONS if service == "s3" else TABLES[service].operations
    assert set(table) == IMPLEMENTED[service]


@pytest.mark.parametrize("service", [*TABLES, "s3"])
def test_every_member_of_botocores_inputs_has_a_class(service: str) -> None:
    """If botocore has a new one: put it into `mooring_local.arguments`, and do what the class says."""
    walk = s3_without_class if service == "s3" else lambda name: without_class(service, name)
    assert [path for operation in sorted(IMPLEMENTED[service]) for path in walk(operation)] == []


def test_a_member_has_one_class() -> None:
    """And only one that is obeyed or stored can be limited to some of its values."""
    for row, takes in all_takes():
        assert not takes.done & takes.kept | takes.done & takes.refused | takes.kept & takes.refused, row
        assert set(takes.only) <= takes.done | takes.kept, row


def test_what_is_limited_to_some_values_names_values_that_there_are() -> None:
    """Those of the model's enum."""
    for service, table in TABLES.items():
        for operation, takes in table.operations.items():
            for name, values in takes.only.items():
                assert values <= set(service_model(service).inputs(operation).members[name].enum)


REFUSED = [
    (service, operation, name)
    for service, table in TABLES.items()
    for operation, takes in table.operations.items()
    for name in sorted(takes.refused)
]


@pytest.mark.parametrize(("service", "operation", "name"), REFUSED, ids="-".join)
def test_a_refused_argument_is_named_with_its_value(service: str, operation: str, name: str) -> None:
    """Whatever its type; only a value that asks for nothing may pass."""
    shape = service_model(service).inputs(operation).members[name]
    value: Any = {"structure": {"x": "seen"}, "list": ["seen"], "boolean": True, "integer": 7}.get(
        shape.type_name, "seen"
    )
    found = list(TABLES[service].violations(operation, service_model(service).inputs(operation), {name: value}))
    assert found == [(name, value)]
    fault = service_model(service).unsupported(operation, name, value)
    assert f"does not implement {name} of {operation}" in fault.message
    empty: tuple[Any, ...] = (False, [], {}, "")
    for nothing in empty:
        assert not list(
            TABLES[service].violations(operation, service_model(service).inputs(operation), {name: nothing})
        )


@pytest.mark.parametrize("value", [0, 1, True, "false", [0], {"a": 1}])
def test_values_that_ask_for_something_do(value: Any) -> None:
    """0 is a number like any other."""
    assert not TABLES["sts"].operations["AssumeRole"].accepts("MinimumSessionTokenSize", value)


def test_a_member_without_a_class_is_refused() -> None:
    """As after an update of botocore; also deep within."""
    empty = Arguments({"CreateModel": TABLES["sagemaker"].operations["CreateModel"]})
    given = {"ModelName": "m", "Containers": [{"Image": "a"}]}
    shape = service_model("sagemaker").inputs("CreateModel")
    assert list(empty.violations("CreateModel", shape, given)) == [("Containers[0].Image", "a")]
    assert list(Arguments({}).violations("CreateModel", shape, {"ModelName": "m"})) == [("ModelName", "m")]


S3_REFUSED = [
    (operation, name) for operation, takes in s3.OPERATIONS.items() for name in sorted(takes.refused | set(takes.only))
]


@pytest.mark.parametrize(("operation", "name"), S3_REFUSED, ids="-".join)
def test_a_refused_header_of_s3_is_never_ignored(operation: str, name: str) -> None:
    """By S3's own error where it has one, else by NotImplemented with the header's name."""
    with pytest.raises(Fault) as caught:
        s3.check(operation, {name: "seen"}, {}, "")
    assert caught.value.code in (
        *("NotImplemented", "AccessControlListNotSupported", "InvalidBucketAclWithObjectOwnership"),
        *("InvalidRequest", "InvalidArgument"),
    )
    if caught.value.code == "NotImplemented":
        assert name in caught.value.message
        assert "seen" in caught.value.message
        assert caught.value.members["Header"] == name


@pytest.mark.parametrize("operation", sorted(s3.OPERATIONS))
def test_what_s3s_operation_does_not_know_is_refused(operation: str) -> None:
    """Headers that begin with x-amz-, conditions of HTTP's own, and query parameters. Others are anybody's."""
    s3.check(operation, {"user-agent": "x", "cache-control": "no-cache", "accept": "*/*"}, {"x-id": operation}, "")
    known = {
        wire_name(member.serialization["location"], member.serialization["name"])
        for member in service_model("s3").inputs(operation).members.values()
        if member.serialization.get("location", "uri") != "uri"
    }
    strange = {"x-amz-annotation", "content-range", "if-match", "if-none-match", "range"} - known
    for name in strange:
        with pytest.raises(Fault, match="NotImplemented"):
            s3.check(operation, {name: "1"}, {}, "")
    for name in ("annotation", "partNumber", "versionId", "uploadId"):
        if f"?{name}" not in known:
            with pytest.raises(Fault, match=f"query parameter {name} of {operation}"):
                s3.check(operation, {}, {name: "1"}, "")
