"""What is asked with GET."""

import asyncio
import io

import pytest

from mooring.errors import BackendError
from mooring.observe.metrics import Metrics
from mooring.web.app import create_app
from mooring.web.pages import payload_mb
from mooring.web.service import Service
from tests.support.asgi import Client
from tests.web.site import Site, play


def test_ping_is_green_when_the_model_answers() -> None:
    """A small body, for GET and HEAD; /health is the name that Hugging Face's clients know."""

    async def scene(stage: Site) -> None:
        for path in ("/ping", "/health"):
            reply = await stage.get(path)
            assert (reply.status, reply.json) == (200, {"status": "ready"})
            assert (await Client(stage.app).call("HEAD", path)).status == 200

    play(scene)


def test_ping_is_503_with_the_reason_while_the_model_loads() -> None:
    """And so is everything that needs the model; what does not, answers."""
    app = create_app(Service(lambda: pytest.fail("not to be opened")), Metrics())

    async def scene() -> None:
        for method, path in (("GET", "/ping"), ("POST", "/invocations")):
            reply = await Client(app).call(method, path, [b'{"question": "q", "context": "c"}'])
            assert (reply.status, reply.json["code"], reply.json["type"]) == (503, 503, "NotReady")
            assert reply.json["message"].startswith("The model is loading.")
        for path in ("/", "/info", "/metrics", "/execution-parameters"):
            assert (await Client(app).call("GET", path)).status == 200

    asyncio.run(scene())


def test_ping_is_red_while_the_model_does_not_answer_and_green_again_by_itself(log: io.StringIO) -> None:
    """After a failed batch it asks the model: a failing one is red, a healthy one green. Each change is logged once."""

    async def scene(stage: Site) -> None:
        stage.backend.fail_next = 2
        assert (await stage.ask()).status == 500
        red = await stage.get("/ping")
        assert (red.status, red.json["type"]) == (503, "NotReady")
        assert "told to fail" in red.json["message"]
        assert [(await stage.get("/ping")).status for _ in range(2)] == [200, 200]
        lines = log.getvalue()
        assert (lines.count("ping is unhealthy"), lines.count("ping is healthy")) == (0, 1)

    play(scene)


def test_a_ping_that_turns_red_is_logged(log: io.StringIO) -> None:
    """With its reason, once."""

    async def scene(stage: Site) -> None:
        await stage.get("/ping")
        assert await stage.service.drain(0)
        assert [(await stage.get(path)).status for path in ("/ping", "/health")] == [503, 503]
        assert log.getvalue().count('"event":"ping is unhealthy","reason":"The server is shutting down."') == 1

    play(scene)


def test_a_bad_request_leaves_ping_green() -> None:
    """It is no fault of the model's."""

    async def scene(stage: Site) -> None:
        for body in (b"{", b"", b"\xff", {"question": 1}, {"question": "q", "context": "crash"}):
            assert (await stage.ask(body)).status in (400, 500)
            assert (await stage.get("/ping")).status == 200

    play(scene)


def test_execution_parameters_are_batch_transforms() -> None:
    """By the names that SageMaker asks for, from what the warm-up measured."""

    async def scene(stage: Site) -> None:
        found = (await stage.get("/execution-parameters")).json
        rate = (await stage.get("/info")).json["engine"]["tokens_per_second"]
        expected = payload_mb(rate, 60.0, 26_214_400, 2)
        assert found == {"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": expected}

    play(scene)


@pytest.mark.parametrize(
    ("rate", "deadline_s", "max_body_bytes", "expected"),
    [
        (0, 60, 26_214_400, 1),  # nothing was measured
        (20_000, 60, 26_214_400, 1),
        (20_000, 600, 26_214_400, 3),
        (1_000_000, 600, 6 << 20, 6),
        (1_000_000, 3600, 200 << 20, 50),  # two at the same time may have 100 MB
    ],
)
def test_a_transform_is_told_what_is_answered_well_in_time(
    rate: float, deadline_s: float, max_body_bytes: int, expected: int
) -> None:
    """And never more than a body may have, or than the platform allows."""
    assert payload_mb(rate, deadline_s, max_body_bytes, 2) == expected


def test_info_says_what_answers() -> None:
    """The model's own facts, the engine's state, limits and versions."""

    async def scene(stage: Site) -> None:
        reply = await stage.get("/info")
        assert reply.headers["content-type"] == "application/json"
        found = reply.json
        assert found["model"] == {"name": "minilm", "precision": "int8"}
        assert (found["ready"], found["reason"], found["engine"]["phase"]) == (True, "", "serving")
        assert found["limits"]["max_body_bytes"] == 26_214_400
        assert {"mooring", "python", "numpy"} <= set(found["versions"])

    play(scene, facts={"model": {"name": "minilm", "precision": "int8"}})


def test_metrics_are_prometheus_text() -> None:
    """With what has happened so far."""

    async def scene(stage: Site) -> None:
        await stage.ask()
        await stage.get("/nowhere")
        reply = await stage.get("/metrics")
        assert reply.headers["content-type"].startswith("text/plain; version=")
        lines = reply.body.decode().splitlines()
        assert 'mooring_requests_total{route="/invocations",status="200"} 1.0' in lines
        assert 'mooring_requests_total{route="other",status="404"} 1.0' in lines
        assert "mooring_request_seconds_count 1.0" in lines
        assert 'mooring_stage_seconds_count{stage="compute"} 1.0' in lines
        assert "mooring_ready 1.0" in lines

    play(scene)


def test_the_index_names_the_routes_and_a_line_to_try() -> None:
    """For people who open the address."""

    async def scene(stage: Site) -> None:
        found = (await stage.get("/", {"Host": "127.0.0.1:8080"})).json
        assert found["try"].startswith("curl http://127.0.0.1:8080/invocations ")
        assert {route.split()[1] for route in found["routes"]} == {
            "/invocations",
            "/",
            "/ping",
            "/health",
            "/health/live",
            "/health/ready",
            "/info",
            "/metrics",
            "/execution-parameters",
            "/openapi.json",
            "/models/{id}",
            "/models/{id}/pipeline/{task}",
            "/v1/models",
            "/v1/models/{id}",
            "/v1/models/{model}:predict",
            "/v2",
            "/v2/health/live",
            "/v2/health/ready",
            *("/v2/models/{model}" + rest for rest in ("", "/ready", "/infer")),
            *("/v2/models/{model}/versions/{version}" + rest for rest in ("", "/ready", "/infer")),
            "/tokenize",
            "/decode",
        }

    play(scene)


def test_a_failing_start_is_raised_to_whoever_started() -> None:
    """From the thread that opened the model."""

    def broken() -> None:
        raise BackendError("no model here")

    service = Service(broken)  # type: ignore[arg-type]

    async def scene() -> None:
        with pytest.raises(BackendError, match="no model here"):
            await service.start()
        await service.stop()
        assert not service.health().ready

    asyncio.run(scene())


def test_a_stop_waits_for_the_model_that_is_being_opened() -> None:
    """And tells its opener that nobody wants it any more."""

    def patient() -> None:
        assert service.stopping.wait(5)
        raise InterruptedError

    service = Service(patient)  # type: ignore[arg-type]

    async def scene() -> None:
        starting = asyncio.ensure_future(service.start())
        await asyncio.sleep(0)
        await service.stop()
        with pytest.raises(InterruptedError):
            await starting

    asyncio.run(scene())
