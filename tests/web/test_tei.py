"""The API of text-embeddings-inference."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

import mooring
from mooring.web.tokens import AT_ONCE
from tests.support.golden_sentences import SIZE, write
from tests.support.tiny_models import write_tiny_bert
from tests.web.modelled import Modelled, play_on

TEXT = "It is good."


def test_vectors_of_texts_and_of_tokens(tmp_path: Path) -> None:
    """A list whatever was sent; normalized unless that is refused."""

    async def scene(stage: Modelled) -> None:
        one = np.array(await stage.answer("/embed", {"inputs": TEXT, "top_n": 7}))
        assert one.shape == (1, SIZE)
        assert np.linalg.norm(one[0]) == pytest.approx(1, abs=1e-5)
        both = await stage.answer(
            "/embed", {"inputs": ["bad", TEXT], "truncation_direction": "Right", "truncate": None}
        )
        assert np.allclose(both[1], one[0], atol=1e-5)
        plain = await stage.answer("/embed", {"inputs": TEXT, "normalize": False})
        assert np.linalg.norm(plain[0]) > 1.01
        assert np.shape(await stage.answer("/embed", {"inputs": TEXT, "dimensions": 5})) == (1, 5)
        every = await stage.answer("/embed_all", {"inputs": TEXT})
        assert [np.shape(tokens)[1] for tokens in every] == [SIZE]
        uneven = await stage.answer("/embed_all", {"inputs": ["good", TEXT]})
        assert len(uneven[0]) < len(uneven[1]) == len(every[0])
        assert np.allclose(np.max(every[0], axis=0), plain[0], atol=1e-4)
        same = {"source_sentence": TEXT, "sentences": [TEXT, "bad"]}
        near, far = await stage.answer("/similarity", {"inputs": same, "parameters": {"truncate": True}})
        assert near == pytest.approx(1, abs=1e-5) != far

    play_on(write("roberta-max", tmp_path), scene)


def test_predictions_of_a_text_a_pair_and_several(tmp_path: Path) -> None:
    """A list of two texts is a pair; several texts are lists in a list."""

    async def scene(stage: Modelled) -> None:
        one = await stage.answer("/predict", {"inputs": TEXT})
        assert [set(label) for label in one] == [{"label", "score"}] * 3
        assert sum(label["score"] for label in one) == pytest.approx(1)
        pair = await stage.answer("/predict", {"inputs": [TEXT, "bad"]})
        assert [set(label) for label in pair] == [{"label", "score"}] * 3
        assert pair != one
        assert await stage.answer("/predict", {"inputs": [[TEXT], [TEXT, "bad"]]}) == [one, pair]
        assert await stage.answer("/predict", {"inputs": [TEXT]}) == one
        raw = await stage.answer("/predict", {"inputs": TEXT, "raw_scores": True})
        assert [label["label"] for label in raw] == [label["label"] for label in one]
        assert sum(label["score"] for label in raw) != pytest.approx(1)
        long = {"inputs": "good " * 600 + "bad", "truncate": True}
        cut = await stage.post("/predict", long)
        assert (cut.status, cut.headers["x-truncated"]) == (200, "1")
        assert cut.json == await stage.answer("/predict", {**long, "truncation_direction": "Right"})
        assert cut.json != await stage.answer("/predict", {**long, "truncation_direction": "Left"})

    play_on(write_tiny_bert(tmp_path, head="sequence"), scene)


FAULTS: list[tuple[str, object, int, str]] = [
    ("/predict", {"inputs": [TEXT, "a", "b"]}, 422, "/inputs: expected one or two texts, found"),
    ("/predict", {"inputs": [[TEXT], ["a", "b", "c"]]}, 422, "/inputs/1: expected one or two texts"),
    ("/predict", {"inputs": [[TEXT], "a"]}, 422, "/inputs/1: expected one or two texts, found 'a'."),
    ("/predict", {"inputs": [[1]]}, 422, "/inputs/0: expected text, found a number: 1."),
    ("/predict", {"inputs": []}, 422, "/inputs: expected one or two texts, found []. Send"),
    ("/predict", {"inputs": ""}, 422, "/inputs: the text is empty."),
    ("/predict", {"inputs": [" "]}, 422, "/inputs/0: the text is blank."),
    ("/predict", {"inputs": [TEXT, ""]}, 422, "/inputs/1: the text is empty."),
    ("/predict", {"inputs": [[TEXT], [" "]]}, 422, "/inputs/1/0: the text is blank."),
    ("/predict", {"inputs": [[TEXT], [TEXT, ""]]}, 422, "/inputs/1/1: the text is empty."),
    (
        "/predict",
        {"inputs": TEXT, "truncation_direction": "up"},
        422,
        "/truncation_direction: it must be left or right",
    ),
    ("/predict", {"inputs": TEXT, "raw_scores": "yes"}, 422, "/raw_scores: expected `bool`, got `str`."),
    (
        "/predict",
        {"inputs": "good " * 600},
        413,
        "The text has 2402 tokens; the limit is 512. Shorten it, send `truncate`",
    ),
    ("/predict", {"text": TEXT}, 422, "missing `inputs`. Send"),
    ("/embed", {"inputs": TEXT}, 404, "/embed is for sentence-embeddings; this model offers text-classification."),
    ("/rerank", {"query": "a", "texts": ["b"]}, 404, "/rerank is for text-ranking; "),
    ("/tokenize", {"inputs": [1]}, 422, "/inputs/0: expected text"),
    ("/tokenize", {"inputs": ["a"] * 5000}, 413, "The request has 5000 texts; the limit is 4096."),
    ("/tokenize", {"inputs": ["a" * (1 << 18), "b"]}, 413, "has 262145 characters; the limit is 262144. Split it"),
    ("/tokenize", {}, 422, "missing `inputs`."),
    ("/decode", {"ids": [-1]}, 422, "/ids/0: -1 is not a token id of this model: 0 to "),
    ("/decode", {"ids": [[1, True]]}, 422, "/ids/0/1: True is not a token id"),
    ("/decode", {"ids": [[1], 2]}, 422, "/ids/1: expected a list of token ids, found 2."),
    ("/decode", {"ids": [10**12]}, 422, "/ids/0: 1000000000000 is not"),
    ("/decode", {"ids": [[1] * (1 << 18), [1]]}, 413, "The request has 262145 token ids; the limit is 262144."),
    ("/decode", {"ids": []}, 422, "/ids: expected a list of token ids, found []."),
    ("/decode", b"[", 422, "Invalid JSON"),
]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    """In the error object of text-embeddings-inference, and the server serves on."""

    async def scene(stage: Modelled) -> None:
        for path, body, status, message in FAULTS:
            reply = await stage.post(path, body)
            assert (reply.status, set(reply.json)) == (status, {"error", "error_type"}), (path, reply.body)
            assert reply.json["error_type"] == "Validation"
            assert message in reply.json["error"], (path, body)
        assert await stage.answer("/predict", {"inputs": TEXT})

    play_on(write_tiny_bert(tmp_path, head="sequence"), scene)


def test_faults_of_embeddings(tmp_path: Path) -> None:
    """They point to the fields of this API."""

    async def scene(stage: Modelled) -> None:
        for path, body, message in (
            ("/embed", {"inputs": [1]}, "/inputs/0: expected text, found a number: 1. Token ids are not supported."),
            ("/embed", {"inputs": ""}, "/inputs: the text is empty."),
            ("/embed", {"inputs": ["good", ""]}, "/inputs/1: the text is empty."),
            ("/embed", {"inputs": "a", "dimensions": 99}, "/dimensions: 99 exceeds"),
            (
                "/embed",
                {"inputs": "a", "prompt_name": "q"},
                "/prompt_name: unknown prompt 'q'. This model has no prompts; put yours",
            ),
            (
                "/embed",
                {"inputs": "a", "truncation_direction": "up"},
                "/truncation_direction: it must be left or right",
            ),
            (
                "/embed_all",
                {"inputs": "a", "prompt_name": "q"},
                "/prompt_name: not supported for vectors of tokens. Put the",
            ),
            ("/similarity", {"inputs": "a"}, "/inputs: expected an object."),
            ("/similarity", {"inputs": {"source_sentence": "a"}}, "/inputs: missing `sentences`."),
            ("/similarity", {"inputs": {"source_sentence": "a", "sentences": [""]}}, "/inputs/sentences/0: the text"),
        ):
            reply = await stage.post(path, body)
            assert reply.status == 422
            assert message in reply.json["error"]

    play_on(write("bert-mean", tmp_path), scene)


def test_tokens_and_back(tmp_path: Path) -> None:
    """Special tokens have no place; parts of the text do, in characters."""

    async def scene(stage: Modelled) -> None:
        ((first, *own, last),) = await stage.answer("/tokenize", {"inputs": "It is 京 good"})
        assert (first["text"], first["special"], first["start"]) == ("[CLS]", True, None)
        assert last["text"] == "[SEP]"
        assert [token["text"] for token in own if token["stop"] - token["start"] > 1][:2] == ["It", "is"]
        assert not any(token["special"] for token in own)
        plain, _ = await stage.answer("/tokenize", {"inputs": ["It is 京 good", "bad"], "add_special_tokens": False})
        assert plain == own
        ids = [token["id"] for token in (first, *own, last)]
        assert await stage.answer("/decode", {"ids": [ids, ids[1:3]]}) == ["it is good", "it is"]
        (kept,) = await stage.answer("/decode", {"ids": ids, "skip_special_tokens": False})
        assert kept.startswith("[CLS]")

    play_on(write_tiny_bert(tmp_path, head="sequence"), scene)


def test_large_texts_are_tokenized_two_at_a_time_until_the_deadline(tmp_path: Path) -> None:
    """However many requests come: a thread that tokenizes cannot be stopped."""

    async def scene(stage: Modelled) -> None:
        body = {"inputs": "good " * 50_000}
        replies = await asyncio.gather(*(stage.post("/tokenize", body) for _ in range(5)))
        assert {(reply.status, reply.json["error_type"]) for reply in replies} == {(504, "Unhealthy")}
        assert "within the deadline of 0.01 s" in replies[0].json["error"]
        assert sum(thread.name.startswith("moor-tokens") for thread in threading.enumerate()) == AT_ONCE
        assert await stage.answer("/tokenize", {"inputs": "good"})

    play_on(write_tiny_bert(tmp_path, head="sequence"), scene, answer_s=0.01)


def test_the_facts_that_its_clients_read(tmp_path: Path) -> None:
    """Beside our own in /info."""

    async def vectors(stage: Modelled) -> None:
        found = await stage.get("/info")
        assert found["model_id"] == found["model"]["source"]
        assert (found["model_dtype"], found["model_type"]) == ("float32", {"embedding": {"pooling": "cls+mean"}})
        assert (found["max_input_length"], found["auto_truncate"]) == (512, True)
        assert (found["max_client_batch_size"], found["max_concurrent_requests"]) == (100, 1024)
        assert found["max_batch_tokens"] == found["backend"]["batch_tokens"]
        assert found["version"] == mooring.__version__

    async def labels(stage: Modelled) -> None:
        found = await stage.get("/info")
        assert found["model_type"]["classifier"]["label2id"] == {"good": 0, "bad": 1, "neither": 2}
        assert found["auto_truncate"] is False

    async def spans(stage: Modelled) -> None:
        assert (await stage.get("/info"))["model_type"] == {"question-answering": {}}

    play_on(write("bert-both", tmp_path / "a"), vectors, too_long="truncate", max_windows=100, precision="fp32")
    play_on(write_tiny_bert(tmp_path / "b", head="sequence"), labels)
    play_on(write_tiny_bert(tmp_path / "c"), spans)
