"""MLServer with its own Hugging Face runtime: no code, two settings files."""

import json
from typing import Any

from bench.peers.peer import Answer, Launch, Peer, Place, launch, read_answer
from bench.peers.tuning import LAYOUTS, read_layout


def peers() -> list[Peer]:
    """fp32 and int8, in a pool with a process for each core, in its own process, and in batches."""
    return [_peer(precision, layout) for precision in ("fp32", "int8") for layout in LAYOUTS]


def _peer(precision: str, layout: str) -> Peer:
    workers, threads, batch = read_layout(layout)

    def start(place: Place) -> Launch:
        model = place.models.onnx if precision == "int8" else place.models.source
        extra: dict[str, Any] = {
            "task": "question-answering",
            "pretrained_model": str(model),
            "framework": "pt",
            "intra_op_threads": threads,
        }
        if precision == "int8":
            extra |= {"optimum_model": True, "model_kwargs": {"file_name": "model-int8.onnx"}}
        described: dict[str, Any] = {
            "name": "qa",
            "implementation": "mlserver_huggingface.HuggingFaceRuntime",
            "parameters": {"extra": extra},
        }
        if batch > 1:
            described |= {"max_batch_size": batch, "max_batch_time": 0.005}
        settings = {
            "host": "127.0.0.1",
            "http_port": place.port,
            "grpc_port": place.port + 1,
            "metrics_port": place.port + 2,
            "parallel_workers": 0 if workers == 1 else workers,
            "cache_enabled": False,
            "debug": False,  # by default it logs every request
        }
        (place.folder / "model-settings.json").write_text(json.dumps(described), encoding="utf-8")
        (place.folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        return launch("mlserver", ["mlserver", "start", str(place.folder)], OMP_NUM_THREADS=str(threads))

    return Peer(
        product="mlserver",
        precision=precision,
        layout=layout,
        environment="mlserver",
        path="/v2/models/qa/infer",
        launch=start,
        body=_body,
        read=_read,
        settings=f"parallel_workers={0 if workers == 1 else workers}, OMP_NUM_THREADS={threads}, "
        f"max_batch_size={batch}"
        + (", optimum's ONNX model, dynamic int8 (each process takes all threads)" if precision == "int8" else ""),
    )


def _body(question: str, context: str) -> bytes:
    inputs = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [text]}
        for name, text in (("question", question), ("context", context))
    ]
    return json.dumps({"inputs": inputs}, ensure_ascii=False).encode()


def _read(found: Any) -> Answer:
    return read_answer(json.loads(found["outputs"][0]["data"][0]))
