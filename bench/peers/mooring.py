"""Mooring as its image runs it: behind nginx."""

import sys

from bench.peers.peer import Launch, Peer, Place, read_answer, wrapped_body


def peers() -> list[Peer]:
    """Each precision as shipped, the answer cache apart; two engines with a core each beside it."""
    return [_peer(precision, layout) for precision in ("fp32", "bf16", "int8") for layout in ("default", "2x1")]


def _peer(precision: str, layout: str) -> Peer:
    def start(place: Place) -> Launch:
        model = place.models.ours_int8 if precision == "int8" else place.models.source
        command = [sys.executable, "-m", "mooring", "serve", str(model), "--front", "nginx", "--port", str(place.port)]
        command += ["--log-level", "error"]
        command += ["--precision", precision, "--answer-cache-bytes", "0"]
        if layout != "default":
            command += ["--workers", "2"]
        return Launch(command, {})

    return Peer(
        product="mooring",
        precision=precision,
        layout=layout,
        environment="",
        path="/invocations",
        launch=start,
        body=wrapped_body,
        read=read_answer,
        settings="as shipped, but without its answer cache" + ("" if layout == "default" else "; --workers 2"),
    )
