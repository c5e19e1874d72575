"""Multi-model endpoints over fake containers."""

import asyncio
import json
from pathlib import Path

from tests.local.harbour import harbour
from tests.support.asgi import Reply
from tests.support.fake_container import FakeRunner, Heard, Said


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
