"""The multi-model contract, row by row, on fakes."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.errors import ModelInvalid
from mooring.model.identity import Identity, refuse_another
from mooring.multi import lost as lost_models
from mooring.multi.ledger import SHAPES_BYTES, Ledger
from mooring.multi.lost import Held
from mooring.multi.registry import Registry
from mooring.multi.routes import create_multi_app
from mooring.observe.metrics import Metrics
from mooring.testing import FakeBackend
from mooring.web.limits import WebLimits
from mooring.web.service import ByEngine, Served
from tests.engine.running import until
from tests.support.asgi import Client, Reply
from tests.support.text_task import TextTask

PAIR = {"question": "Who?", "context": "Ada wrote it."}


class Site:
    """A server without models; `free` is what the ledger finds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.free: int | None = None
        self.backends: dict[str, FakeBackend] = {}
        self.metrics = Metrics()
        self.registry = Registry(self._open, Ledger(lambda: self.free))
        self.app = create_multi_app(self.registry, self.metrics, WebLimits(), behind=True)

    def _open(self, folder: Path, _: str, expected: Identity) -> Served[ByEngine]:
        if folder.name == "broken" or (folder / "broken").exists():
            raise ModelInvalid("It is broken.")
        if folder.name == "huge":
            raise MemoryError
        refuse_another(expected, {"model": (folder / "digest").read_text()} if (folder / "digest").exists() else {})
        backend = self.backends[folder.name] = FakeBackend()
        engine = Engine(TextTask(), backend, Limits())
        return Served(ByEngine(TextTask(), engine), engine, {"model": {"name": folder.name}}, backend.close)

    async def call(self, method: str, path: str, body: object = None) -> Reply:
        """Any request with JSON."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        route, _, query = path.partition("?")
        client = Client(self.app)
        client.query = query
        return await client.call(method, route, [data], {"Content-Type": "application/json"})

    async def load(self, name: str) -> Reply:
        """A model from a folder of its name, which is made."""
        (self.folder / name).mkdir(exist_ok=True)
        return await self.call("POST", "/models", {"model_name": name, "url": str(self.folder / name)})


def play(folder: Path, scene: Callable[[Site], Coroutine[None, None, None]]) -> None:
    """Run a scene."""

    async def run() -> None:
        site = Site(folder)
        await site.registry.start()
        await scene(site)
        for backend in site.backends.values():
            backend.gate.open()
        await site.registry.stop()

    asyncio.run(run())


def test_without_a_model_the_ping_is_green_and_the_list_empty(tmp_path: Path) -> None:
    """The platform loads models into a server that is healthy."""

    async def scene(site: Site) -> None:
        assert (await site.call("GET", "/ping")).status == 200
        assert (await site.call("GET", "/models")).json == {"models": []}

    play(tmp_path, scene)


def test_browsers_get_the_page_and_others_the_routes(tmp_path: Path) -> None:
    """The page asks for the models by the routes that this mode has; there is no single request to try."""

    async def scene(site: Site) -> None:
        reply = await Client(site.app).call("GET", "/", headers={"Accept": "text/html"})
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert (await site.call("GET", "/page/main.js")).status == 200
        found = (await site.call("GET", "/")).json
        assert "POST /models/{name}/invoke" in found["routes"]
        assert "try" not in found

    play(tmp_path, scene)


def test_pages_of_other_sites_load_and_unload_nothing(tmp_path: Path) -> None:
    """A browser sends such requests for them. They may be sent without a preflight as text."""

    async def scene(site: Site) -> None:
        assert (await site.load("one")).status == 200
        (tmp_path / "two").mkdir()
        body = json.dumps({"model_name": "two", "url": str(tmp_path / "two")}).encode()
        for headers, status in (
            ({"Content-Type": "text/plain", "Host": "x", "Origin": "http://evil.example"}, 403),
            ({"Content-Type": "text/plain", "Host": "x"}, 415),
            ({"Host": "x", "Sec-Fetch-Site": "cross-site"}, 403),
        ):
            assert (await Client(site.app).call("POST", "/models", [body], headers)).status == status
        page = {"Host": "x", "Origin": "http://evil.example"}
        assert (await Client(site.app).call("DELETE", "/models/one", [], page)).status == 403
        assert [model["modelName"] for model in (await site.call("GET", "/models")).json["models"]] == ["one"]

    play(tmp_path, scene)


def test_a_model_is_loaded_asked_described_and_unloaded(tmp_path: Path) -> None:
    """200 each; afterwards 404."""

    async def scene(site: Site) -> None:
        loaded = await site.load("one")
        assert (loaded.status, loaded.json["modelName"]) == (200, "one")
        answer = await site.call("POST", "/models/one/invoke", PAIR)
        assert (answer.status, answer.json["answer"]) == (200, "Ada")
        described = (await site.call("GET", "/models/one")).json
        assert (described["modelName"], described["modelUrl"]) == ("one", str(tmp_path / "one"))
        assert (await site.call("GET", "/models")).json["models"] == [
            {"modelName": "one", "modelUrl": str(tmp_path / "one")}
        ]
        assert (await site.call("DELETE", "/models/one")).status == 200
        assert site.backends["one"].closed
        for method, path in (("GET", "/models/one"), ("DELETE", "/models/one"), ("POST", "/models/one/invoke")):
            reply = await site.call(method, path, PAIR if method == "POST" else None)
            assert (reply.status, reply.json["type"]) == (404, "NotLoaded")

    play(tmp_path, scene)


def test_each_model_answers_by_itself(tmp_path: Path) -> None:
    """A failure of one is none of the other."""

    async def scene(site: Site) -> None:
        await site.load("one")
        await site.load("two")
        site.backends["one"].fail_next = 5
        assert (await site.call("POST", "/models/one/invoke", PAIR)).status == 500
        assert (await site.call("POST", "/models/two/invoke", PAIR)).status == 200

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"model_name": "one", "url": "FOLDER/one"}, 409, "AlreadyLoaded"),
        ({"model_name": "two", "url": "FOLDER/nowhere"}, 404, "NotLoaded"),
        ({"model_name": "two"}, 400, "InvalidRequest"),
        ({"url": "FOLDER/one"}, 400, "InvalidRequest"),
        ({"model_name": "", "url": "FOLDER/one"}, 400, "InvalidRequest"),
        ({"model_name": "a/b", "url": "FOLDER/one"}, 400, "InvalidRequest"),
        ({"model_name": "x" * 1025, "url": "FOLDER/one"}, 400, "InvalidRequest"),
        ([], 400, "InvalidRequest"),
        (b"{", 400, "InvalidRequest"),
        (b'{"model_name": "\xff"}', 400, "InvalidRequest"),
        ({"model_name": "three", "url": "FOLDER/broken"}, 400, "ModelRefused"),
        ({"model_name": "three", "url": "FOLDER/huge"}, 507, "NoMemory"),
        ({"model_name": "three", "url": "/" + "x" * 5000}, 404, "NotLoaded"),
        ({"model_name": "three", "url": "x/" * 5000}, 404, "NotLoaded"),
        ({"model_name": "three", "url": "a\0b"}, 404, "NotLoaded"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, body: Any, status: int, kind: str) -> None:
    """With the contract's statuses; nothing is left of it."""

    async def scene(site: Site) -> None:
        await site.load("one")
        (tmp_path / "broken").mkdir()
        (tmp_path / "huge").mkdir()
        text = body if isinstance(body, bytes) else json.dumps(body).replace("FOLDER", str(tmp_path)).encode()
        reply = await site.call("POST", "/models", text)
        assert (reply.status, reply.json["type"]) == (status, kind)
        assert [model["modelName"] for model in (await site.call("GET", "/models")).json["models"]] == ["one"]

    play(tmp_path, scene)


