"""BentoML with a service written by hand (services/qa.py), through its adaptive batching."""

from bench.peers.peer import SERVICES, Launch, Peer, Place, launch, named_body, read_answer, service_environ
from bench.peers.tuning import LAYOUTS, PRECISIONS, batch_for


def peers() -> list[Peer]:
    """Each precision, one worker with all threads or one for each core."""
    return [_peer(precision, layout) for precision in PRECISIONS for layout in LAYOUTS]


def _peer(precision: str, layout: str) -> Peer:
    workers, threads = layout.split("x")
    batch = batch_for("bentoml", precision)

    def start(place: Place) -> Launch:
        environ = service_environ(place, PRECISIONS[precision], int(threads))
        environ |= {"WORKERS": workers, "BATCH": str(batch)}
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
