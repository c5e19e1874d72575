"""Multi-model endpoints over fake containers."""

import asyncio
import json
from pathlib import Path

from local.tests.harbour import harbour, until
from local.tests.support.fake_container import FakeRunner, Heard, Said
from mooring_local.runtime.limits import Limits
from tests.support.asgi import Reply


def refusal(reply: Reply) -> tuple[int, str, str]:
    """Status, code, message."""
    return reply.status, reply.headers["x-amzn-errortype"], reply.json["Message"]


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
            assert "not a .tar.gz" in refusal(await asked("bad"))[2]
            assert "specify TargetModel" in refusal(await one.ask())[2]

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


async def accepting(heard: Heard) -> Said:
    """A container with room for everything."""
    return Said(body=heard.path.rpartition("/")[2].encode())


def test_models_that_are_not_kept_are_unloaded_after_each_request(tmp_path: Path) -> None:
    """ModelCacheSetting Disabled."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(accepting)) as one:
            one.store.create_bucket("bucket")
            one.store.put("bucket", "models/a.tar.gz", archive(tmp_path, "a"))
            setting = {"ModelCacheSetting": "Disabled"}
            await one.one(Mode="MultiModel", ModelDataUrl="s3://bucket/models/", MultiModelConfig=setting)
            for _ in range(2):
                assert (await one.ask(X_Amzn_SageMaker_Target_Model="a.tar.gz")).status == 200
            assert [heard.method for heard in one.runner.last.heard] == ["POST", "POST", "DELETE"] * 2
            assert list(one.live().variants["AllTraffic"].instances[0].containers["primary"].loaded) == []

    asyncio.run(work())


def test_a_model_that_loads_for_long_is_not_ready(tmp_path: Path) -> None:
    """429 until it is there, loaded once for all who ask; a container that refuses it is a ModelError."""
    gate = asyncio.Event()

    async def slowly(heard: Heard) -> Said:
        if heard.path == "/models":
            await gate.wait()
        return Said()

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(slowly), limits=Limits(invoke_s=0.02)) as one:
            one.store.create_bucket("bucket")
            one.store.put("bucket", "models/a.tar.gz", archive(tmp_path, "a"))
            await one.one(Mode="MultiModel", ModelDataUrl="s3://bucket/models/")
            for _ in range(2):
                reply = await one.ask(X_Amzn_SageMaker_Target_Model="a.tar.gz")
                assert (reply.status, reply.headers["x-amzn-errortype"]) == (429, "ModelNotReadyException")
            gate.set()
            await until(lambda: list(one.live().variants["AllTraffic"].instances[0].containers["primary"].loaded))
            loaded = one.live().variants["AllTraffic"].instances[0].containers["primary"].loaded["a.tar.gz"]
            await loaded.loading
            assert (await one.ask(X_Amzn_SageMaker_Target_Model="a.tar.gz")).status == 200
            assert sum(heard.path == "/models" for heard in one.runner.last.heard) == 1

    asyncio.run(work())


def test_a_model_that_the_container_refuses(tmp_path: Path) -> None:
    """Its words come back, and the next request tries again."""

    async def refuse(_: Heard) -> Said:
        return Said(400, b"no config.json")

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(refuse)) as one:
            one.store.create_bucket("bucket")
            one.store.put("bucket", "models/a.tar.gz", archive(tmp_path, "a"))
            await one.one(Mode="MultiModel", ModelDataUrl="s3://bucket/models/")
            for count in (1, 2):
                reply = await one.ask(X_Amzn_SageMaker_Target_Model="a.tar.gz")
                assert (reply.status, reply.json["OriginalMessage"]) == (424, "no config.json")
                assert len(one.runner.last.heard) == count

    asyncio.run(work())


class Small:
    """A container with room for so many models, which it says no sooner than it must."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.room: dict[str, str] = {}
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()

    async def __call__(self, heard: Heard) -> Said:
        if heard.path == "/models":
            fields = json.loads(heard.body)
            if len(self.room) >= self.size:
                return Said(507)
            self.room[fields["model_name"]] = (Path(fields["url"]) / "which").read_text(encoding="utf-8")
            return Said()
        _, _, name, *action = heard.path.split("/")
        if name not in self.room:
            return Said(404)
        if not action:
            del self.room[name]
            return Said()
        self.asked.set()
        await self.gate.wait()
        return Said(body=self.room[name].encode())


def test_parallel_calls_for_more_models_than_there_is_room_for(tmp_path: Path) -> None:
    """Each is answered: a model in use is not taken away, and another one waits until it is free."""
    container = Small(1)

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(container)) as one:
            one.store.create_bucket("bucket")
            for name in "abc":
                one.store.put("bucket", f"models/{name}.tar.gz", archive(tmp_path, name))
            await one.one(Mode="MultiModel", ModelDataUrl="s3://bucket/models/")

            async def asked(name: str) -> bytes:
                return (await one.ask(X_Amzn_SageMaker_Target_Model=f"{name}.tar.gz")).body

            first = asyncio.ensure_future(asked("a"))
            await container.asked.wait()
            others = [asyncio.ensure_future(asked(name)) for name in "bcbca"]
            await until(lambda: sum(heard.path == "/models" for heard in one.runner.last.heard) >= 3)
            container.gate.set()
            assert await first == b"a"
            assert await asyncio.gather(*others) == [b"b", b"c", b"b", b"c", b"a"]
            folders = list((one.runner.last.order.folder / "models").iterdir())
            assert len(folders) == len(container.room) == 1

    asyncio.run(work())


def test_models_for_which_there_will_never_be_room(tmp_path: Path) -> None:
    """Two that could only wait for each other are both refused, and leave nothing behind."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(Small(0))) as one:
            one.store.create_bucket("bucket")
            for name in "ab":
                one.store.put("bucket", f"models/{name}.tar.gz", archive(tmp_path, name))
            await one.one(Mode="MultiModel", ModelDataUrl="s3://bucket/models/")
            replies = await asyncio.gather(
                *(one.ask(X_Amzn_SageMaker_Target_Model=f"{name}.tar.gz") for name in "abab")
            )
            assert {(reply.status, reply.json["OriginalStatusCode"]) for reply in replies} == {(424, 507)}
            assert list((one.runner.last.order.folder / "models").iterdir()) == []

    asyncio.run(work())


def test_a_model_that_cannot_be_unpacked_leaves_nothing(tmp_path: Path) -> None:
    """However often it is asked for."""

    async def work() -> None:
        async with harbour(tmp_path, runner=FakeRunner(accepting)) as one:
            one.store.create_bucket("bucket")
            one.store.put("bucket", "models/bad.tar.gz", archive(tmp_path, "bad" * 400)[:-20])
            await one.one(Mode="MultiModel", ModelDataUrl="s3://bucket/models/")
            for _ in range(2):
                assert (await one.ask(X_Amzn_SageMaker_Target_Model="bad.tar.gz")).status == 400
            assert list((one.runner.last.order.folder / "models").iterdir()) == []

    asyncio.run(work())
