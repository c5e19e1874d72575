"""The shapes of Hugging Face's Inference API at POST / and POST /models/{id}."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from mooring.engine.engine import Engine
from mooring.engine.limits import Limits
from mooring.observe.metrics import Metrics
from mooring.testing import FakeBackend
from mooring.web.app import create_app
from mooring.web.reply import Call, Reply
from mooring.web.service import Served, Service
from tests.support.asgi import Client
from tests.support.golden_sentences import SIZE, write
from tests.support.text_task import TextTask
from tests.support.tiny_models import write_tiny_bert, write_tiny_roberta
from tests.web.modelled import Modelled, play_on
from tests.web.site import PAIR, Site, play

ROUTES = ("/", "/models/me/my-model", "/models/my-model")


def test_labels_are_a_list_in_a_list(tmp_path: Path) -> None:
    """All of them, the best first, whatever the pipeline's default."""

    async def scene(stage: Modelled) -> None:
        for path in ROUTES:
            await labelled(stage, path)

    async def labelled(stage: Modelled, path: str) -> None:
        ((first, *others),) = await stage.answer(path, {"inputs": "It is good."})
        assert len(others) == 2
        assert all(first["score"] >= one["score"] for one in others)
        assert sum(one["score"] for one in (first, *others)) == pytest.approx(1)
        assert await stage.answer(path, {"inputs": "It is good.", "parameters": {"top_k": 1}}) == [[first]]
        assert await stage.answer(path, "It is good.") == [[first, *others]]
        pair = {"text": "It is good.", "text_pair": "It is bad."}
        assert [len(one) for one in await stage.answer(path, {"inputs": pair})] == [3]
        assert [len(one) for one in await stage.answer(path, {"inputs": ["good", "bad"], "parameters": {}})] == [3, 3]
        assert await stage.answer("/invocations", {"inputs": "It is good."}) == [first]

    play_on(write_tiny_bert(tmp_path, head="sequence"), scene)


def test_a_text_has_one_vector_and_parameters_are_beside_it(tmp_path: Path) -> None:
    """At POST /; /invocations has the vectors of its tokens."""

    async def scene(stage: Modelled) -> None:
        text = "It is good."
        whole = np.array(await stage.answer("/", {"inputs": text}))
        assert whole.shape == (SIZE,)
        assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-5)
        several = await stage.answer("/", {"inputs": [text, "good"], "normalize": False, "dimensions": 4})
        assert np.shape(several) == (2, 4)
        assert np.linalg.norm(several[0]) > 1.01
        asked = await stage.answer("/models/me/it/pipeline/feature-extraction", {"inputs": text})
        for name in ("embed", "sentence-embeddings"):
            beside = {"inputs": text, "normalize": True}
            assert np.shape(await stage.answer(f"/models/it/pipeline/{name}", beside)) == np.shape(asked)
        assert np.allclose(asked, whole)
        prompted = await stage.answer("/", {"inputs": text, "prompt_name": "query"})
        assert not np.allclose(prompted, whole)
        assert np.shape(await stage.answer("/invocations", {"inputs": "good"})) == (1, 4, SIZE)
        same = {"source_sentence": text, "sentences": [text, "bad"]}
        for path in ("/", "/models/it/pipeline/sentence-similarity"):
            near, far = await stage.answer(path, {"inputs": same, "parameters": {}})
            assert near == pytest.approx(1, abs=1e-5) != far

    play_on(write("roberta-prompt", tmp_path), scene)


FAULTS: list[tuple[object, str]] = [
    ({"inputs": "good", "dimensions": 64}, "/parameters/dimensions: 64 exceeds the 32 dimensions of this model."),
    ({"inputs": "good", "encoding_format": "base64"}, "/encoding_format: 'base64' is not supported."),
    ({"inputs": "good", "prompt_name": "x"}, "/parameters/prompt_name: unknown prompt 'x'."),
    ({"inputs": "good", "parameters": 7}, "/parameters: expected an object, found a number: 7."),
    ({"inputs": "good ünd", "truncate": "maybé\n"}, "/parameters/truncate: it must be true or false, not 'maybé"),
    ({"inputs": ""}, "/inputs: the text is empty."),
    ({"inputs": []}, "/inputs: the list is empty."),
    ({}, "missing `text`."),
    (b"{", "Invalid JSON"),
    (b"", "The body is empty."),
]


def test_errors_are_in_a_header_too(tmp_path: Path) -> None:
    """In ASCII, on one line."""

    async def scene(stage: Modelled) -> None:
        for body, message in FAULTS:
            reply = await stage.post("/", body)
            assert reply.status == 400
            assert message in reply.json["error"]
            header = reply.headers["x-error-message"]
            assert header.isascii()
            assert header.isprintable()
            assert header[:20] == reply.json["error"][:20]

    play_on(write("bert-mean", tmp_path), scene)


def test_a_task_that_the_model_does_not_offer_is_404(tmp_path: Path) -> None:
    """By name; so is one that there is not. An alias is answered like the task."""

    async def scene(stage: Modelled) -> None:
        for task in ("sentence-similarity", "nothing"):
            reply = await stage.post(f"/models/it/pipeline/{task}", {"inputs": "good"})
            assert (reply.status, reply.json["type"]) == (404, "NotOffered")
            assert f"does not offer '{task}'; it offers text-classification." in reply.headers["x-error-message"]
        long = await stage.post(f"/models/it/pipeline/{'x' * 5000}", {"inputs": "good"})
        assert len(long.json["message"]) < 300
        by_name = await stage.answer("/models/it/pipeline/text-classification", {"inputs": "good"})
        assert await stage.answer("/models/it/pipeline/sentiment-analysis", {"inputs": "good"}) == by_name

    play_on(write_tiny_roberta(tmp_path, head="sequence"), scene)


def test_questions_rows_and_lines_are_as_at_invocations() -> None:
    """Their shapes do not differ."""

    async def scene(stage: Site) -> None:
        for path in ROUTES:
            assert (await stage.post(path, PAIR)).json == (await stage.ask()).json
            rows = await stage.post(path, PAIR, accept="text/csv")
            assert rows.body.startswith(b"score,start,end,answer\r\n")

    play(scene)


def test_a_models_own_code_answers_as_at_invocations() -> None:
    """It gets the body as sent. Routes that read bodies themselves are not for it."""

    class Code:
        async def handle(self, call: Call, deadline_s: float) -> Reply:
            return Reply(call.body[::-1], "text/plain")

    async def scene() -> None:
        service = Service(lambda: Served(Code(), Engine(TextTask(), FakeBackend(), Limits())))
        await service.start()
        app = create_app(service, Metrics())
        for path in (*ROUTES, "/models/it/pipeline/anything"):
            assert (await Client(app).call("POST", path, [b"abc"])).body == b"cba"
        for path in ("/v1/embeddings", "/embed", "/v1/rerank", "/tokenize"):
            refused = await Client(app).call("POST", path, [b"{}"])
            assert refused.status == 404
            assert b"own code" in refused.body
            assert b"POST /invocations" in refused.body
        await service.stop()

    asyncio.run(scene())
