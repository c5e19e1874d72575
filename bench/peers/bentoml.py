"""BentoML with a service written by hand (services/qa.py), through its adaptive batching."""

from bench.peers.peer import SERVICES, Launch, Peer, Place, launch, named_body, read_answer, service_environ
from bench.peers.tuning import LAYOUTS, PRECISIONS, read_layout


def peers() -> list[Peer]:
    """Each precision, a worker for each core, one with all threads, and batches."""
    return [_peer(precision, layout) for precision in PRECISIONS for layout in LAYOUTS]


def _peer(precision: str, layout: str) -> Peer:
    workers, threads, batch = read_layout(layout)

    def start(place: Place) -> Launch:
        environ = service_environ(place, PRECISIONS[precision], threads)
        environ |= {"WORKERS": str(workers), "BATCH": str(batch)}
        environ |= {"BENTOML_HOME": str(place.folder / "home"), "BENTOML_DO_NOT_TRACK": "true"}
        command = ["bentoml", "serve", "bentoml_app:Answers", "--working-dir", str(SERVICES)]
        command += ["--host", "127.0.0.1", "--port", str(place.port), "-q"]
        return launch("bentoml", command, **environ)

    return Peer(
        product="bentoml",
        precision=precision,
        layout=layout,
        environment="bentoml",
        path="/answer",
        launch=start,
        body=named_body("asked", listed=True),
        read=read_answer,
        settings=f"workers={workers}, {threads} thread(s) each, max_batch_size={batch}",
    )
