"""The runtime's rows of the contract's table of errors, and its answers, as real boto3 sees them: §3.2 to §3.6."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from local.tests.harbour import VARIANT, Served, served, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from mooring.errors import RunnerError
from mooring_local.runtime.limits import Limits

pytestmark = pytest.mark.wire
LIMITS = Limits(body=200_000, answer=1000, invoke_s=1.0, stream_s=1.5)


async def obedient(heard: Heard) -> Said:
    """Does what the body says."""
    word, _, rest = heard.body.decode().partition(" ")
    if word == "status":
        return Said(int(rest), f'{{"code": {rest}}}'.encode())
    if word == "long":
        return Said(body=b"x" * 2000)
    if word == "never":
        await asyncio.Event().wait()
    if word == "slowly":
        return Said(pieces=slowly())
    if word == "breaks":
        return Said(pieces=pieces(b"one"), breaks_off=True)
    if word == "pieces":
        return Said(pieces=pieces(b"one", b"", b"three"))
    return Said(
        body=json.dumps(dict(heard.headers)).encode(),
        headers={
            "Content-Type": "a/b",
            "X-Amzn-SageMaker-Custom-Attributes": "back=1",
            "X-Amzn-SageMaker-Session-Id": "s1",
        },
    )


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """At once; an empty one would end the body, and is left out."""
    for part in parts:
        if part:
            yield part


async def slowly() -> AsyncIterator[bytes]:
    """The first only."""
    yield b"first"
    await asyncio.Event().wait()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Endpoints `e`, `serverless` and `async`."""
    runner = FakeRunner(obedient)
    with served(tmp_path_factory.mktemp("boto3"), runner=runner, limits=LIMITS) as one:
        harbour = one.harbour
        harbour.model()
        harbour.store.create_bucket("out-bucket")
        harbour.config("c", VARIANT)
        limits = {"MemorySizeInMB": 1024, "MaxConcurrency": 5}
        harbour.config("s", {"VariantName": "AllTraffic", "ModelName": "m", "ServerlessConfig": limits})
        harbour.config("a", VARIANT, AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": "s3://out-bucket/o"}})
        for name, config in (("e", "c"), ("serverless", "s"), ("async", "a")):
            one.do(harbour.up(name, config))
        yield one


@pytest.fixture(scope="module")
def runtime(there: Served) -> Iterator[Any]:
    """boto3's client."""
    client = there.client()
    yield client
    client.close()


def failed(call: Callable[[], Any]) -> dict[str, Any]:
    """What boto3 raises, as it has it."""
    with pytest.raises(ClientError) as caught:
        call()
    response: dict[str, Any] = caught.value.response
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-errortype"] == response["Error"]["Code"]
    assert headers["x-amzn-requestid"] == response["ResponseMetadata"]["RequestId"]
    return response


def told(response: dict[str, Any]) -> tuple[str, int, str]:
    """Code, status, message."""
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def test_all_headers_both_ways(runtime: Any) -> None:
    """As boto3 names them."""
    reply = runtime.invoke_endpoint(
        EndpointName="e",
        Body=b"hello",
        ContentType="c/t",
        Accept="a/c",
        CustomAttributes="there=1",
        InferenceId="id-1",
        TargetVariant="AllTraffic",
        SessionId="NEW_SESSION",
    )
    heard = json.loads(reply["Body"].read())
    assert (heard["content-type"], heard["accept"]) == ("c/t", "a/c")
    assert heard["x-amzn-sagemaker-custom-attributes"] == "there=1"
    assert heard["x-amzn-sagemaker-inference-id"] == "id-1"
    assert heard["x-amzn-sagemaker-session-id"] == "NEW_SESSION"
    assert (reply["ContentType"], reply["InvokedProductionVariant"]) == ("a/b", "AllTraffic")
    assert (reply["CustomAttributes"], reply["NewSessionId"]) == ("back=1", "s1")
    assert len(reply["ResponseMetadata"]["RequestId"]) == 36


def test_an_unknown_endpoint(runtime: Any) -> None:
    """ValidationError, which is a class of boto3's."""
    expected = ("ValidationError", 400, "Endpoint nobody of account 123456789012 not found.")
    assert told(failed(lambda: runtime.invoke_endpoint(EndpointName="nobody", Body=b""))) == expected
    with pytest.raises(runtime.exceptions.ValidationError):
        runtime.invoke_endpoint(EndpointName="nobody", Body=b"")


@pytest.mark.parametrize(("status", "kind"), [(400, "client"), (503, "server")])
def test_a_model_error(runtime: Any, status: int, kind: str) -> None:
    """Its four members are top-level keys of the response; boto3 does not try again."""
    response = failed(lambda: runtime.invoke_endpoint(EndpointName="e", Body=f"status {status}"))
    code, http, message = told(response)
    assert (code, http) == ("ModelError", 424)
    assert message.startswith(
        f'Received {kind} error ({status}) from primary with message "{{"code": {status}}}". See '
    )
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == f'{{"code": {status}}}'
    assert response["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/e")
    assert response["ResponseMetadata"]["RetryAttempts"] == 0


def test_an_answer_too_long(runtime: Any) -> None:
    """ModelError."""
    code, http, message = told(failed(lambda: runtime.invoke_endpoint(EndpointName="e", Body=b"long")))
    assert (code, http) == ("ModelError", 424)
    assert "and could not load the entire response body. See" in message


def test_a_time_out(runtime: Any) -> None:
    """ModelError with status 0."""
    response = failed(lambda: runtime.invoke_endpoint(EndpointName="e", Body=b"never"))
    assert told(response)[2].startswith(
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        "from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the "
        'issue, and try again.". See '
    )
    assert response["OriginalStatusCode"] == 0


def test_bodies_too_long(there: Served, runtime: Any) -> None:
    """The answer is heard although the whole body was sent."""
    response = failed(lambda: runtime.invoke_endpoint(EndpointName="e", Body=b"x" * 5_000_000))
    expected = ("RequestEntityTooLargeException", 413, "HTTP content length exceeded 200000 bytes.")
    assert told(response) == expected
    code, http, message = told(
        failed(lambda: runtime.invoke_endpoint(EndpointName="serverless", Body=b"x" * 5_000_000))
    )
    assert (code, http) == ("ValidationError", 400)
    assert message.startswith("Request ")
    assert message.endswith(" has oversize body.")


def test_calls_of_the_other_kind(runtime: Any) -> None:
    """Sync and streams on an asynchronous endpoint, and the other way round."""
    for call in (
        lambda: runtime.invoke_endpoint(EndpointName="async", Body=b"x"),
        lambda: runtime.invoke_endpoint_with_response_stream(EndpointName="async", Body=b"x"),
        lambda: runtime.invoke_endpoint_async(EndpointName="e", InputLocation="s3://in-bucket/x"),
    ):
        assert told(failed(call))[:2] == ("ValidationError", 400)


@pytest.mark.parametrize(
    ("parameters", "part"),
    [
        ({"TargetVariant": "other"}, "Variant other not found"),
        ({"TargetContainerHostname": "other"}, "TargetContainerHostname is for multi-container endpoints"),
        ({"TargetModel": "m.tar.gz"}, "TargetModel is for multi-model endpoints"),
        ({"InferenceComponentName": "ic"}, "Inference Component Name ic not found"),
        ({"InferenceId": "x" * 65}, "Member must have length less than or equal to 64"),
        ({"SessionId": "under_score"}, "at 'sessionId' failed to satisfy constraint"),
    ],
)
def test_parameters_that_do_not_fit(runtime: Any, parameters: dict[str, str], part: str) -> None:
    """boto3 sends them; the server refuses."""
    code, http, message = told(failed(lambda: runtime.invoke_endpoint(EndpointName="e", Body=b"x", **parameters)))
    assert (code, http) == ("ValidationError", 400)
    assert part in message


def test_a_stream(runtime: Any) -> None:
    """Its parts, its content type, its variant."""
    reply = runtime.invoke_endpoint_with_response_stream(EndpointName="e", Body=b"pieces", Accept="x/y")
    parts = [event["PayloadPart"]["Bytes"] for event in reply["Body"]]
    assert b"".join(parts) == b"onethree"
    assert (reply["ContentType"], reply["InvokedProductionVariant"]) == ("application/json", "AllTraffic")


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (
            b"slowly",
            "ModelStreamError",
            "primary did not complete sending the inference response in the allotted time.",
        ),
        (b"breaks", "ModelStreamError", "did not complete its response"),
    ],
)
def test_a_stream_that_fails_on_the_way(runtime: Any, body: bytes, code: str, words: str) -> None:
    """What came before is there; then EventStreamError."""
    reply = runtime.invoke_endpoint_with_response_stream(EndpointName="e", Body=body)
    found: list[bytes] = []
    with pytest.raises(EventStreamError, match=words) as caught:
        found.extend(event["PayloadPart"]["Bytes"] for event in reply["Body"])
    assert caught.value.response["Error"]["Code"] == code
    reply["Body"].close()


