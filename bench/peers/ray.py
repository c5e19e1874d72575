"""Ray Serve with a service written by hand (services/qa.py), on a Ray of its own."""

from bench.peers.peer import SERVICES, Launch, Peer, Place, flat_body, launch, read_answer, service_environ
from bench.peers.tuning import LAYOUTS, PRECISIONS, read_layout


def peers() -> list[Peer]:
    """Each precision, a replica for each core, one with all threads, and batches."""
    return [_peer(precision, layout) for precision in PRECISIONS for layout in LAYOUTS]


def _peer(precision: str, layout: str) -> Peer:
    workers, threads, batch = read_layout(layout)

    def start(place: Place) -> Launch:
        environ = service_environ(place, PRECISIONS[precision], threads)
        environ |= {
            "PORT": str(place.port),
            "WORKERS": str(workers),
            "BATCH": str(batch),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        environ["RAY_worker_niceness"] = "0"  # 15 by default, which only its rivals for a core would like
        environ["RAY_FOLDER"] = str(place.folder / "ray")
        return launch("ray", ["python", str(SERVICES / "ray_app.py")], **environ)

    return Peer(
        product="ray",
        precision=precision,
        layout=layout,
        environment="ray",
        path="/answer",
        launch=start,
        body=flat_body,
        read=read_answer,
        settings=f"num_replicas={workers}, {threads} thread(s) each, serve.batch of {batch}",
    )
