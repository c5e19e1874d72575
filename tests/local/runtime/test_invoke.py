"""InvokeEndpoint over fake containers: what reaches the container, what comes back, and every refusal's words."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mooring.local.runtime.limits import Limits
from tests.local.harbour import VARIANT, Harbour, harbour, until
from tests.support.asgi import Reply
from tests.support.fake_container import FakeRunner, Heard, Said

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
            assert "closed the connection without an answer" in reply.json["OriginalMessage"]
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
            assert "closed in the middle of the answer" in reply.json["OriginalMessage"]

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


async def serverless(one: Harbour, concurrency: int = 1) -> None:
    """The endpoint `s`."""
    limits = {"MemorySizeInMB": 2048, "MaxConcurrency": concurrency}
    one.config("serverless", {"VariantName": "AllTraffic", "ModelName": "m", "ServerlessConfig": limits})
    document = await one.up("s", "serverless")
    assert document["EndpointStatus"] == "InService"
    assert document["ProductionVariants"][0]["CurrentServerlessConfig"] == limits


def test_answers_that_are_too_long(tmp_path: Path) -> None:
    """The platform could not load the entire response body."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(body=b"x" * 101)), limits=Limits(answer=100)) as one:
            await one.one()
            reply = await one.ask()
            assert reply.headers["x-amzn-errortype"] == "ModelError"
            assert "from primary and could not load the entire response body. See https" in reply.json["Message"]

    asyncio.run(work())


def test_a_serverless_endpoint_takes_so_many_at_a_time(tmp_path: Path) -> None:
    """One more is throttled. Its container is told its memory."""
    gate = asyncio.Event()

    async def wait(heard: Heard) -> Said:
        await gate.wait()
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(wait)) as one:
            one.model()
            await serverless(one)
            assert one.runner.last.order.memory_bytes == 2048 * 1024 * 1024
            first = asyncio.ensure_future(one.ask("/endpoints/s/invocations"))
            await until(lambda: one.runner.last.heard)
            status, code, message = refusal(await one.ask("/endpoints/s/invocations"))
            assert (status, code) == (400, "ThrottlingException")
            assert message.startswith("Rate exceeded")
            gate.set()
            assert (await first).status == 200

    asyncio.run(work())


def test_traffic_is_shared_by_weight_unless_a_variant_is_named(tmp_path: Path) -> None:
    """Exactly, in turns; a variant without weight gets what is meant for it."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            one.model()
            weights = {"a": 3.0, "b": 1.0, "c": 0.0}
            one.config(
                "c", *({**VARIANT, "VariantName": name, "InitialVariantWeight": w} for name, w in weights.items())
            )
            await one.up()
            invoked = [(await one.ask()).headers["x-amzn-invoked-production-variant"] for _ in range(8)]
            assert {name: invoked.count(name) for name in weights} == {"a": 6, "b": 2, "c": 0}
            reply = await one.ask(X_Amzn_SageMaker_Target_Variant="c")
            assert reply.headers["x-amzn-invoked-production-variant"] == "c"
            status, code, message = refusal(await one.ask(X_Amzn_SageMaker_Target_Variant="d"))
            assert (status, code) == (400, "ValidationError")
            assert "d not found" in message
            assert "a, b, c" in message

    asyncio.run(work())


def test_sessions_stay_where_they_began(tmp_path: Path) -> None:
    """Either header of a container opens one; it is the new session's to the caller; closed, it is forgotten."""

    async def sessions(heard: Heard) -> Said:
        asked = heard.headers.get("x-amzn-sagemaker-session-id")
        if asked == "NEW_SESSION":
            return Said(headers={f"{PREFIX}Session-Id": "s1; Expires=2030-01-01T00:00:00Z"})
        return Said(headers={f"{PREFIX}Closed-Session-Id": str(asked)} if heard.body == b"close" else {})

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(sessions)) as one:
            one.model()
            one.config("c", {**VARIANT, "VariantName": "a"}, {**VARIANT, "VariantName": "b"})
            await one.up()
            reply = await one.ask(X_Amzn_SageMaker_Session_Id="NEW_SESSION")
            assert reply.headers["x-amzn-sagemaker-new-session-id"] == "s1; Expires=2030-01-01T00:00:00Z"
            opened = reply.headers["x-amzn-invoked-production-variant"]
            for _ in range(3):
                reply = await one.ask(X_Amzn_SageMaker_Session_Id="s1")
                assert reply.headers["x-amzn-invoked-production-variant"] == opened
            reply = await one.ask(INVOKE, b"close", X_Amzn_SageMaker_Session_Id="s1")
            assert reply.headers["x-amzn-sagemaker-closed-session-id"] == "s1"
            assert one.live().recall("s1") is None

    asyncio.run(work())