def test_a_stream_refused_at_its_beginning(runtime: Any) -> None:
    """ModelError, as without a stream."""
    response = failed(lambda: runtime.invoke_endpoint_with_response_stream(EndpointName="e", Body=b"status 422"))
    assert (told(response)[:2], response["OriginalStatusCode"]) == (("ModelError", 424), 422)


def test_an_asynchronous_call(there: Served, runtime: Any) -> None:
    """Accepted with 202; without a failure path there is no such header."""
    there.harbour.store.put("out-bucket", "in", b"hello")
    reply = runtime.invoke_endpoint_async(
        EndpointName="async", InputLocation="s3://out-bucket/in", InferenceId="mine", Filename="a.json"
    )
    assert (reply["ResponseMetadata"]["HTTPStatusCode"], reply["InferenceId"]) == (202, "mine")
    assert reply["OutputLocation"] == "s3://out-bucket/o/a.json"
    assert "FailureLocation" not in reply


def test_a_variant_without_an_instance(there: Served, runtime: Any) -> None:
    """503, which boto3 tries again by itself: here it was told not to."""

    async def kill() -> None:
        one = there.harbour.live()
        instance = one.variants["AllTraffic"].instances[0]
        instance.containers["primary"].running.die(137)  # type: ignore[attr-defined]
        await until(lambda: not instance.containers)

    async def back() -> None:
        await until(lambda: len(there.harbour.live().variants["AllTraffic"].instances[0].containers))

    there.harbour.runner.fails = RunnerError("not now")
    there.do(kill())
    assert told(failed(lambda: runtime.invoke_endpoint(EndpointName="e", Body=b"x")))[:2] == ("ServiceUnavailable", 503)
    there.harbour.runner.fails = None
    there.do(back())
    assert runtime.invoke_endpoint(EndpointName="e", Body=b"x")["InvokedProductionVariant"] == "AllTraffic"
