"""LitServe with a service written by hand (services/qa.py)."""

from bench.peers.peer import SERVICES, Launch, Peer, Place, flat_body, launch, read_answer, service_environ
from bench.peers.tuning import LAYOUTS, PRECISIONS, read_layout


def peers() -> list[Peer]:
    """Each precision, a worker for each core, one with all threads, and batches."""
    return [_peer(precision, layout) for precision in PRECISIONS for layout in LAYOUTS]


def _peer(precision: str, layout: str) -> Peer:
    workers, threads, batch = read_layout(layout)

    def start(place: Place) -> Launch:
        environ = service_environ(place, PRECISIONS[precision], threads)
        environ |= {"PORT": str(place.port), "WORKERS": str(workers), "BATCH": str(batch)}
        return launch("litserve", ["python", str(SERVICES / "litserve_app.py")], **environ)

    return Peer(
        product="litserve",
        precision=precision,
        layout=layout,
        environment="litserve",
        path="/predict",
        launch=start,
        body=flat_body,
        read=read_answer,
        settings=f"workers_per_device={workers}, {threads} thread(s) each, max_batch_size={batch}",
    )