@pytest.mark.parametrize(
    ("header", "value", "part"),
    [
        (f"{PREFIX}Target-Variant", "-bad-", "at 'targetVariant' failed to satisfy constraint"),
        (f"{PREFIX}Inference-Id", "x" * 65, "length less than or equal to 64"),
        (f"{PREFIX}Custom-Attributes", "x" * 1025, "length less than or equal to 1024"),
        (f"{PREFIX}Target-Model", "a.tar.gz", "TargetModel is for multi-model endpoints"),
        (f"{PREFIX}Target-Container-Hostname", "other", "for multi-container endpoints"),
    ],
)
def test_headers_that_do_not_fit(tmp_path: Path, header: str, value: str, part: str) -> None:
    """The model's constraints, and the endpoint's kind."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            await one.one()
            status, code, message = refusal(await one.ask(**{header: value}))
            assert (status, code) == (400, "ValidationError")
            assert part in message
            assert one.runner.last.heard == []

    asyncio.run(work())


def test_a_pipeline_hands_each_answer_on(tmp_path: Path) -> None:
    """The first container's answer, with its content type, is the second's request; errors name their container."""

    async def step(heard: Heard) -> Said:
        if heard.body == b"bad!":
            return Said(400, b"no")
        return Said(body=heard.body + b"!", headers={"Content-Type": heard.headers["content-type"] + "+"})

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(step)) as one:
            one.model(Containers=[{"Image": "mooring"}, {"Image": "mooring", "ContainerHostname": "last"}])
            one.config("c", VARIANT)
            await one.up()
            reply = await one.ask(INVOKE, b"x", Content_Type="t")
            assert (reply.body, reply.headers["content-type"]) == (b"x!!", "t++")
            assert "from last with message" in (await one.ask(INVOKE, b"bad", Content_Type="t")).json["Message"]
            assert len({stream.name.rpartition("/")[2] for stream in one.logbook.streams("x")}) == 0

    asyncio.run(work())


def test_one_container_of_several_is_named(tmp_path: Path) -> None:
    """With InferenceExecutionConfig Direct, and only then."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            names = ("first", "second")
            one.model(
                Containers=[{"Image": "mooring", "ContainerHostname": name} for name in names],
                InferenceExecutionConfig={"Mode": "Direct"},
            )
            one.config("c", VARIANT)
            await one.up()
            assert (await one.ask(X_Amzn_SageMaker_Target_Container_Hostname="second")).status == 200
            assert [len(container.heard) for container in one.runner.started] == [0, 1]
            for headers in ({}, {"X_Amzn_SageMaker_Target_Container_Hostname": "third"}):
                status, code, message = refusal(await one.ask(**headers))
                assert (status, code) == (400, "ValidationError")
                assert "first, second" in message

    asyncio.run(work())


def test_a_shadow_gets_copies_and_nobody_hears_it(tmp_path: Path) -> None:
    """Its share is its weight over the production variant's; its errors are in the log only."""

    async def work() -> None:
        async with harbour(tmp_path) as one:
            one.model()
            one.model("n", Image="mooring:shadow")
            shadow = {**VARIANT, "VariantName": "shadow", "ModelName": "n", "InitialVariantWeight": 0.5}
            one.config("c", VARIANT, ShadowProductionVariants=[shadow])
            document = await one.up()
            assert [v["VariantName"] for v in document["ProductionVariants"]] == ["AllTraffic"]
            copy = one.runner.last

            async def fail(_: Heard) -> Said:
                return Said(500, b"shadow's trouble")

            copy.answer = fail
            assert [(await one.ask(INVOKE, b"q")).status for _ in range(4)] == [200] * 4
            await until(lambda: sum("shadow's trouble" in line for line in one.log()) == 2)
            assert [heard.body for heard in copy.heard] == [b"q", b"q"]

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


