"""Other people's libraries against two servers: one of sentence embeddings, one that ranks.

Run in `.work/clients` by test_libraries.py, which reads what it prints: a line of JSON for each thing done. It imports
nothing of Mooring.

python libraries.py LIBRARY EMBEDDER_URL RANKER_URL
"""

import json
import os
import sys
import urllib.request
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

EMBEDDER, RANKER = sys.argv[2:4]
QUERY = "When does the ferry leave?"
TEXTS = ["The ferry leaves at seven.", "Bread is baked with flour and yeast."]
EMBEDS, RANKS = "sentence-embeddings", "text-ranking"
KEY = "none"
os.environ |= {"HAYSTACK_TELEMETRY_ENABLED": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "TQDM_DISABLE": "1"}


def did(package: str, task: str, call: str, saw: Any) -> None:
    """What was done with which package, and what came of it."""
    line = {"did": call, "task": task, "package": package, "version": version(package), "saw": saw}
    print("\n" + json.dumps(line), flush=True)


def cannot(package: str, call: str, attempt: Callable[[], Any]) -> None:
    """What fails, and with which words."""
    line = {"cannot": call, "package": package, "version": version(package)}
    try:
        line["because"] = f"it works now: {attempt()}"
    except Exception as error:  # that is the question
        line["because"] = f"{type(error).__name__}: {error}"
    print("\n" + json.dumps(line), flush=True)


def langchain() -> None:
    """LangChain."""
    from langchain_huggingface import HuggingFaceEndpointEmbeddings
    from langchain_openai import OpenAIEmbeddings

    model: dict[str, Any] = {"model": "any", "base_url": f"{EMBEDDER}/v1", "api_key": KEY, "max_retries": 0}
    embeddings = OpenAIEmbeddings(**model, check_embedding_ctx_length=False)
    call = 'OpenAIEmbeddings(base_url=".../v1", check_embedding_ctx_length=False)'
    did("langchain-openai", EMBEDS, call, [embeddings.embed_query(QUERY), *embeddings.embed_documents(TEXTS)])
    _byte_encoding()
    cannot(
        "langchain-openai", 'OpenAIEmbeddings(base_url=".../v1")', lambda: OpenAIEmbeddings(**model).embed_query(QUERY)
    )
    cannot(
        "langchain-huggingface",
        'HuggingFaceEndpointEmbeddings(model="http://...")',
        lambda: HuggingFaceEndpointEmbeddings(model=EMBEDDER),
    )


def _byte_encoding() -> None:
    """tiktoken would download its encoding: one that needs no file takes its place, and gives token ids as well."""
    import tiktoken
    from tiktoken import registry

    ranks = {bytes([byte]): byte for byte in range(256)}
    made = tiktoken.Encoding("cl100k_base", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={})
    registry.ENCODINGS["cl100k_base"] = made


def llama_index() -> None:
    """LlamaIndex."""
    from llama_index.core.schema import NodeWithScore, TextNode
    from llama_index.embeddings.jinaai import JinaEmbedding
    from llama_index.embeddings.openai import OpenAIEmbedding
    from llama_index.embeddings.openai_like import OpenAILikeEmbedding
    from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference
    from llama_index.postprocessor.jinaai_rerank import JinaRerank
    from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

    v1: dict[str, Any] = {"api_base": f"{EMBEDDER}/v1", "api_key": KEY}
    prefix = "llama-index-embeddings-"
    for package, call, model in (
        (
            "text-embeddings-inference",
            'TextEmbeddingsInference(base_url="...")',
            TextEmbeddingsInference(model_name="any", base_url=EMBEDDER),
        ),
        ("openai-like", 'OpenAILikeEmbedding(api_base=".../v1")', OpenAILikeEmbedding(model_name="any", **v1)),
        ("openai", 'OpenAIEmbedding(api_base=".../v1")', OpenAIEmbedding(**v1)),
    ):
        did(prefix + package, EMBEDS, call, [model.get_query_embedding(QUERY), *model.get_text_embedding_batch(TEXTS)])
    for package, call, ranker in (
        ("tei-rerank", 'TextEmbeddingInference(base_url="...")', TextEmbeddingInference(base_url=RANKER)),
        ("jinaai-rerank", 'JinaRerank(base_url=".../v1")', JinaRerank(base_url=f"{RANKER}/v1", api_key=KEY)),
    ):
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
        ranked = ranker.postprocess_nodes(nodes, query_str=QUERY)
        did(f"llama-index-postprocessor-{package}", RANKS, call, [[one.node.text, one.score] for one in ranked])
    cannot(
        f"{prefix}jinaai",
        'JinaEmbedding(base_url=".../v1")',
        lambda: JinaEmbedding(base_url=f"{EMBEDDER}/v1", api_key=KEY).get_query_embedding(QUERY),
    )


