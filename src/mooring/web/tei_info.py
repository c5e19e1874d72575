"""The fields that clients of text-embeddings-inference read in /info. Added to Mooring's own by `pages.py`."""

from collections.abc import Mapping
from typing import Any

import mooring
from mooring.web.limits import WebLimits

DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
"""Our name of a precision → torch's; others are the same."""


def tei_info(facts: Mapping[str, Any], limits: WebLimits) -> dict[str, Any]:
    """The fields, given the facts of `Served`; empty while the model loads and for a model's own code."""
    model = facts.get("model", {})
    if "tasks" not in model:
        return {}
    precision = model["precision"]
    return {
        "model_id": model["source"],
        "model_sha": model["revision"],
        "model_dtype": DTYPES.get(precision, precision),
        "model_type": _type(model),
        "max_concurrent_requests": limits.max_in_flight,
        "max_input_length": model["max_seq_len"],
        "max_batch_tokens": facts.get("backend", {}).get("batch_tokens"),
        "max_client_batch_size": limits.max_records,
        "auto_truncate": limits.truncate,
        "version": mooring.__version__,
    }


def _type(model: Mapping[str, Any]) -> dict[str, Any]:
    """One key: embedding, reranker, classifier, or the name of a task that text-embeddings-inference lacks."""
    tasks = model["tasks"]
    labels = {"id2label": model["labels"], "label2id": {name: int(place) for place, name in model["labels"].items()}}
    if "sentence-embeddings" in tasks:
        return {"embedding": {"pooling": "+".join(model["sentence"]["pooling"])}}
    if "text-ranking" in tasks:
        return {"reranker": labels}
    return {"classifier": labels} if "text-classification" in tasks else {model["task"]: {}}
