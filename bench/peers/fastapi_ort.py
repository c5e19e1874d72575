"""FastAPI, uvicorn and ONNX Runtime: what an experienced user writes by hand."""

from bench.peers.peer import SERVICES, Launch, Peer, Place, flat_body, launch, read_answer, service_environ

_LAYOUTS = {"1x2": (1, 1, 2), "2x1": (2, 1, 1), "lanes": (1, 2, 1)}
"""uvicorn's workers, requests computed at a time in each, ONNX Runtime's threads for one."""


def peers() -> list[Peer]:
    """fp32 and dynamic int8; one process or two, or one that computes two requests at a time with a thread each."""
    return [_peer(precision, layout) for precision in ("fp32", "int8") for layout in _LAYOUTS]


def _peer(precision: str, layout: str) -> Peer:
    workers, lanes, threads = _LAYOUTS[layout]

    def start(place: Place) -> Launch:
        command = ["uvicorn", "fastapi_app:app", "--host", "127.0.0.1", "--port", str(place.port)]
        command += ["--workers", str(workers), "--no-access-log", "--log-level", "warning", "--app-dir", str(SERVICES)]
        return launch("fastapi", command, **service_environ(place, f"ort-{precision}", threads), QA_LANES=str(lanes))

    return Peer(
        product="fastapi",
        precision=precision,
        layout=layout,
        environment="fastapi",
        path="/answer",
        launch=start,
        body=flat_body,
        read=read_answer,
        settings=f"uvicorn with {workers} worker(s), {lanes} at a time in each, ONNX Runtime with {threads} thread(s)",
    )