def haystack() -> None:
    """Haystack 3 and its integrations."""
    from haystack import Document
    from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
    from haystack.utils import Secret
    from haystack_integrations.components.embedders.huggingface_api import (
        HuggingFaceAPIDocumentEmbedder,
        HuggingFaceAPITextEmbedder,
    )
    from haystack_integrations.components.embedders.jina import JinaDocumentEmbedder, JinaTextEmbedder
    from haystack_integrations.components.rankers.cohere import CohereRanker
    from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker
    from haystack_integrations.components.rankers.jina import JinaRanker

    key = {"api_key": Secret.from_token(KEY)}
    # Without `normalize` it asks for vectors that are not normalized, whatever the model's own are.
    tei: dict[str, Any] = {"api_type": "text_embeddings_inference", "api_params": {"url": EMBEDDER}, "normalize": True}
    v1 = {"api_base_url": f"{EMBEDDER}/v1", **key}
    jina = {"base_url": f"{EMBEDDER}/v1/embeddings", **key}
    embedders: list[tuple[str, str, Any, Any]] = [
        ("haystack-ai", '(api_base_url=".../v1")', OpenAITextEmbedder(**v1), OpenAIDocumentEmbedder(**v1)),
        (
            "huggingface-api-haystack",
            '(api_type="text_embeddings_inference", api_params={"url": "..."}, normalize=True)',
            HuggingFaceAPITextEmbedder(**tei),
            HuggingFaceAPIDocumentEmbedder(**tei),
        ),
        ("jina-haystack", '(base_url=".../v1/embeddings")', JinaTextEmbedder(**jina), JinaDocumentEmbedder(**jina)),
    ]
    documents = [Document(content=text) for text in TEXTS]
    for package, arguments, text, document in embedders:
        found = document.run(documents)["documents"]
        saw = [text.run(QUERY)["embedding"], *(one.embedding for one in found)]
        for name in (type(text).__name__, type(document).__name__):
            did(package, EMBEDS, name + arguments, saw)
    for package, call, ranker in (
        ("huggingface-api-haystack", 'HuggingFaceTEIRanker(url="...")', HuggingFaceTEIRanker(url=RANKER)),
        ("jina-haystack", 'JinaRanker(base_url=".../v1/rerank")', JinaRanker(base_url=f"{RANKER}/v1/rerank", **key)),
        ("cohere-haystack", 'CohereRanker(api_base_url="...")', CohereRanker(api_base_url=RANKER, **key)),
    ):
        ranked = ranker.run(QUERY, documents)["documents"]
        did(package, RANKS, call, [[one.content, one.score] for one in ranked])


