"""InvokeEndpointAsync over fake containers: accepted, answered into S3, failures there too, notifications as files."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from local.tests.harbour import VARIANT, Harbour, harbour, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from mooring_local.runtime.limits import Limits
from tests.support.asgi import Reply

PATH = "/endpoints/e/async-invocations"
SUCCESS, FAILURE = "arn:aws:sns:eu-west-1:123456789012:good", "arn:aws:sns:eu-west-1:123456789012:bad"


async def endpoint(one: Harbour, **client: Any) -> None:
    """`e`, with an input at s3://in/key and outputs below s3://out/."""
    for bucket in ("in-bucket", "out-bucket"):
        if not (one.store.root / bucket).is_dir():
            one.store.create_bucket(bucket)
    one.store.put("in-bucket", "key", b"question")
    one.model()
    output = {
        "S3OutputPath": "s3://out-bucket/done",
        "S3FailurePath": "s3://out-bucket/failed/",
        "NotificationConfig": {
            "SuccessTopic": SUCCESS,
            "ErrorTopic": FAILURE,
            "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
        },
    }
    one.config("c", VARIANT, AsyncInferenceConfig={"OutputConfig": output, "ClientConfig": client})
    document = await one.up()
    assert document["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"] == "s3://out-bucket/done"


async def asked(one: Harbour, location: str = "s3://in-bucket/key", **headers: str) -> Reply:
    """With the input by its address."""
    return await one.ask(PATH, b"", X_Amzn_SageMaker_InputLocation=location, **headers)


async def stored(one: Harbour, uri: str) -> tuple[str, bytes]:
    """Content type and body of an object, when it is there."""
    bucket, key = one.store.locate(uri)
    await until(lambda: one.store.get(bucket, key))
    entry = one.store.get(bucket, key)
    assert entry is not None
    return entry.content_type, entry.path.read_bytes()


