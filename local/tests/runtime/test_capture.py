"""Data capture: what lies in S3 after some requests."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from local.tests.harbour import VARIANT, Harbour, harbour
from local.tests.support.fake_container import FakeRunner, Heard, Said

INVOKE = "/endpoints/e/invocations"
CONFIG: dict[str, Any] = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/captured/",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
}


def answering(content_type: str, body: bytes) -> FakeRunner:
    """Containers that say the same to everybody."""

    async def answer(_: Heard) -> Said:
        return Said(body=body, headers={"Content-Type": content_type})

    return FakeRunner(answer)


async def captured(one: Harbour) -> list[dict[str, Any]]:
    """All events, by key."""
    await one.runtime._captures.stop()
    found = one.store.list("bucket", "captured/")
    return [json.loads(line) for entry in found for line in entry.path.read_text().splitlines()]


async def up(one: Harbour, **more: Any) -> dict[str, Any]:
    """The endpoint `e`, and the bucket."""
    one.store.create_bucket("bucket")
    one.model()
    one.config("c", VARIANT, DataCaptureConfig={**CONFIG, **more})
    return await one.up()


def test_requests_and_answers_are_written(tmp_path: Path) -> None:
    """As the real service writes them, below the endpoint, the variant and the hour."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering("text/csv; charset=utf-8", b"0.5")) as one:
            document = await up(one, KmsKeyId="k")
            assert document["DataCaptureConfig"] == {
                "EnableCapture": True,
                "CaptureStatus": "Started",
                "CurrentSamplingPercentage": 100,
                "DestinationS3Uri": "s3://bucket/captured/",
                "KmsKeyId": "k",
            }
            headers = {"X_Amzn_SageMaker_Inference_Id": "mine", "X_Amzn_SageMaker_Custom_Attributes": "a=1"}
            await one.ask(INVOKE, "{ü}".encode(), Content_Type="application/json", **headers)
            event = (await captured(one))[0]
            assert event["captureData"] == {
                "endpointInput": {
                    "observedContentType": "application/json",
                    "mode": "INPUT",
                    "data": "{ü}",
                    "encoding": "JSON",
                },
                "endpointOutput": {
                    "observedContentType": "text/csv; charset=utf-8",
                    "mode": "OUTPUT",
                    "data": "0.5",
                    "encoding": "CSV",
                },
            }
            assert event["eventVersion"] == "0"
            assert event["eventMetadata"].items() >= {"inferenceId": "mine", "customAttributes": ["a=1"]}.items()
            key = one.store.keys("bucket", "captured/")[0]
            assert key.startswith("captured/e/AllTraffic/20")
            assert key.count("/") == 7

    asyncio.run(work())


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"EnableCapture": False}, 0),
        ({"InitialSamplingPercentage": 0}, 0),
        ({"InitialSamplingPercentage": 25}, 2),
        ({}, 8),
    ],
)
def test_so_many_as_the_configuration_says(tmp_path: Path, more: dict[str, Any], count: int) -> None:
    """Of eight requests."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await up(one, **more)
            for _ in range(8):
                assert (await one.ask(INVOKE, b"{}")).status == 200
            assert len(await captured(one)) == count

    asyncio.run(work())


def test_what_is_not_text_is_base64(tmp_path: Path) -> None:
    """By the content types that the configuration names; only the side that it names is written."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering("a/b", b"[1]")) as one:
            kinds = {"JsonContentTypes": ["a/b"]}
            await up(one, CaptureOptions=[{"CaptureMode": "InputAndOutput"}], CaptureContentTypeHeader=kinds)
            await one.ask(INVOKE, b"\xff", Content_Type="application/json")
            data = (await captured(one))[0]["captureData"]
            assert (data["endpointInput"]["encoding"], data["endpointInput"]["data"]) == ("BASE64", "/w==")
            assert (data["endpointOutput"]["encoding"], data["endpointOutput"]["data"]) == ("JSON", "[1]")

    asyncio.run(work())


def test_a_bucket_that_is_not_there_harms_no_request(tmp_path: Path) -> None:
    """The endpoint's log says what is missing."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await up(one, DestinationS3Uri="s3://no-such-bucket/x")
            assert (await one.ask(INVOKE, b"{}")).status == 200
            await one.runtime._captures.stop()
            assert any("Could not write captured data to s3://no-such-bucket/x/e/" in line for line in one.log())

    asyncio.run(work())
