"""OpenAI's embeddings API."""

import base64
from pathlib import Path

import numpy as np
import pytest

from tests.support.golden_sentences import SIZE, write
from tests.support.tiny_models import write_tiny_bert
from tests.web.modelled import Modelled, play_on

PATH = "/v1/embeddings"


def test_vectors_in_both_encodings(tmp_path: Path) -> None:
    """Normalized even where the model does not do so, with the tokens that were read."""

    async def scene(stage: Modelled) -> None:
        found = await stage.answer(PATH, {"input": "good", "model": "any/name", "user": "me"})
        assert {name: found[name] for name in ("object", "model")} == {"object": "list", "model": "any/name"}
        (one,) = found["data"]
        assert (one["object"], one["index"], len(one["embedding"])) == ("embedding", 0, SIZE)
        assert np.linalg.norm(one["embedding"]) == pytest.approx(1, abs=1e-5)
        assert found["usage"]["prompt_tokens"] == found["usage"]["total_tokens"] == 4
        both = await stage.answer(PATH, {"input": ["bad", "good"], "model": "m", "encoding_format": "base64"})
        assert [entry["index"] for entry in both["data"]] == [0, 1]
        again = np.frombuffer(base64.b64decode(both["data"][1]["embedding"]), "<f4")
        assert np.allclose(again, one["embedding"], atol=1e-6)
        short = await stage.answer(PATH, {"input": "good", "model": "m", "dimensions": 3})
        assert np.linalg.norm(short["data"][0]["embedding"]) == pytest.approx(1, abs=1e-5)
        assert len(short["data"][0]["embedding"]) == 3

    play_on(write("roberta-max", tmp_path), scene)


FAULTS: list[tuple[object, str | None, str]] = [
    ({"input": [1, 2]}, "input", "check_embedding_ctx_length=False"),
    ({"input": [[1, 2]]}, "input", "/input/0: expected text, found a list: [1, 2]. Send texts: token ids belong"),
    ({"input": "good", "dimensions": 33}, "dimensions", "/dimensions: 33 exceeds the 32 dimensions"),
    ({"input": "good", "dimensions": 0}, "dimensions", "/dimensions: expected `int` >= 1."),
    ({"input": "good", "encoding_format": "int8"}, "encoding_format", "/encoding_format: "),
    ({"input": ""}, "input", "/input: the text is empty."),
    ({"input": ["good", " "]}, "input", "/input/1: the text is blank."),
    ({"input": []}, "input", "/input"),
    ({"input": None}, None, "missing `input`"),
    ({"inputs": "good"}, None, 'missing `input`. Send {"input"'),
    ([], None, "expected an object, found a list"),
    (b"{", None, "Invalid JSON"),
    (b" ", None, "The body is empty."),
]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    """With the field, in OpenAI's error object."""

    async def scene(stage: Modelled) -> None:
        for body, param, message in FAULTS:
            reply = await stage.post(PATH, body)
            fault = reply.json["error"]
            named = {"type": "invalid_request_error", "param": param, "code": "InvalidRequest"}
            assert (reply.status, fault) == (400, {**named, "message": fault["message"]})
            assert message in fault["message"]

    play_on(write("bert-mean", tmp_path), scene)


def test_a_text_that_is_too_long_is_refused_or_cut(tmp_path: Path) -> None:
    """As asked."""

    async def scene(stage: Modelled) -> None:
        long = {"input": ["good", "good " * 100], "model": "m"}
        reply = await stage.post(PATH, long)
        assert (reply.status, reply.json["error"]["code"]) == (413, "PayloadTooLarge")
        assert "402 tokens; the limit is 64" in reply.json["error"]["message"]
        assert "x-truncated" not in (await stage.post(PATH, {"input": "good"})).headers
        cut = await stage.post(PATH, {**long, "truncate": True})
        assert (cut.status, cut.headers["x-truncated"]) == (200, "1")
        kind = await stage.post(PATH, {"input": "good"}, content_type="text/csv")
        assert (kind.status, kind.json["error"]["code"]) == (415, "UnsupportedMediaType")

    play_on(write("bert-mean", tmp_path), scene)


def test_the_model_is_listed(tmp_path: Path) -> None:
    """By its name; other names have no description, but may be asked for vectors."""

    async def scene(stage: Modelled) -> None:
        (card,) = (await stage.get("/v1/models"))["data"]
        assert (card["id"], card["object"]) == ("my-model", "model")
        assert await stage.get("/v1/models/my-model") == card

    play_on(write("bert-mean", tmp_path / "my-model"), scene)


def test_a_model_for_another_task_says_so(tmp_path: Path) -> None:
    """In the same error object; GET / and the document leave the route out."""

    async def scene(stage: Modelled) -> None:
        reply = await stage.post(PATH, {"input": "good"})
        assert (reply.status, reply.json["error"]["code"]) == (404, "NotOffered")
        assert (
            "/v1/embeddings is for sentence-embeddings; this model offers text-classification."
            in (reply.json["error"]["message"])
        )
        assert f"POST {PATH}" not in (await stage.get("/"))["routes"]
        assert PATH not in (await stage.get("/openapi.json"))["paths"]

    play_on(write_tiny_bert(tmp_path, head="sequence"), scene)
