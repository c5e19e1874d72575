"""Answer requests of the comparison in `__main__.py` with one product, in that product's environment.

Reads lines of JSON, {"task", "folder", "texts", "query"}, and writes lines of JSON, {"seconds"}: the time of one call.

    python worker.py PRODUCT FOLDER
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[dict[str, Any]], Any]
IDLE_S = 1.0
"""After this time a connection is opened anew: servers close idle ones."""


def mooring(folder: str) -> Call:
    """Mooring in this process, as `mooring.open`."""
    import mooring

    tasks = {"embed": "sentence-embeddings", "classify": "text-classification", "rank": "text-ranking"}
    opened: dict[str, Any] = {}

    def call(request: dict[str, Any]) -> Any:
        task = request["task"]
        if task not in opened:
            opened[task] = mooring.open(folder, task=tasks[task])
        if task == "rank":
            return opened[task]({"query": request["query"], "texts": request["texts"]})
        return opened[task](request["texts"])

    return call


def sentence_transformers(folder: str) -> Call:
    """sentence-transformers and transformers, with PyTorch in float32."""
    import torch

    torch.set_num_threads(2)
    return _transformers(folder, {"device": "cpu"})


def sentence_transformers_onnx_int8(folder: str) -> Call:
    """sentence-transformers with ONNX Runtime and dynamic int8, exported on this machine."""
    kwargs = {"file_name": "onnx/model_qint8.onnx", "provider": "CPUExecutionProvider"}
    return _transformers(folder, {"device": "cpu", "backend": "onnx", "model_kwargs": kwargs})


def sentence_transformers_openvino(folder: str) -> Call:
    """sentence-transformers with OpenVINO in int8, quantized on this machine."""
    kwargs = {"file_name": "openvino/openvino_model_qint8_quantized.xml"}
    return _transformers(folder, {"device": "cpu", "backend": "openvino", "model_kwargs": kwargs})


def _transformers(folder: str, options: dict[str, Any]) -> Call:
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from transformers import pipeline

    opened: dict[str, Any] = {}

    def call(request: dict[str, Any]) -> Any:
        task, texts = request["task"], request["texts"]
        if task not in opened:
            if task == "embed":
                opened[task] = SentenceTransformer(folder, **options)
            elif task == "rank":
                opened[task] = CrossEncoder(folder, **options)
            else:
                opened[task] = pipeline("text-classification", folder, device="cpu")
        if task == "embed":
            return opened[task].encode(texts, batch_size=len(texts), show_progress_bar=False)
        if task == "rank":
            return opened[task].rank(request["query"], texts, batch_size=len(texts), show_progress_bar=False)
        return opened[task](texts, batch_size=len(texts))

    return call


def onnx_int8(folder: str) -> Call:
    """ONNX Runtime with dynamic int8 and the `tokenizers` library, as one would write it by hand."""
    import numpy as np
    import onnxruntime
    import tokenizers

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(Path(folder) / "onnx" / "model_qint8.onnx"), options)
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(256)
    names = [one.name for one in session.get_inputs()]

    def call(request: dict[str, Any]) -> Any:
        texts = request["texts"]
        inputs = [(request["query"], text) for text in texts] if request["task"] == "rank" else texts
        found = tokenizer.encode_batch(inputs)
        arrays = {
            "input_ids": np.array([one.ids for one in found], np.int64),
            "attention_mask": np.array([one.attention_mask for one in found], np.int64),
            "token_type_ids": np.array([one.type_ids for one in found], np.int64),
        }
        output = session.run(None, {name: arrays[name] for name in names})[0]
        if request["task"] != "embed":
            return output
        mask = arrays["attention_mask"][..., None]
        pooled = (output * mask).sum(1) / mask.sum(1)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    return call


def fastembed(folder: str) -> Call:
    """fastembed from a local path, with the exported fp32 ONNX model."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        "local/model",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf="local/model"),
        dim=384,
        model_file="onnx/model.onnx",
    )
    model = TextEmbedding("local/model", specific_model_path=folder, threads=2)

    def call(request: dict[str, Any]) -> Any:
        if request["task"] != "embed":
            raise ValueError("fastembed: not measured for this task")
        return list(model.embed(request["texts"], batch_size=len(request["texts"])))

    return call


def http(url: str) -> Call:
    """A running server with OpenAI's embeddings API; vectors are read as the official client reads them."""
    import base64
    import http.client
    import urllib.parse

    import numpy as np

    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    last = 0.0

    def call(request: dict[str, Any]) -> Any:
        nonlocal last
        if request["task"] != "embed":
            raise ValueError("http: embeddings only")
        if time.monotonic() - last > IDLE_S:
            connection.close()  # opens again by itself
        body = {"input": request["texts"], "model": "any", "encoding_format": "base64"}
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        connection.request("POST", parts.path, json.dumps(body), headers)
        reply = connection.getresponse()
        content = reply.read()
        last = time.monotonic()
        if reply.status != 200:
            raise ValueError(f"{reply.status}: {content[:200]!r}")
        return [np.frombuffer(base64.b64decode(one["embedding"]), "<f4") for one in json.loads(content)["data"]]

    return call


PRODUCTS: dict[str, Callable[[str], Call]] = {
    "mooring": mooring,
    "mooring-int8": mooring,
    "sentence-transformers": sentence_transformers,
    "sentence-transformers-onnx-int8": sentence_transformers_onnx_int8,
    "sentence-transformers-openvino-int8": sentence_transformers_openvino,
    "onnx-int8": onnx_int8,
    "fastembed": fastembed,
    "http": http,
}


def main() -> None:
    """Serve requests until the input ends."""
    call = PRODUCTS[sys.argv[1].partition("@")[0]](sys.argv[2])
    for line in sys.stdin:
        request = json.loads(line)
        began = time.perf_counter()
        call(request)
        print("@" + json.dumps({"seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
