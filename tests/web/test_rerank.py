"""Reranking in the shapes of Cohere, Jina and text-embeddings-inference."""

from pathlib import Path

import pytest

from tests.support.tiny_models import write_tiny_bert
from tests.web.modelled import Modelled, play_on

TEXTS = ["the king lives", "the river", "good"]
ROUTES = ("/v1/rerank", "/v2/rerank", "/rerank")


def cross_encoder(folder: Path) -> Path:
    """A model with one label."""
    return write_tiny_bert(folder, head="sequence", id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})


def test_documents_are_sorted(tmp_path: Path) -> None:
    """The same at every route, with the scores of `texts`."""

    async def scene(stage: Modelled) -> None:
        ranks = await stage.answer("/rerank", {"query": "who ?", "texts": TEXTS, "return_text": True})
        assert sorted(rank["index"] for rank in ranks) == [0, 1, 2]
        assert all(rank["text"] == TEXTS[rank["index"]] for rank in ranks)
        scores = [rank["score"] for rank in ranks]
        assert scores == sorted(scores, reverse=True)
        raw = await stage.answer("/rerank", {"query": "who ?", "texts": TEXTS, "raw_scores": True})
        assert [rank["index"] for rank in raw] == [rank["index"] for rank in ranks]
        assert "text" not in raw[0]
        for path in ROUTES:
            body = {"query": "who ?", "documents": TEXTS, "model": "any", "max_tokens_per_doc": 9}
            reply = await stage.post(path, body, X_Request_Id="mine")
            assert reply.status == 200
            found = reply.json
            assert [one["index"] for one in found["results"]] == [rank["index"] for rank in ranks]
            assert [one["relevance_score"] for one in found["results"]] == pytest.approx(scores)
            assert (found["id"], found["model"]) == ("mine", "any")
            assert found["usage"]["total_tokens"] == int(reply.headers["x-mooring-tokens"])
            assert "document" not in found["results"][0]
            objects = [{"text": text, "title": "t"} for text in TEXTS]
            top = await stage.answer(path, {**body, "documents": objects, "top_n": 1, "return_documents": True})
            assert top["results"] == [{**found["results"][0], "document": {"text": TEXTS[ranks[0]["index"]]}}]
            assert len((await stage.answer(path, {**body, "top_n": 99}))["results"]) == 3

    play_on(cross_encoder(tmp_path), scene)


FAULTS: list[tuple[object, str]] = [
    ({"query": "a"}, "missing `documents`."),
    ({"documents": ["a"]}, "missing `query`."),
    ({"query": "a", "documents": []}, "/documents: expected a list of texts, found []."),
    ({"query": "a", "documents": "b"}, "/documents: expected a list of texts, found 'b'."),
    ({"query": "a", "documents": [1]}, "/documents/0: expected text, found a number: 1."),
    ({"query": "a", "documents": ["b", ""]}, "/documents/1: the text is empty."),
    ({"query": "", "documents": ["b"]}, "/query: the text is empty."),
    ({"query": 7, "documents": ["b"]}, "/query: expected `str`, got `int`."),
    ({"query": "a", "documents": ["b"], "top_n": 0}, "/top_n: expected `int` >= 1."),
]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    """With its place."""

    async def scene(stage: Modelled) -> None:
        for body, message in FAULTS:
            for path in ROUTES[:2]:
                reply = await stage.post(path, body)
                assert (reply.status, reply.json["type"]) == (400, "InvalidRequest")
                assert message in reply.json["message"]
        neither = await stage.post("/rerank", {"query": "a"})
        assert (neither.status, neither.json["error_type"]) == (422, "Validation")
        assert 'missing `texts`. Send {"query"' in neither.json["error"]
        empty = await stage.post("/rerank", {"query": "a", "texts": ["b", " "]})
        assert empty.json["error"].startswith("/texts/1: the text is blank.")

    play_on(cross_encoder(tmp_path), scene)
