"""Other people's libraries against two servers: one of sentence embeddings, one that ranks.

Run in `.work/clients` by test_libraries.py, which reads what it prints: a line of JSON for each thing done. It imports
nothing of Mooring.

python libraries.py LIBRARY EMBEDDER_URL RANKER_URL
"""

import json
import os
import sys
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


LIBRARIES = {each.__name__: each for each in (langchain, llama_index, haystack, litellm, cohere)}

if __name__ == "__main__":
    LIBRARIES[sys.argv[1]]()