def messages(one: Harbour, topic: str) -> list[dict[str, Any]]:
    """Of a topic, in order."""
    paths = sorted((one.folder / "notifications" / topic).glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def test_an_input_in_s3_is_answered_in_s3(tmp_path: Path) -> None:
    """202 at once with both addresses; the container sees an ordinary request; the topic gets a message."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await endpoint(one)
            reply = await asked(
                one,
                X_Amzn_SageMaker_Inference_Id="mine",
                X_Amzn_SageMaker_Content_Type="a/b",
                X_Amzn_SageMaker_Accept="c/d",
                X_Amzn_SageMaker_Custom_Attributes="x=1",
            )
            assert (reply.status, reply.json) == (202, {"InferenceId": "mine"})
            output = reply.headers["x-amzn-sagemaker-outputlocation"]
            assert output.startswith("s3://out-bucket/done/")
            assert output.endswith(".out")
            name = output.rpartition("/")[2].removesuffix(".out")
            assert reply.headers["x-amzn-sagemaker-failurelocation"] == f"s3://out-bucket/failed/{name}-error.out"
            assert await stored(one, output) == ("application/json", b"question")
            heard = one.runner.last.heard[-1]
            assert (heard.path, heard.headers["content-type"], heard.headers["accept"]) == (
                "/invocations",
                "a/b",
                "c/d",
            )
            await until(lambda: len(messages(one, "good")) == 2)
            test, done = messages(one, "good")
            assert test["eventName"] == "TestNotification"
            assert done["invocationStatus"] == "Completed"
            assert done["requestParameters"]["inputLocation"] == "s3://in-bucket/key"
            assert done["responseParameters"]["outputLocation"] == output
            assert done["responseParameters"]["responseBody"]["content"] == "question"
            assert (done["inferenceId"], done["eventName"], done["awsRegion"]) == (
                "mine",
                "InferenceResult",
                "eu-west-1",
            )
            await until(lambda: one.state.all("async-invocation") == [])
            assert any("Inference request succeeded." in line for line in one.log())

    asyncio.run(work())


def test_a_body_may_come_inline(tmp_path: Path) -> None:
    """Up to a limit, and not beside an address."""

    async def work() -> None:
        async with harbour(tmp_path, limits=Limits(inline=10)) as one:
            await endpoint(one)
            reply = await one.ask(PATH, b"0123456789")
            assert (await stored(one, reply.headers["x-amzn-sagemaker-outputlocation"]))[1] == b"0123456789"
            for refused in (await one.ask(PATH, b"x" * 11), await one.ask(PATH, b"")):
                assert (refused.status, refused.headers["x-amzn-errortype"]) == (400, "ValidationError")
            both = await one.ask(PATH, b"x", X_Amzn_SageMaker_InputLocation="s3://in-bucket/key")
            assert "both InputLocation and a body" in both.json["Message"]
            await until(lambda: not list((tmp_path / "async").iterdir()))

    asyncio.run(work())


def test_the_output_can_be_named(tmp_path: Path) -> None:
    """Filename and S3OutputPathExtension."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await endpoint(one)
            reply = await asked(
                one, X_Amzn_SageMaker_Filename="answer.json", X_Amzn_SageMaker_S3OutputPathExtension="today/a"
            )
            assert reply.headers["x-amzn-sagemaker-outputlocation"] == "s3://out-bucket/done/today/a/answer.json"
            await stored(one, "s3://out-bucket/done/today/a/answer.json")

    asyncio.run(work())


@pytest.mark.parametrize("location", ["s3://in-bucket/nothing", "s3://no-bucket/x"])
def test_an_input_that_is_not_there_becomes_a_failure_object(tmp_path: Path, location: str) -> None:
    """The request itself was accepted, as on the platform."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await endpoint(one)
            reply = await asked(one, location)
            assert reply.status == 202
            _, body = await stored(one, reply.headers["x-amzn-sagemaker-failurelocation"])
            assert body.decode() == f"Unable to download the input: no object at {location}."

    asyncio.run(work())


def test_a_containers_error_becomes_a_failure_object(tmp_path: Path) -> None:
    """And a message of the other topic; nothing is tried again."""

    async def refuse(_: Heard) -> Said:
        return Said(400, b"bad question")

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(refuse)) as one:
            await endpoint(one)
            reply = await asked(one)
            _, body = await stored(one, reply.headers["x-amzn-sagemaker-failurelocation"])
            assert body.decode().startswith('Received client error (400) from primary with message "bad question".')
            await until(lambda: len(messages(one, "bad")) == 2)
            failed = messages(one, "bad")[1]
            assert (failed["invocationStatus"], failed["failureReason"]) == ("Failed", body.decode())
            assert len(one.runner.last.heard) == 1

    asyncio.run(work())


def test_an_answer_without_a_length_is_none(tmp_path: Path) -> None:
    """The platform refuses chunked ones here, with these words."""

    async def pieces() -> Any:
        yield b"x"

    async def chunked(_: Heard) -> Said:
        return Said(pieces=pieces())

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(chunked)) as one:
            await endpoint(one)
            reply = await asked(one)
            _, body = await stored(one, reply.headers["x-amzn-sagemaker-failurelocation"])
            assert b"The response from container primary did not specify the required Content-Length header" in body

    asyncio.run(work())


def test_so_many_at_a_time_as_the_configuration_says(tmp_path: Path) -> None:
    """The others wait their turn."""
    gate, now, most = asyncio.Event(), 0, 0

    async def wait(_: Heard) -> Said:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await gate.wait()
        now -= 1
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(wait)) as one:
            await endpoint(one, MaxConcurrentInvocationsPerInstance=2)
            replies = [await asked(one) for _ in range(5)]
            await until(lambda: now == 2)
            gate.set()
            for reply in replies:
                await stored(one, reply.headers["x-amzn-sagemaker-outputlocation"])
            assert most == 2

    asyncio.run(work())


def test_the_time_for_one_is_its_own(tmp_path: Path) -> None:
    """InvocationTimeoutSeconds, not the 60 seconds of others; in whole seconds, from 1."""

    async def slowly(_: Heard) -> Said:
        await asyncio.sleep(0.02)
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(slowly), limits=Limits(invoke_s=0.001)) as one:
            await endpoint(one)
            reply = await asked(one, X_Amzn_SageMaker_InvocationTimeoutSeconds="1")
            await stored(one, reply.headers["x-amzn-sagemaker-outputlocation"])
            refused = await asked(one, X_Amzn_SageMaker_InvocationTimeoutSeconds="0")
            assert "greater than or equal to 1" in refused.json["Message"]
            words = await asked(one, X_Amzn_SageMaker_InvocationTimeoutSeconds="soon")
            assert "must be an integer" in words.json["Message"]

    asyncio.run(work())


def test_accepted_requests_survive_a_restart(tmp_path: Path) -> None:
    """Those in S3 and those that came inline."""

    async def never(_: Heard) -> Said:
        await asyncio.Event().wait()
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(never)) as one:
            await endpoint(one)
            replies = [await asked(one), await one.ask(PATH, b"inline")]
            await until(lambda: len(one.runner.last.heard) == 2)
        async with harbour(tmp_path) as one:
            bodies = [await stored(one, reply.headers["x-amzn-sagemaker-outputlocation"]) for reply in replies]
            assert [body for _, body in bodies] == [b"question", b"inline"]

    asyncio.run(work())


def test_accepted_requests_survive_an_update(tmp_path: Path) -> None:
    """Those that wait for their turn go to the new fleet; those that are asked already are answered by the old one."""
    gate = asyncio.Event()

    async def wait(_: Heard) -> Said:
        await gate.wait()
        return Said(body=b"done")

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(wait)) as one:
            await endpoint(one, MaxConcurrentInvocationsPerInstance=1)
            replies = [await asked(one) for _ in range(4)]
            old = one.runner.last
            await until(lambda: old.heard)
            one.fleet.update("e", "c")
            await one.settled()
            gate.set()
            for reply in replies:
                assert (await stored(one, reply.headers["x-amzn-sagemaker-outputlocation"]))[1] == b"done"
            assert (len(old.heard), len(one.runner.last.heard)) == (1, 3)

    asyncio.run(work())


def test_an_accepted_request_waits_for_an_instance(tmp_path: Path) -> None:
    """One that is being replaced is no reason to fail it."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await endpoint(one)
            one.runner.sick = 1
            one.runner.arrived.clear()
            one.runner.last.die(137)
            await one.runner.arrived.wait()
            assert one.live().variants["AllTraffic"].pick() is None
            reply = await asked(one)
            one.runner.last.ping = 200
            assert (await stored(one, reply.headers["x-amzn-sagemaker-outputlocation"]))[1] == b"question"

    asyncio.run(work())


def test_one_too_old_has_expired(tmp_path: Path) -> None:
    """RequestTTLSeconds counts from when it was accepted, restarts included."""

    async def never(_: Heard) -> Said:
        await asyncio.Event().wait()
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(never)) as one:
            await endpoint(one)
            reply = await asked(one, X_Amzn_SageMaker_RequestTTLSeconds="60")
            (record,) = one.state.all("async-invocation")
            record["received"] -= 61
            one.state.put("async-invocation", record["id"], record)
        async with harbour(tmp_path) as one:
            _, body = await stored(one, reply.headers["x-amzn-sagemaker-failurelocation"])
            assert b"not in service in time" in body or b"expired in the queue" in body
            assert not any(container.heard for container in one.runner.started)

    asyncio.run(work())


def test_each_kind_of_endpoint_takes_its_own_calls_only(tmp_path: Path) -> None:
    """With words that say which one."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await endpoint(one)
            for path in ("/endpoints/e/invocations", "/endpoints/e/invocations-response-stream"):
                reply = await one.ask(path)
                assert (reply.status, reply.headers["x-amzn-errortype"]) == (400, "ValidationError")
                assert "InvokeEndpointAsync" in reply.json["Message"]
            one.config("d", {**VARIANT})
            await one.up("sync", "d")
            reply = await one.ask("/endpoints/sync/async-invocations")
            assert (reply.status, reply.headers["x-amzn-errortype"]) == (400, "ValidationError")
            assert "no AsyncInferenceConfig" in reply.json["Message"]

    asyncio.run(work())
