"""InvokeEndpoint over fake containers: what reaches the container, what comes back, every refusal's words."""

import asyncio
from pathlib import Path

import pytest

from local.tests.harbour import VARIANT, Harbour, harbour, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from mooring_local.runtime.limits import Limits
from tests.support.asgi import Reply

WHERE = (
    "See https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
    "#logEventViewer:group=/aws/sagemaker/Endpoints/e in account 123456789012 for more information."
)
INVOKE = "/endpoints/e/invocations"
PREFIX = "X-Amzn-SageMaker-"


def answering(said: Said) -> FakeRunner:
    """Containers that say the same to everybody."""

    async def answer(_: Heard) -> Said:
        return said

    return FakeRunner(answer)


def refusal(reply: Reply) -> tuple[int, str, str]:
    """Status, code, message."""
    return reply.status, reply.headers["x-amzn-errortype"], reply.json["Message"]


async def serverless(one: Harbour, concurrency: int = 1) -> None:
    """The endpoint `s`."""
    limits = {"MemorySizeInMB": 2048, "MaxConcurrency": concurrency}
    one.config("serverless", {"VariantName": "AllTraffic", "ModelName": "m", "ServerlessConfig": limits})
    document = await one.up("s", "serverless")
    assert document["EndpointStatus"] == "InService"
    assert document["ProductionVariants"][0]["CurrentServerlessConfig"] == limits


def test_the_body_goes_through_byte_for_byte(tmp_path: Path) -> None:
    """With its content type both ways, the variant's name and a request id; connections are kept."""

    async def work() -> None:
        async with harbour(
            tmp_path, runner=answering(Said(body=b"\x00out\xff", headers={"Content-Type": "x/y"}))
        ) as one:
            await one.one()
            for _ in range(3):
                reply = await one.ask(INVOKE, b"\x00in\xff", Content_Type="a/b", Accept="x/y")
            assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"\x00out\xff", "x/y")
            assert reply.headers["x-amzn-invoked-production-variant"] == "AllTraffic"
            assert len(reply.headers["x-amzn-requestid"]) == 36
            heard = one.runner.last.heard[-1]
            assert (heard.method, heard.path, heard.body) == ("POST", "/invocations", b"\x00in\xff")
            assert (heard.headers["content-type"], heard.headers["accept"]) == ("a/b", "x/y")
            assert one.runner.last.connections == 1

    asyncio.run(work())


def test_the_container_sees_the_platforms_headers_and_no_others(tmp_path: Path) -> None:
    """Nothing of the caller's own reaches it, not even a content type that it did not send."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            await one.ask(
                X_Amzn_SageMaker_Custom_Attributes="c=1", X_Amzn_SageMaker_Inference_Id="id-1", X_Other="x", Cookie="y"
            )
            assert dict(one.runner.last.heard[-1].headers) == {
                "host": one.runner.last.base_url.removeprefix("http://"),
                "content-length": "2",
                "x-amzn-sagemaker-custom-attributes": "c=1",
                "x-amzn-sagemaker-inference-id": "id-1",
            }

    asyncio.run(work())


def test_the_containers_attributes_come_back(tmp_path: Path) -> None:
    """And nothing else of its headers."""
    said = Said(headers={f"{PREFIX}Custom-Attributes": "trace=7", "Server": "mine", "Content-Type": "a/b"})

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(said)) as one:
            await one.one()
            reply = await one.ask()
            assert reply.headers["x-amzn-sagemaker-custom-attributes"] == "trace=7"
            assert "server" not in reply.headers

    asyncio.run(work())


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("X_Amzn_SageMaker_Enable_Explanations", "does not implement EnableExplanations of InvokeEndpoint"),
        ("X_Amzn_SageMaker_Something_New", "InvokeEndpoint has no header x-amzn-sagemaker-something-new"),
    ],
)
def test_what_would_change_the_answer_is_refused(tmp_path: Path, header: str, said: str) -> None:
    """A header that is not implemented, and one of the platform's that nobody knows."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            status, code, message = refusal(await one.ask(INVOKE, b"{}", **{header: "`true`"}))
            assert (status, code) == (400, "ValidationError")
            assert said in message
            assert [heard.path for heard in one.runner.last.heard if heard.path == "/invocations"] == []
            reply = await one.ask(INVOKE, b"{}", X_Amzn_SageMaker_Prefix_Aware_Id="a", X_Amzn_Trace_Id="b")
            assert reply.status == 200

    asyncio.run(work())


