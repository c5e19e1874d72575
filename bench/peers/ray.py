"""Ray Serve with a service written by hand (services/qa.py), on a Ray of its own."""

import tempfile

from bench.peers.peer import SERVICES, Launch, Peer, Place, flat_body, launch, read_answer, service_environ
from bench.peers.tuning import LAYOUTS, PRECISIONS, batch_for


def peers() -> list[Peer]:
    """Each precision, one replica with all threads or one for each core."""
    return [_peer(precision, layout) for precision in PRECISIONS for layout in LAYOUTS]


def _peer(precision: str, layout: str) -> Peer:
    workers, threads = layout.split("x")
    batch = batch_for("ray", precision)

    def start(place: Place) -> Launch:
        environ = service_environ(place, PRECISIONS[precision], int(threads))
        environ |= {"PORT": str(place.port), "WORKERS": workers, "BATCH": str(batch), "RAY_USAGE_STATS_ENABLED": "0"}
        environ["RAY_worker_niceness"] = "0"  # 15 by default, which only its rivals for a core would like
        # Its sockets' names must be short.
        environ["RAY_FOLDER"] = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
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