def test_a_model_that_would_not_fit_is_507(tmp_path: Path) -> None:
    """The platform then unloads another one and tries again."""

    async def scene(site: Site) -> None:
        site.free = SHAPES_BYTES
        reply = await site.load("one")
        assert (reply.status, reply.json["type"]) == (507, "NoMemory")
        site.free = 2 * SHAPES_BYTES
        assert (await site.load("one")).status == 200

    play(tmp_path, scene)


def test_unloading_answers_what_is_in_flight_first(tmp_path: Path) -> None:
    """And takes nothing new meanwhile."""

    async def scene(site: Site) -> None:
        await site.load("one")
        gate = site.backends["one"].gate
        gate.close()
        asking = asyncio.ensure_future(site.call("POST", "/models/one/invoke", PAIR))
        await asyncio.to_thread(gate.wait_held)
        unloading = asyncio.ensure_future(site.call("DELETE", "/models/one"))
        await until(lambda: not site.registry.models)
        assert (await site.call("POST", "/models/one/invoke", PAIR)).status == 404
        gate.open()
        assert (await asking).status == 200
        assert (await unloading).status == 200

    play(tmp_path, scene)


def test_the_list_comes_in_pages(tmp_path: Path) -> None:
    """Sorted by name, with a token while there is more."""

    async def scene(site: Site) -> None:
        for name in ("c", "a", "b"):
            await site.load(name)
        first = (await site.call("GET", "/models?limit=2")).json
        assert [model["modelName"] for model in first["models"]] == ["a", "b"]
        rest = (await site.call("GET", f"/models?limit=2&next_page_token={first['nextPageToken']}")).json
        assert [model["modelName"] for model in rest["models"]] == ["c"]
        assert "nextPageToken" not in rest
        for wrong in ("x", "9" * 5000, "-1", "²"):
            for name in ("limit", "next_page_token"):
                assert (await site.call("GET", f"/models?{name}={quote(wrong)}")).status == 400

    play(tmp_path, scene)