def test_a_stream_comes_in_parts(tmp_path: Path) -> None:
    """As event-stream messages, each as soon as the container has sent it."""
    second = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await second.wait()
        yield b"two"

    async def work() -> None:
        runner = answering(Said(pieces=pieces(), headers={"Content-Type": "text/event-stream"}))
        async with harbour(tmp_path, runner=runner) as one:
            await one.one()
            from botocore.eventstream import EventStreamBuffer

            from tests.support.asgi import Client

            client = Client(one.runtime)
            asking = asyncio.ensure_future(
                client.call("POST", "/endpoints/e/invocations-response-stream", (b"{}",), {f"{PREFIX}Accept": "x/y"})
            )
            buffer = EventStreamBuffer()
            await until(lambda: len(client.sent) == 2)
            second.set()
            reply = await asking
            assert reply.headers["content-type"] == "application/vnd.amazon.eventstream"
            assert reply.headers["x-amzn-sagemaker-content-type"] == "text/event-stream"
            buffer.add_data(reply.body)
            assert [event.payload for event in buffer] == [b"one", b"two"]
            assert one.runner.last.heard[-1].headers["accept"] == "x/y"

    asyncio.run(work())


def test_a_stream_that_fails_before_it_begins_is_refused_as_usual(tmp_path: Path) -> None:
    """424 and JSON."""

    async def work() -> None:
        async with harbour(tmp_path, runner=answering(Said(400, b"no"))) as one:
            await one.one()
            reply = await one.ask("/endpoints/e/invocations-response-stream")
            assert (reply.status, reply.json["OriginalMessage"]) == (424, "no")

    asyncio.run(work())


def test_several_models_in_one_container(tmp_path: Path) -> None:
    """Loaded when they are asked for, by a name of the platform's; no room: the one asked longest ago goes."""
    room: dict[str, str] = {}

    async def container(heard: Heard) -> Said:
        if heard.path == "/models":
            fields = json.loads(heard.body)
            if len(room) == 2:
                return Said(507)
            room[fields["model_name"]] = (Path(fields["url"]) / "which").read_text(encoding="utf-8")
            return Said()
        _, _, name, *action = heard.path.split("/")
        if name not in room:
            return Said(404)
        if heard.method == "DELETE":
            del room[name]
            return Said()
        assert action == ["invoke"]
        return Said(body=room[name].encode())

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(container)) as one:
            one.store.create_bucket("bucket")
            for name in ("a", "b", "c"):
                one.store.put("bucket", f"models/{name}.tar.gz", archive(tmp_path, name))
            one.store.put("bucket", "models/bad.tar.gz", b"not an archive")
            await one.one(Mode="MultiModel", ModelDataUrl="s3://bucket/models/")
            assert one.runner.last.order.environment["SAGEMAKER_MULTI_MODEL"] == "true"

            async def asked(name: str) -> Reply:
                return await one.ask(X_Amzn_SageMaker_Target_Model=f"{name}.tar.gz")

            assert [(await asked(name)).body for name in "abab"] == [b"a", b"b", b"a", b"b"]
            assert sum(heard.path == "/models" for heard in one.runner.last.heard) == 2
            assert not {"a", "b", "a.tar.gz"} & room.keys()
            assert (await asked("a")).body == b"a"
            assert (await asked("c")).body == b"c"
            assert sorted(room.values()) == ["a", "c"]
            room.clear()
            assert (await asked("a")).body == b"a"
            status, code, message = refusal(await asked("missing"))
            assert (status, code) == (400, "ValidationError")
            assert "Failed to download model data(bucket: bucket, key: models/missing.tar.gz)" in message
            assert "no tar.gz" in refusal(await asked("bad"))[2]
            assert "name a TargetModel" in refusal(await one.ask())[2]

    asyncio.run(work())


def archive(folder: Path, name: str) -> bytes:
    """A model.tar.gz that says which it is."""
    import io
    import tarfile

    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        member = tarfile.TarInfo("which")
        member.size = len(name)
        tar.addfile(member, io.BytesIO(name.encode()))
    return held.getvalue()