def test_an_endpoint_that_is_not_there(tmp_path: Path) -> None:
    """Also one that is still Creating."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(sick=1)) as one:
            found = refusal(await one.ask())
            assert found == (400, "ValidationError", "Endpoint e of account 123456789012 not found.")
            one.model()
            one.config("c", VARIANT)
            creating = asyncio.ensure_future(one.up())
            await one.runner.arrived.wait()
            assert refusal(await one.ask()) == found
            one.runner.last.ping = 200
            await creating
            assert (await one.ask()).status == 200

    asyncio.run(work())


@pytest.mark.parametrize(("status", "kind"), [(400, "client"), (429, "client"), (500, "server"), (302, "server")])
def test_a_containers_refusal_is_a_model_error(tmp_path: Path, status: int, kind: str) -> None:
    """424, with the status and the body of the container and the address of the log."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(status, b'{"code":1}'))) as one:
            await one.one()
            reply = await one.ask()
            assert (reply.status, reply.headers["x-amzn-errortype"]) == (424, "ModelError")
            assert reply.json == {
                "Message": f'Received {kind} error ({status}) from primary with message "{{"code":1}}". {WHERE}',
                "OriginalStatusCode": status,
                "OriginalMessage": '{"code":1}',
                "LogStreamArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/e",
            }

    asyncio.run(work())


def test_a_long_refusal_is_cut(tmp_path: Path) -> None:
    """To what the API allows, with the log's address still whole."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(500, b"x" * 5000))) as one:
            await one.one()
            reply = await one.ask()
            assert len(reply.json["Message"]) == len(reply.json["OriginalMessage"]) == 2048
            assert reply.json["Message"].endswith(WHERE)

    asyncio.run(work())


def test_a_container_that_takes_too_long(tmp_path: Path) -> None:
    """Status 0, and the platform's advice."""

    async def never(_: Heard) -> Said:
        await asyncio.Event().wait()
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(never), limits=Limits(invoke_s=0.02)) as one:
            await one.one()
            reply = await one.ask()
            assert reply.json["OriginalStatusCode"] == 0
            assert reply.json["Message"] == (
                'Received server error (0) from primary with message "Your invocation timed out while waiting for a '
                "response from container primary. Review the latency metrics for each container in Amazon CloudWatch, "
                f'resolve the issue, and try again.". {WHERE}'
            )

    asyncio.run(work())


def test_a_container_that_dies_in_the_middle(tmp_path: Path) -> None:
    """A ModelError; until it is replaced, others hear 503, which clients try again by themselves."""
    runner = FakeRunner()

    async def die(_: Heard) -> Said:
        runner.last.die(137)
        await asyncio.Event().wait()
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=runner) as one:
            await one.one()
            runner.last.answer = die
            reply = await one.ask()
            assert (reply.status, reply.json["OriginalStatusCode"]) == (424, 0)
            assert "closed the connection without a response" in reply.json["OriginalMessage"]
            status, code, _ = refusal(await one.ask())
            assert (status, code) == (503, "ServiceUnavailable")
            await until(lambda: len(runner.living) == 1 and one.live().variants["AllTraffic"].pick())
            assert (await one.ask()).status == 200

    asyncio.run(work())


def test_an_answer_that_breaks_off(tmp_path: Path) -> None:
    """Is no answer."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(body=b"half", breaks_off=True))) as one:
            await one.one()
            reply = await one.ask()
            assert "closed in the middle of the response" in reply.json["OriginalMessage"]

    asyncio.run(work())


def test_a_connection_that_the_container_closed_meanwhile_is_replaced(tmp_path: Path) -> None:
    """Servers close what is idle; the caller does not hear of it."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            assert (await one.ask()).status == 200
            for task in list(one.runner.last._tasks):
                task.cancel()
            assert (await one.ask()).status == 200
            assert one.runner.last.connections == 2

    asyncio.run(work())


def test_bodies_that_are_too_long(tmp_path: Path) -> None:
    """Real-time: 413; serverless: the platform's own words. At the limit they pass."""

    async def work() -> None:
        limits = Limits(body=100, serverless_body=50)
        async with harbour(tmp_path, limits=limits) as one:
            await one.one()
            assert (await one.ask(INVOKE, b"x" * 100)).status == 200
            found = refusal(await one.ask(INVOKE, b"x" * 101))
            assert found == (413, "RequestEntityTooLargeException", "HTTP content length exceeded 100 bytes.")
            await serverless(one)
            assert (await one.ask("/endpoints/s/invocations", b"x" * 50)).status == 200
            reply = await one.ask("/endpoints/s/invocations", b"x" * 51)
            oversize = f"Request {reply.headers['x-amzn-requestid']} has oversize body."
            assert refusal(reply) == (400, "ValidationError", oversize)

    asyncio.run(work())


def test_answers_that_are_too_long(tmp_path: Path) -> None:
    """The platform could not load the entire response body."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(body=b"x" * 101)), limits=Limits(answer=100)) as one:
            await one.one()
            reply = await one.ask()
            assert reply.headers["x-amzn-errortype"] == "ModelError"
            assert "from primary and could not load the entire response body. See https" in reply.json["Message"]

    asyncio.run(work())


def test_a_fault_of_ours_is_an_internal_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an id that the log has too."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            monkeypatch.setattr(one.fleet, "live", lambda name: 1 / 0)
            status, code, message = refusal(await one.ask())
            assert (status, code) == (500, "InternalFailure")
            assert "ZeroDivisionError" not in message

    asyncio.run(work())
