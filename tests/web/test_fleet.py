"""Several models behind one set of routes: which one answers, and their health together."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import InvalidRequest, UsageError
from mooring.model.identity import identity_of
from mooring.observe.metrics import Metrics
from mooring.settings import load_settings
from mooring.web.app import create_app
from mooring.web.fleet import Fleet, _name_in
from mooring.web.protocols.sagemaker import INVOCATIONS
from mooring.wiring.fleet import fleet, named_models
from mooring.wiring.server import limits_of
from tests.support.golden_classification import write as write_classifier
from tests.support.golden_sentences import write as write_embedder
from tests.support.tiny_models import write_tiny_bert
from tests.web.modelled import Modelled

QUESTION = {"question": "Who?", "context": "It is good."}


def play(tmp_path: Path, scene: Callable[[Modelled, Fleet], Coroutine[Any, Any, None]]) -> None:
    """Run a scene on a server of a question answering, a classification and an embedding model."""
    write_tiny_bert(tmp_path / "qa")
    write_classifier("bert", tmp_path / "labels")
    write_embedder("bert-mean", tmp_path / "vectors")
    more = f"labels={tmp_path / 'labels'},{tmp_path / 'vectors'}"
    settings = load_settings({}, model=str(tmp_path / "qa"), more_models=more, compile_cache_bytes=0)

    async def run() -> None:
        metrics = Metrics()
        models = fleet(settings, metrics, lambda _done, _total: None, {})
        await models.start()
        try:
            await scene(Modelled(create_app(models, metrics, limits_of(settings))), models)
        finally:
            assert await models.stop()

    asyncio.run(run())


def test_a_request_gets_the_model_that_it_names(tmp_path: Path) -> None:
    """In the body, the query or the path; without a name the first model that offers the route's task."""

    async def scene(server: Modelled, models: Fleet) -> None:
        assert set(await server.answer("/invocations", QUESTION)) == {"score", "start", "end", "answer"}
        labelled = {"inputs": "It is good."}
        assert "label" in (await server.answer("/invocations", {**labelled, "model": "labels"}))[0]
        queried = models.choose(INVOCATIONS, {"query_string": b"model=labels"}, b"text")
        assert queried is models.services["labels"]
        assert "label" in (await server.answer("/models/labels", labelled))[0][0]
        assert "score" in (await server.answer("/predict", labelled))[0]
        named = {"input": "good", "model": "vectors", "encoding_format": "float"}
        unnamed = {"input": "good", "encoding_format": "float"}
        vectors = [(await server.answer("/v1/embeddings", body))["data"] for body in (named, unnamed)]
        assert vectors[0] == vectors[1]
        listed = await server.get("/v1/models")
        assert [one["id"] for one in listed["data"]] == ["qa", "labels", "vectors"]
        assert (await server.get("/v1/models/vectors"))["id"] == "vectors"

    play(tmp_path, scene)


def test_unknown_names_and_wrong_tasks_are_refused_by_name(tmp_path: Path) -> None:
    """404, with the names that exist, in each protocol's shape."""

    async def scene(server: Modelled, _: Fleet) -> None:
        reply = await server.post("/invocations", {**QUESTION, "model": "other"})
        assert reply.status == 404
        assert "This server has no model 'other'. Set `model` to one of qa, labels, vectors." in reply.json["message"]
        reply = await server.post("/v1/embeddings", {"input": "good", "model": "qa"})
        assert reply.status == 404
        assert "this model offers question-answering" in reply.json["error"]["message"]
        assert (await server.post("/rerank", {"query": "a", "texts": ["b"]})).status == 404
        assert (await server.post("/invocations", b"{")).status == 400

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"model": "labels"}', "labels"),
        (b'\xef\xbb\xbf{"model": "labels"}', "labels"),
        (b'{"model": "labels", "inputs": "a"}\n{"inputs": "b"}\n', "labels"),
        (b'{"model": null}', "qa"),
        (b"", "qa"),
        (b"text\na,b", "qa"),
        (b'["model"]', "qa"),
        (b'{"model": "\xff"}', "qa"),
        (b'{"a": ' + b"[" * 100_000, "qa"),
    ],
)
def test_any_body_gets_a_model(body: bytes, name: str) -> None:
    """What cannot be read is refused by the route, not here."""
    assert (_name_in({}, body) or "qa") == name


def test_a_model_that_is_no_text_is_refused() -> None:
    """Not ignored: the wrong model would answer."""
    with pytest.raises(InvalidRequest, match="/model: it must be text"):
        _name_in({}, b'{"model": 5}')


@pytest.mark.parametrize("given", [{"task": "fill-mask"}, {"revision": "main"}])
def test_settings_of_one_model_are_refused(given: dict[str, str]) -> None:
    """They would apply to none of several."""
    settings = load_settings({}, model="a", more_models="b", **given)
    with pytest.raises(UsageError, match=f"--{next(iter(given))} applies to one model"):
        fleet(settings, Metrics(), lambda _done, _total: None, {})


def test_health_facts_and_digests_cover_every_model(tmp_path: Path) -> None:
    """One model that does not answer makes the server unhealthy, by name."""

    async def scene(server: Modelled, models: Fleet) -> None:
        assert (await server.get("/ping")) == {"status": "ready"}
        info = await server.get("/info")
        assert list(info["models"]) == ["qa", "labels", "vectors"]
        assert info["engine"]["phase"] == "serving"
        assert set(identity_of(models.facts)) == {"model", "model:qa", "model:labels", "model:vectors"}
        await models.services["labels"].stop()
        assert not models.health().ready
        assert models.health().reason.startswith("labels: ")
        assert models.snapshot()["phase"] != "serving"
        assert models.snapshot()["queue_wait_seconds"] == 0

    play(tmp_path, scene)


def test_models_are_named_by_their_folders_or_as_given() -> None:
    """A name may be used once."""

    def named(model: str | None, more: str) -> dict[str, str | None]:
        return named_models(load_settings({}, model=model, more_models=more))

    assert named("org/one", "b=/some/folder, embedded,") == {
        "org/one": "org/one",
        "b": "/some/folder",
        "embedded": None,
    }
    assert named(None, "org/one") == {"embedded": None, "org/one": "org/one"}
    with pytest.raises(UsageError, match="Two models are named 'a'"):
        named("/x/a", "/y/a")


def test_a_multi_model_server_has_no_models_at_the_start() -> None:
    """Both together are refused."""
    settings = load_settings({}, model="a", more_models="b", multi_model=True)
    with pytest.raises(UsageError, match="exclude each other"):
        fleet(settings, Metrics(), lambda _done, _total: None, {})
