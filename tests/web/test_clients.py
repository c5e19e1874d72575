"""The clients of docs/clients.md as they are released, given nothing but the address of a real server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import openai
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from mooring.testing.server import running_server
from tests.support.golden_sentences import SIZE, write
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

TEXT = "The king lives near the river."
NLI = {"0": "contradiction", "1": "neutral", "2": "entailment"}


@contextmanager
def hugging_face(folder: Path) -> Iterator[InferenceClient]:
    """Its client, at a server of that model."""
    with running_server(str(folder)) as server:
        yield InferenceClient(server.url)


def test_classification(tmp_path: Path) -> None:
    """All labels, or as many as are asked for; another task's method shows why there is no answer."""
    with hugging_face(write_tiny_bert(tmp_path, head="sequence")) as client:
        found = client.text_classification(TEXT)
        assert {one.label for one in found} == {"good", "bad", "neither"}
        assert found[0].score == max(one.score for one in found)
        assert client.text_classification(TEXT, top_k=1) == found[:1]
        raw = client.text_classification(TEXT, function_to_apply="none")
        assert sum(one.score for one in raw) != pytest.approx(1)
        with pytest.raises(HfHubHTTPError, match="the text is empty"):
            client.text_classification("")
        with pytest.raises(HfHubHTTPError, match="unknown parameter"):
            client.fill_mask(TEXT, top_k=2, targets=["king"])


def test_zero_shot_classification(tmp_path: Path) -> None:
    """Labels of the request."""
    folder = write_tiny_bert(tmp_path, head="sequence", id2label=NLI, label2id={v: int(k) for k, v in NLI.items()})
    with hugging_face(folder) as client:
        found = client.zero_shot_classification(TEXT, ["king", "river"])
        assert {one.label for one in found} == {"king", "river"}
        assert sum(one.score for one in found) == pytest.approx(1)
        many = client.zero_shot_classification(
            TEXT, ["king", "river"], multi_label=True, hypothesis_template="It is {}."
        )
        assert many != found


def test_tokens(tmp_path: Path) -> None:
    """Grouped by default."""
    with hugging_face(write_tiny_bert(tmp_path, head="token")) as client:
        found = client.token_classification(TEXT, ignore_labels=[])
        assert all(one.entity_group is not None for one in found)
        assert all(TEXT[one.start : one.end].lower() == one.word for one in found if one.start is not None)
        plain = client.token_classification(TEXT, aggregation_strategy="none", ignore_labels=[])
        assert all(one.entity is not None for one in plain)


def test_masks(tmp_path: Path) -> None:
    """Filled in, with the targets that are given."""
    with hugging_face(write_tiny_bert(tmp_path, head="masked")) as client:
        found = client.fill_mask("The [MASK] lives near the river.")
        assert len(found) == 5
        assert found[0].score == max(one.score for one in found)
        (one,) = client.fill_mask("The [MASK] lives near the river.", top_k=1, targets=["king"])
        assert one.token_str == "king"


def test_vectors_of_tokens(tmp_path: Path) -> None:
    """Of a model without pooling."""
    with hugging_face(write_tiny_bert(tmp_path, head="hidden")) as client:
        assert client.feature_extraction(TEXT).shape[0::2] == (1, 32)


def test_sentences(tmp_path: Path) -> None:
    """By Hugging Face's client and OpenAI's: the same vectors."""
    with running_server(str(write("bert-mean", tmp_path / "model"))) as server:
        client = InferenceClient(server.url)
        one = client.feature_extraction(TEXT)
        assert one.shape == (SIZE,)
        both = client.feature_extraction([TEXT, "good"], normalize=True, truncate=True, truncation_direction="right")
        assert both.shape == (2, SIZE)
        assert client.feature_extraction(TEXT, dimensions=4).shape == (4,)
        near, far = client.sentence_similarity(TEXT, other_sentences=[TEXT, "good"])
        assert near == pytest.approx(1, abs=1e-5) != far
        with pytest.raises(HfHubHTTPError, match="99 exceeds the 32 dimensions"):
            client.feature_extraction(TEXT, dimensions=99)
        _openai(f"{server.url}/v1", one)


def _openai(url: str, expected: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        found = client.embeddings.create(model="text-embedding-3-small", input=[TEXT, "good"])
        assert found.model == "text-embedding-3-small"
        assert found.usage.total_tokens > 4
        assert np.allclose(found.data[0].embedding, expected, atol=1e-5)
        numbers = client.embeddings.create(model="m", input=TEXT, encoding_format="float", dimensions=4)
        assert len(numbers.data[0].embedding) == 4
        (card,) = client.models.list().data
        assert client.models.retrieve(card.id) == card
        with pytest.raises(openai.NotFoundError, match="There is no model 'other'"):
            client.models.retrieve("other")
        with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
            client.embeddings.create(model="m", input=[1, 2, 3])
        with pytest.raises(openai.BadRequestError, match="the text is empty") as caught:
            client.embeddings.create(model="m", input="")
        assert (caught.value.param, caught.value.code, caught.value.type) == (
            "input",
            "InvalidRequest",
            "invalid_request_error",
        )