def litellm() -> None:
    """LiteLLM, by provider."""
    import litellm as library

    library.suppress_debug_info = True
    texts = [QUERY, *TEXTS]
    v1 = f"{EMBEDDER}/v1"
    for model, base, shown, more in (
        ("openai/any", v1, 'api_base=".../v1"', {}),
        ("hosted_vllm/any", v1, 'api_base=".../v1"', {}),
        ("infinity/any", v1, 'api_base=".../v1"', {}),
        ("huggingface/any", EMBEDDER, 'api_base="...", input_type="embed"', {"input_type": "embed"}),
    ):
        found = library.embedding(model=model, input=texts, api_base=base, api_key=KEY, **more)
        vectors = [dict(one)["embedding"] for one in found.data]
        did("litellm", EMBEDS, f'embedding(model="{model}", {shown})', vectors)
    ask: dict[str, Any] = {"query": QUERY, "documents": TEXTS, "api_base": RANKER, "api_key": KEY}
    for provider in ("cohere", "jina_ai", "huggingface", "hosted_vllm"):
        results = library.rerank(model=f"{provider}/any", **ask).results
        saw = [[TEXTS[one["index"]], one["relevance_score"]] for one in results]
        did("litellm", RANKS, f'rerank(model="{provider}/any", api_base="...")', saw)
    cannot(
        "litellm",
        'embedding(model="huggingface/any", api_base="...")',
        lambda: library.embedding(model="huggingface/any", input=texts, api_base=EMBEDDER, api_key=KEY),
    )
    cannot(
        "litellm",
        'rerank(model="infinity/any", api_base="...")',
        lambda: library.rerank(model="infinity/any", **ask),
    )


def cohere() -> None:
    """Cohere's own client, in both of its versions."""
    import cohere as library

    ask: dict[str, Any] = {"model": "any", "query": QUERY, "documents": TEXTS}
    for name in ("ClientV2", "Client"):
        results = getattr(library, name)(api_key=KEY, base_url=RANKER).rerank(**ask).results
        saw = [[TEXTS[one.index], one.relevance_score] for one in results]
        did("cohere", RANKS, f'{name}(base_url="...").rerank', saw)
    client = library.ClientV2(api_key=KEY, base_url=EMBEDDER)
    cannot(
        "cohere",
        'ClientV2(base_url="...").embed',
        lambda: client.embed(model="any", texts=TEXTS, input_type="search_query", embedding_types=["float"]),
    )


def triton() -> None:
    """Triton's client of the Open Inference Protocol, with tensors as bytes and as JSON. It needs the model's name."""
    import numpy as np
    from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

    def tensor(name: str, shape: list[int], texts: list[str], *, binary: bool) -> Any:
        found = InferInput(name, shape, "BYTES")
        found.set_data_from_numpy(np.array(texts, dtype=object).reshape(shape), binary_data=binary)
        return found

    for binary in (True, False):
        client = InferenceServerClient(EMBEDDER.removeprefix("http://"))
        name = _served(EMBEDDER)
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(name)
        metadata = client.get_model_metadata(name)
        assert client.is_model_ready(name, metadata["versions"][0])
        outputs = [InferRequestedOutput(metadata["outputs"][0]["name"], binary_data=binary)]
        inputs = [tensor("text", [3, 1], [QUERY, *TEXTS], binary=binary)]
        vectors = client.infer(name, inputs, outputs=outputs).as_numpy("embedding")
        did("tritonclient", EMBEDS, 'InferenceServerClient("...").infer', vectors.tolist())
        client = InferenceServerClient(RANKER.removeprefix("http://"))
        inputs = [tensor("query", [1], [QUERY], binary=binary), tensor("texts", [1, 2], TEXTS, binary=binary)]
        result = client.infer(_served(RANKER), inputs, request_id="one", timeout=1_000_000)
        assert result.get_response()["id"] == "one"
        ranks = zip(result.as_numpy("index")[0].tolist(), result.as_numpy("score")[0].tolist(), strict=True)
        saw = [[TEXTS[index], score] for index, score in ranks]
        did("tritonclient", RANKS, 'InferenceServerClient("...").infer', saw)


def _served(url: str) -> str:
    """The name of a server's model."""
    with urllib.request.urlopen(f"{url}/v1/models") as reply:
        name: str = json.load(reply)["models"][0]
        return name


LIBRARIES = {each.__name__: each for each in (langchain, llama_index, haystack, litellm, cohere, triton)}

if __name__ == "__main__":
    LIBRARIES[sys.argv[1]]()
