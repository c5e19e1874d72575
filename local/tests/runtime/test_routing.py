"""Which container a request goes to: weights, names, sessions, pipelines, shadows, limits."""

import asyncio
from pathlib import Path

import pytest

from local.tests.harbour import VARIANT, Harbour, harbour, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from tests.support.asgi import Reply

INVOKE = "/endpoints/e/invocations"
PREFIX = "X-Amzn-SageMaker-"


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
