"""LangChain, LlamaIndex, Haystack, LiteLLM, Cohere's client and Triton's as released, given a server's address."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mooring
from mooring.testing.server import running_server
from tests.support.environments import environment
from tests.support.every_task import MODELS
from tests.support.golden_sentences import real_weights
from tests.web.seen import Seen

pytestmark = pytest.mark.sdk

PROGRAM = Path(__file__).with_name("libraries.py")
GUARD = Path(__file__).parents[2] / "local" / "tests" / "fidelity" / "guard"
"""Refuses addresses off this machine, and notes them."""
PATIENCE_S = 150.0
QUERY, TEXTS = "When does the ferry leave?", ["The ferry leaves at seven.", "Bread is baked with flour and yeast."]

FAILS = {
    'OpenAIEmbeddings(base_url=".../v1")': "set check_embedding_ctx_length=False.",
    'HuggingFaceEndpointEmbeddings(model="http://...")': "`model` must be a HuggingFace repo ID, not a URL.",
    'JinaEmbedding(base_url=".../v1")': "'api.jina.ai' is not on this machine",
    'embedding(model="huggingface/any", api_base="...")': "'huggingface.co' is not on this machine",
    'rerank(model="infinity/any", api_base="...")': "results.0.document.text",
    'ClientV2(base_url="...").embed': "'/v2/embed' not found.",
}
"""Call → part of its error."""
ELSEWHERE = {"haystack": {"huggingface.co"}, "litellm": {"huggingface.co"}, "llama_index": {"api.jina.ai"}}
"""Library → hosts that it wants to ask although it has an address. Haystack's is InferenceClient, which looks up names
of coding agents there for its User-Agent, and goes on without them."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of all-MiniLM-L6-v2, and of a random cross-encoder."""
    ranker = MODELS["text-ranking"](tmp_path_factory.mktemp("ranker"))
    with running_server(str(real_weights())) as first, running_server(str(ranker)) as second:
        yield first.url, second.url


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[tuple[str, float]]]:
    """In process: the vectors of the query and the texts, and the texts with their scores, best first."""
    ranker = MODELS["text-ranking"](tmp_path_factory.mktemp("in-process"))
    with mooring.open(real_weights(), task="sentence-embeddings") as model:
        vectors: Any = model([QUERY, *TEXTS])
    with mooring.open(ranker, task="text-ranking") as model:
        found: Any = model({"query": QUERY, "texts": TEXTS})
    return vectors, [(TEXTS[one["index"]], one["score"]) for one in found]


@pytest.mark.parametrize("library", ["langchain", "llama_index", "haystack", "litellm", "cohere", "triton"])
def test_a_library_gets_the_answers_of_the_models(
    library: str, servers: tuple[str, str], expected: tuple[Any, list[tuple[str, float]]], tmp_path: Path, seen: Seen
) -> None:
    """The same vectors and scores as in process; what fails does so with the error that docs/clients.md shows."""
    lines, asked = _run(library, servers, tmp_path)
    vectors, ranked = expected
    assert any("did" in line for line in lines)
    for line in lines:
        client = (line["package"], line["version"])
        if (call := line.get("cannot")) is not None:
            assert FAILS[call] in line["because"]
            seen.cannot(*client, call, FAILS[call])
            continue
        if line["task"] == "sentence-embeddings":
            assert np.allclose(line["saw"], vectors, atol=1e-5), line["did"]
        else:
            assert [text for text, _ in line["saw"]] == [text for text, _ in ranked], line["did"]
            assert [score for _, score in line["saw"]] == pytest.approx([score for _, score in ranked], abs=1e-5)
        seen.did(*client, line["task"], line["did"])
    assert asked == ELSEWHERE.get(library, set())


def _run(library: str, servers: tuple[str, str], folder: Path) -> tuple[list[Any], set[str]]:
    """The program's lines, and the hosts that it would have gone to."""
    refused = folder / "refused"
    done = subprocess.run(
        [str(environment("clients") / "bin" / "python"), "-W", "ignore", str(PROGRAM), library, *servers],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(GUARD), "GUARD_LOG": str(refused)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(('{"did"', '{"cannot"'))]
    words = refused.read_text(encoding="utf-8").split() if refused.exists() else []
    return lines, {word.strip("'") for word in words if word.startswith("'")}