def test_metrics_name_the_route_and_not_the_model(tmp_path: Path) -> None:
    """A model's name may say anything."""

    async def scene(site: Site) -> None:
        await site.load("one")
        await site.call("POST", "/models/one/invoke", PAIR)
        text = (await site.call("GET", "/metrics")).body.decode()
        assert 'route="/models/{name}/invoke",status="200"' in text
        assert "one" not in text.replace("None", "")

    play(tmp_path, scene)


def play_again(
    folder: Path, first: dict[str, Held], scene: Callable[[Site, list[int]], Coroutine[None, None, None]]
) -> None:
    """Run a scene on a server that replaces one which held these models; the list has how many are lost."""

    async def run() -> None:
        site = Site(folder)
        lost: list[int] = []
        site.registry = Registry(site._open, Ledger(lambda: None), first, lost.append)
        site.app = create_multi_app(site.registry, site.metrics, WebLimits(), behind=True)
        await site.registry.start()
        await scene(site, lost)
        await site.registry.stop()

    asyncio.run(run())


def test_models_of_a_worker_that_died_are_loaded_before_the_start_is_over(tmp_path: Path) -> None:
    """One that cannot be loaded any more is kept, with the reason; the others answer."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "digest").write_text("a")
    (tmp_path / "two" / "digest").write_text("b")
    first = {name: Held(str(tmp_path / name), {"model": "a"}) for name in ("one", "two", "gone")}

    async def scene(site: Site, lost: list[int]) -> None:
        assert [model["modelName"] for model in site.registry.facts["models"]] == ["one"]
        assert lost[-1] == 2
        assert (await site.call("POST", "/models/one/invoke", PAIR)).status == 200
        for name, reason in (("two", "is not the one being served"), ("gone", "no such folder")):
            reply = await site.call("POST", f"/models/{name}/invoke", PAIR)
            assert (reply.status, reply.json["type"]) == (503, "NotReady")
            assert reason in reply.json["message"]
            described = (await site.call("GET", f"/models/{name}")).json
            assert (described["modelUrl"], described["ready"]) == (str(tmp_path / name), False)
            assert reason in described["reason"]
        listed = (await site.call("GET", "/models")).json["models"]
        assert [model["modelName"] for model in listed] == ["gone", "one", "two"]
        degraded = (await site.call("GET", "/info")).json["degraded"]
        assert [model["modelName"] for model in degraded] == ["gone", "two"]
        assert (await site.call("GET", "/ping")).status == 200

    play_again(tmp_path, first, scene)


def test_a_lost_model_is_back_as_soon_as_its_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to ask for it."""
    monkeypatch.setattr(lost_models, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(lost_models, "LONGEST_PAUSE_S", 0.01)

    async def scene(site: Site, lost: list[int]) -> None:
        assert lost == [1]
        (tmp_path / "gone").mkdir()
        await until(lambda: [model.name for model in site.registry.models] == ["gone"])
        assert lost[-1] == 0
        assert (await site.call("POST", "/models/gone/invoke", PAIR)).status == 200

    play_again(tmp_path, {"gone": Held(str(tmp_path / "gone"))}, scene)


def test_a_lost_model_can_be_unloaded_or_loaded_anew(tmp_path: Path) -> None:
    """Whatever its files hold now: whoever says so decides."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "digest").write_text("b")
    first = {name: Held(str(tmp_path / name), {"model": "a"}) for name in ("one", "two")}

    async def scene(site: Site, lost: list[int]) -> None:
        assert lost[-1] == 2
        assert (await site.call("DELETE", "/models/one")).status == 200
        assert (await site.call("GET", "/models/one")).status == 404
        assert (await site.load("two")).status == 200
        assert (await site.call("POST", "/models/two/invoke", PAIR)).status == 200
        assert lost[-1] == 0

    play_again(tmp_path, first, scene)


def test_a_model_that_workers_died_of_is_not_tried_again_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would end the next one, and with it the models beside it; whoever loads it anew tries it."""
    monkeypatch.setattr(lost_models, "FIRST_PAUSE_S", 0.0)
    (tmp_path / "one").mkdir()

    async def scene(site: Site, lost: list[int]) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        assert site.registry.models == []
        assert lost == [1]
        assert "Workers died" in (await site.call("POST", "/models/one/invoke", PAIR)).json["message"]
        assert (await site.load("one")).status == 200

    play_again(tmp_path, {"one": Held(str(tmp_path / "one"), deadly="Workers died of it.")}, scene)
