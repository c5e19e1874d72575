"""The clients of docs/clients.md as they are released, given nothing but the address of a real server.

Libraries on top of them: test_libraries.py. JavaScript: test_hugging_face_js.py.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import numpy as np
import openai
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from mooring.tasks import TASKS
from mooring.testing.server import running_server
from tests.support.every_task import MODELS
from tests.support.golden_sentences import SIZE, write
from tests.support.tiny_models import write_tiny_bert
from tests.web.seen import Seen

pytestmark = pytest.mark.sdk

TEXT = "The king lives near the river."
NLI = {"0": "contradiction", "1": "neutral", "2": "entailment"}


@contextmanager
def hugging_face(folder: Path) -> Iterator[InferenceClient]:
    """Its client, at a server of that model."""
    with running_server(str(folder)) as server:
        yield InferenceClient(server.url)


def note(seen: Seen, task: str, method: str) -> None:
    """A method of InferenceClient."""
    seen.did("huggingface_hub", huggingface_hub.__version__, task, method)


def test_questions(tmp_path: Path, seen: Seen) -> None:
    """More of it, also behind nginx: test_hub_client.py."""
    with hugging_face(write_tiny_bert(tmp_path)) as client:
        found = client.question_answering(question="who ?", context=TEXT)
        assert TEXT[found.start : found.end] == found.answer  # type: ignore[union-attr]
    note(seen, "question-answering", "question_answering")


def test_classification(tmp_path: Path, seen: Seen) -> None:
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
    note(seen, "text-classification", "text_classification")


def test_zero_shot_classification(tmp_path: Path, seen: Seen) -> None:
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
    note(seen, "zero-shot-classification", "zero_shot_classification")


def test_tokens(tmp_path: Path, seen: Seen) -> None:
    """Grouped by default."""
    with hugging_face(write_tiny_bert(tmp_path, head="token")) as client:
        found = client.token_classification(TEXT, ignore_labels=[])
        assert all(one.entity_group is not None for one in found)
        assert all(TEXT[one.start : one.end].lower() == one.word for one in found if one.start is not None)
        plain = client.token_classification(TEXT, aggregation_strategy="none", ignore_labels=[])
        assert all(one.entity is not None for one in plain)
    note(seen, "token-classification", "token_classification")


def test_masks(tmp_path: Path, seen: Seen) -> None:
    """Filled in, with the targets that are given."""
    with hugging_face(write_tiny_bert(tmp_path, head="masked")) as client:
        found = client.fill_mask("The [MASK] lives near the river.")
        assert len(found) == 5
        assert found[0].score == max(one.score for one in found)
        (one,) = client.fill_mask("The [MASK] lives near the river.", top_k=1, targets=["king"])
        assert one.token_str == "king"
    note(seen, "fill-mask", "fill_mask")


def test_vectors_of_tokens(tmp_path: Path, seen: Seen) -> None:
    """Of a model without pooling."""
    with hugging_face(write_tiny_bert(tmp_path, head="hidden")) as client:
        assert client.feature_extraction(TEXT).shape[0::2] == (1, 32)
    note(seen, "feature-extraction", "feature_extraction")


def test_sentences(tmp_path: Path, seen: Seen) -> None:
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
    note(seen, "sentence-embeddings", "feature_extraction")
    note(seen, "sentence-similarity", "sentence_similarity")
    seen.did("openai", openai.__version__, "sentence-embeddings", "embeddings.create")


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


def test_curl_reaches_every_task(tmp_path: Path, seen: Seen) -> None:
    """With the task's example, at a server of a model for each."""
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    folders = [str(MODELS[task](tmp_path / task)) for task in TASKS]
    with running_server(*folders) as server:
        for task, spec in TASKS.items():
            path = "/embed" if task == "sentence-embeddings" else "/invocations"
            body = {"inputs": "It is <mask> ."} if task == "fill-mask" else spec.example
            command = [
                "curl",
                "-sS",
                "--fail-with-body",
                f"{server.url}{path}?model={task}",
                "--json",
                json.dumps(body),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (task, done.stdout, done.stderr)
            assert json.loads(done.stdout)
            seen.did("curl", version, task, path)
