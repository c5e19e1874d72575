"""AWS JSON and Query, in process: what is read, what is refused, what is written."""

import json
from typing import Any

import pytest

from mooring_local.wire import json_protocol, query_protocol
from mooring_local.wire.call import Place, place_of
from mooring_local.wire.faults import Fault
from mooring_local.wire.service_model import service_model

MODEL = service_model("sagemaker")
IAM = service_model("iam")


def read(operation: str, value: object) -> dict[str, Any]:
    """A JSON body as parameters."""
    return json_protocol.decode(json.dumps(value).encode(), MODEL.inputs(operation))


def test_nulls_are_dropped() -> None:
    """At every depth."""
    given = {"ModelName": "m", "Nonsense": None, "PrimaryContainer": {"Image": None, "Mode": "SingleModel"}}
    assert read("CreateModel", given) == {"ModelName": "m", "PrimaryContainer": {"Mode": "SingleModel"}}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"ModelName": "m", "Nonsense": 1}, "CreateModelInput has no member 'Nonsense'"),
        ({"Containers": [{"X": []}]}, "ContainerDefinition has no member 'X'"),
    ],
)
def test_members_that_nobody_knows_are_refused(given: dict[str, Any], name: str) -> None:
    """At every depth: a newer client may mean something by them."""
    with pytest.raises(Fault, match=f"SerializationException: {name}"):
        read("CreateModel", given)


@pytest.mark.parametrize("body", [b"", b"  ", b"{}"])
def test_an_empty_body_has_no_parameters(body: bytes) -> None:
    """Some clients send nothing."""
    assert json_protocol.decode(body, MODEL.inputs("ListModels")) == {}


@pytest.mark.parametrize(
    ("operation", "value"),
    [
        ("CreateModel", []),
        ("CreateModel", {"ModelName": 3}),
        ("CreateModel", {"PrimaryContainer": "x"}),
        ("CreateModel", {"Containers": {}}),
        ("CreateModel", {"EnableNetworkIsolation": "yes"}),
        ("CreateModel", {"PrimaryContainer": {"Environment": []}}),
        ("ListModels", {"MaxResults": "ten"}),
        ("ListModels", {"MaxResults": 1.5}),
        ("ListModels", {"MaxResults": True}),
        ("ListModels", {"MaxResults": 2**31}),
    ],
)
def test_wrong_types_cannot_be_read(operation: str, value: object) -> None:
    """A SerializationException, not a fault of ours."""
    with pytest.raises(Fault) as caught:
        read(operation, value)
    assert caught.value.code == "SerializationException"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"ModelName": NaN}'])
def test_what_is_no_json_cannot_be_read(body: bytes) -> None:
    """Nor what is nested without end."""
    with pytest.raises(Fault) as caught:
        json_protocol.decode(body, MODEL.inputs("CreateModel"))
    assert caught.value.code == "SerializationException"


def test_answers_hold_what_the_shape_knows() -> None:
    """A document may remember more; an operation that says nothing has no body."""
    document = {"ModelName": "m", "ModelArn": "a", "CreationTime": 1.5, "_Own": 1, "ExecutionRoleArn": None}
    assert json.loads(json_protocol.encode(document, MODEL.outputs("DescribeModel"))) == {
        "ModelName": "m",
        "ModelArn": "a",
        "CreationTime": 1.5,
    }
    assert json_protocol.encode({}, MODEL.outputs("DeleteModel")) == b""


def test_a_form_is_a_tree() -> None:
    """Lists are counted, and ten comes after nine."""
    form = {"RoleName": "r", **{f"Tags.member.{n}.Key": f"k{n}" for n in range(1, 12)}}
    found = query_protocol.decode(form, IAM.inputs("CreateRole"))
    assert found["RoleName"] == "r"
    assert [tag["Key"] for tag in found["Tags"]] == [f"k{n}" for n in range(1, 12)]


@pytest.mark.parametrize(
    "form",
    [
        {"RoleName": "r", "RoleName.member.1": "x"},
        {"MaxSessionDuration": "soon"},
        {"RoleName.a": "r"},
        {"Unknown.member.1": "x", "RoleName": "r"},
        {"Tags.Tag.1.Key": "x", "RoleName": "r"},
    ],
)
def test_forms_that_contradict_themselves_are_refused(form: dict[str, str]) -> None:
    """By a fault that names the field."""
    with pytest.raises(Fault, match=next(iter(form)).split(".")[0]):
        query_protocol.decode(form, IAM.inputs("CreateRole"))


def test_names_without_end_are_not_followed() -> None:
    """Each dot would be one more dictionary; and a place is a number that an int can be."""
    with pytest.raises(Fault, match="too many parts"):
        query_protocol.decode({"a." * 100_000: "1"}, IAM.inputs("CreateRole"))
    assert query_protocol.decode({f"Tags.member.{'1' * 5000}.Key": "k"}, IAM.inputs("CreateRole")) == {"Tags": []}


def test_what_is_no_list_is_an_empty_one() -> None:
    """`Tags=` is how an empty list is sent."""
    assert query_protocol.decode({"Tags": ""}, IAM.inputs("CreateRole")) == {"Tags": []}
    assert query_protocol.decode({"Tags.member": "x"}, IAM.inputs("CreateRole")) == {"Tags": []}


def test_forms_of_too_many_fields_or_other_bytes_are_refused() -> None:
    """Before anything is made of them."""
    for body in (b"&".join(b"a=1" for _ in range(query_protocol.MOST_FIELDS + 1)), "é=1".encode()):
        with pytest.raises(Fault) as caught:
            query_protocol.fields(body)
        assert caught.value.code == "MalformedQueryString"


def test_xml_holds_no_control_characters() -> None:
    """Whatever a name was, a client can parse the answer."""
    fault = Fault("NoSuchEntity", "a\x00b<c>", 404)
    text = query_protocol.encode_fault(fault, IAM.namespace, "id").decode()
    assert "a\ufffdb&lt;c&gt;" in text
    assert "<Type>Sender</Type>" in text


@pytest.mark.parametrize(
    ("header", "region"),
    [
        (None, "us-east-1"),
        ("AWS4-HMAC-SHA256 Credential=AKID/20260101/ap-south-1/sagemaker/aws4_request, SignedHeaders=a", "ap-south-1"),
        ("AWS4-HMAC-SHA256 Credential=a/b/20260101/eu-west-1/s3/aws4_request", "eu-west-1"),
        ("AWS4-HMAC-SHA256 Credential=a/20260101/<script>/s3/aws4_request", "us-east-1"),
        ("Basic abc", "us-east-1"),
    ],
)
def test_the_place_is_the_signatures_scope(header: str | None, region: str) -> None:
    """And the first region of all where there is none."""
    assert place_of(header) == Place(region)
