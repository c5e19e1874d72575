"""List operations over the wire: filters, orders, pages, boto3's paginators."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.tests.support.local_control import Local, local_control, refused

pytestmark = pytest.mark.wire
FIRST = 1_700_000_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """23 of each, two at a time of the same second, a third of them failed."""
    folder: Path = tmp_path_factory.mktemp("many")
    kinds = {
        "endpoint": ("EndpointName", "EndpointArn", "EndpointStatus", ("InService", "Failed")),
        "model": ("ModelName", "ModelArn", "", ()),
        "endpoint-config": ("EndpointConfigName", "EndpointConfigArn", "", ()),
        "transform-job": ("TransformJobName", "TransformJobArn", "TransformJobStatus", ("Completed", "Failed")),
        "inference-component": (
            "InferenceComponentName",
            "InferenceComponentArn",
            "InferenceComponentStatus",
            ("InService", "Failed"),
        ),
    }
    with local_control(folder) as local:
        for kind, (name_of, arn_of, status_of, statuses) in kinds.items():
            for number in range(23):
                name = f"{'even' if number % 2 == 0 else 'Odd'}-{number:02d}"
                document: dict[str, Any] = {
                    name_of: name,
                    arn_of: f"arn:aws:sagemaker:eu-central-1:123456789012:{kind}/{name}",
                    "CreationTime": FIRST + number // 2,
                    "LastModifiedTime": FIRST + 100 + number,
                    "EndpointName": name,
                    "EndpointArn": "arn:any",
                    "VariantName": "a" if number < 5 else "b",
                }
                if status_of:
                    document[status_of] = statuses[number % 3 == 0]
                local.state.put(kind, name, document)
        yield local


LISTS = [
    ("list_endpoints", "Endpoints", "EndpointName"),
    ("list_models", "Models", "ModelName"),
    ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ("list_transform_jobs", "TransformJobSummaries", "TransformJobName"),
    ("list_inference_components", "InferenceComponents", "InferenceComponentName"),
]


def at(second: float) -> datetime:
    """As a caller gives it."""
    return datetime.fromtimestamp(FIRST + second, UTC)


@pytest.mark.parametrize(("operation", "answer", "name"), LISTS)
def test_pages_follow_one_another(many: Local, operation: str, answer: str, name: str) -> None:
    """Ten by default, newest first, none twice and none left out."""
    client = many.client("sagemaker")
    first = getattr(client, operation)()
    assert len(first[answer]) == 10
    assert first[answer][0]["CreationTime"] == at(11)
    pages = list(client.get_paginator(operation).paginate(PaginationConfig={"PageSize": 4}))
    assert [len(page[answer]) for page in pages] == [4, 4, 4, 4, 4, 3]
    names = [one[name] for page in pages for one in page[answer]]
    assert len(set(names)) == 23
    up = client.get_paginator(operation).paginate(SortOrder="Ascending", PaginationConfig={"PageSize": 7})
    assert [one[name] for page in up for one in page[answer]] == names[::-1]


@pytest.mark.parametrize(("operation", "answer", "name"), LISTS)
def test_filters_hold_together(many: Local, operation: str, answer: str, name: str) -> None:
    """A part of the name and a span of time, without its ends."""
    client = many.client("sagemaker")
    found = getattr(client, operation)(
        NameContains="even", CreationTimeAfter=at(1), CreationTimeBefore=at(5), SortBy="Name", SortOrder="Ascending"
    )
    assert [one[name] for one in found[answer]] == ["even-04", "even-06", "even-08"]
    assert "NextToken" not in found


@pytest.mark.parametrize("listed", [LISTS[0], LISTS[3], LISTS[4]])
def test_statuses_filter_and_sort(many: Local, listed: tuple[str, str, str]) -> None:
    """StatusEquals, SortBy Status, and the time of the last change."""
    operation, answer, name = listed
    ask = getattr(many.client("sagemaker"), operation)
    failed = ask(StatusEquals="Failed", MaxResults=100)[answer]
    assert len(failed) == 8
    ordered = ask(SortBy="Status", SortOrder="Ascending", MaxResults=100)[answer]
    statuses = [next(value for key, value in one.items() if key.endswith("Status")) for one in ordered]
    assert statuses == sorted(statuses)
    late = ask(LastModifiedTimeAfter=at(120))[answer]
    assert sorted(one[name] for one in late) == ["Odd-21", "even-22"]


def test_components_are_found_by_endpoint_and_variant(many: Local) -> None:
    """EndpointNameEquals and VariantNameEquals."""
    ask = many.client("sagemaker").list_inference_components
    assert len(ask(VariantNameEquals="a")["InferenceComponents"]) == 5
    assert len(ask(VariantNameEquals="a", EndpointNameEquals="even-02")["InferenceComponents"]) == 1


FORGED = [
    "5",
    "null",
    "{}",
    "[1,2]",
    '["CreationTime","Descending","text","name"]',
    '["CreationTime","Descending",1,2]',
    '["CreationTime","Descending",1,"name",3]',
    "[" * 6000,
]


@pytest.mark.parametrize("token", ["tomorrow", "é", *(urlsafe_b64encode(text.encode()).decode() for text in FORGED)])
def test_a_token_that_was_made_up_is_refused(many: Local, token: str) -> None:
    """Whatever it holds: 500 would be tried again."""
    with refused("ValidationException", "NextToken"):
        many.client("sagemaker").list_endpoints(NextToken=token)


def test_a_token_of_another_order_is_refused(many: Local) -> None:
    """It would leave some out and show others twice."""
    ask = many.client("sagemaker").list_endpoints
    token = ask(SortBy="Name", MaxResults=1)["NextToken"]
    assert ask(SortBy="Name", NextToken=token)["Endpoints"]
    for other in ({}, {"SortBy": "Status"}, {"SortBy": "Name", "SortOrder": "Ascending"}):
        with refused("ValidationException", "NextToken"):
            ask(NextToken=token, **other)


def test_bad_pages_are_refused(many: Local) -> None:
    """A page too large or of nothing, a sort key that is none."""
    client = many.client("sagemaker")
    with refused("ValidationException", "at 'maxResults' failed to satisfy constraint: Member must have value greater"):
        many.client("sagemaker", parameter_validation=False).list_models(MaxResults=0)
    with refused("ValidationException", "at 'maxResults' failed to satisfy constraint: Member must have value less"):
        client.list_models(MaxResults=101)
    with refused("ValidationException", "Value 'Size' at 'sortBy' failed to satisfy constraint: Member must satisfy"):
        client.list_models(SortBy="Size")


def test_a_page_goes_on_where_it_ended_though_something_was_deleted(many: Local) -> None:
    """The token names a place, not a count."""
    client = many.client("sagemaker")
    first = client.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    kept = many.state.get("model", "Odd-01")
    assert kept is not None
    many.state.delete("model", "Odd-01")
    try:
        second = client.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=1, NextToken=first["NextToken"])
        assert second["Models"][0]["ModelName"] == "Odd-05"
    finally:
        many.state.put("model", "Odd-01", kept)
