"""Any image on a real engine: what it gets, that it answers, and that nothing of it is left."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from local.tests.harbour import Harbour, harbour, until
from mooring.errors import RunnerError
from mooring_local.runners.base import Order
from mooring_local.runners.container import LABEL, ContainerRunner
from mooring_local.runners.engine import Engine, find_engine
from mooring_local.runners.launch import Pulse
from tests.support.engine import IMAGE, build, engine, needed
from tests.support.tiny_models import write_tiny_distilbert

QUESTION = json.dumps({"question": "Who wrote it?", "context": "Ada Lovelace wrote it."}).encode()


def test_no_engine_says_what_was_tried() -> None:
    """And what to do without one."""
    with pytest.raises(RunnerError, match="no-such-engine is not installed") as caught:
        asyncio.run(find_engine(("no-such-engine",)))
    assert "omit --engine" in caught.value.hint


@pytest.fixture
def runner(tmp_path: Path) -> ContainerRunner:
    """With an engine that answers; skipped without one."""
    program = needed()
    if not engine("images", "--quiet", IMAGE).strip():
        build(Path(__file__).resolve().parents[3])
    return ContainerRunner(tmp_path / "containers", Engine(program))


def containers(folder: Path) -> list[str]:
    """Of that folder's marker, running or not."""
    marker = (folder / "containers" / "marker").read_text(encoding="utf-8")
    return engine("ps", "--all", "--quiet", "--filter", f"label={LABEL}={marker}").split()


def inspected(one: Harbour, template: str) -> str:
    """A field of the endpoint's container."""
    return engine("inspect", "-f", template, name_of(one)).strip()


def name_of(one: Harbour) -> str:
    """Of the endpoint's container."""
    running = one.live().variants["AllTraffic"].instances[0].containers["primary"].running
    return str(running.name)  # type: ignore[attr-defined]


@pytest.mark.container
def test_an_endpoint_in_a_container(tmp_path: Path, runner: ContainerRunner) -> None:
    """As the platform runs it: `serve`, model data read-only, secrets in no command line; removed in the end."""
    write_tiny_distilbert(tmp_path / "model")

    async def work() -> None:
        async with harbour(tmp_path, runner=runner, pulse=Pulse(), patience_s=90.0) as one:
            url = (tmp_path / "model").as_uri()
            document = await one.one(Image=IMAGE, ModelDataUrl=url, Environment={"HF_TOKEN": "secret", "A": "b=c"})
            assert document["EndpointStatus"] == "InService", document
            assert (await one.ask("/endpoints/e/invocations", QUESTION)).status == 200
            assert inspected(one, "{{json .Config.Cmd}}") == '["serve"]'
            assert f"{tmp_path / 'model'}:/opt/ml/model:ro" in inspected(one, "{{json .HostConfig.Binds}}")
            environment = json.loads(inspected(one, "{{json .Config.Env}}"))
            assert {"HF_TOKEN=secret", "A=b=c"} <= set(environment)
            assert '"HostIp":"127.0.0.1"' in inspected(one, '{{json (index .NetworkSettings.Ports "8080/tcp")}}')
            assert any("ping is healthy" in line for line in one.log())
            assert len(containers(tmp_path)) == 1
        assert containers(tmp_path) == []

    asyncio.run(work())


@pytest.mark.container
def test_a_killed_container_is_replaced(tmp_path: Path, runner: ContainerRunner) -> None:
    """By another one, which answers."""

    async def work() -> None:
        async with harbour(tmp_path, runner=runner, pulse=Pulse(), patience_s=90.0) as one:
            assert (await one.one(Image=IMAGE))["EndpointStatus"] == "InService"
            first = name_of(one)
            await asyncio.to_thread(engine, "kill", first)
            variant = one.live().variants["AllTraffic"]
            await until(lambda: variant.pick() and name_of(one) != first, 90)
            assert (await one.ask("/endpoints/e/invocations", QUESTION)).json["answer"] == "Ada Lovelace"

    asyncio.run(work())


@pytest.mark.container
def test_an_image_that_does_not_exist(tmp_path: Path, runner: ContainerRunner) -> None:
    """FailureReason has the engine's own words."""

    async def work() -> None:
        async with harbour(tmp_path, runner=runner, pulse=Pulse(), patience_s=90.0) as one:
            document = await one.one(Image="localhost:9/no/such-image:1")
            assert document["EndpointStatus"] == "Failed"
            assert "docker run failed" in document["FailureReason"] or "podman run failed" in document["FailureReason"]
            assert "localhost:9" in document["FailureReason"]

    asyncio.run(work())


@pytest.mark.container
def test_what_a_killed_one_left_is_removed_and_nothing_else(tmp_path: Path, runner: ContainerRunner) -> None:
    """A container of another data folder stays."""

    async def work() -> None:
        folder = tmp_path / "order"
        folder.mkdir()
        others = ContainerRunner(tmp_path / "others", Engine(needed()))
        mine = await runner.start(Order(IMAGE, {}, folder, lambda _: None))
        other = await others.start(Order(IMAGE, {}, folder, lambda _: None))
        again = ContainerRunner(tmp_path / "containers", Engine(needed()))
        (said,) = await again.clean()
        assert re.fullmatch(r"Removed container \S+, left over from a killed local SageMaker\.", said)
        assert await asyncio.wait_for(mine.wait(), 30) != 0
        assert other.alive()
        assert len(await others.clean()) == 1
        await asyncio.wait_for(other.wait(), 30)

    asyncio.run(work())
