"""Every peer, and those that cannot be had, with the reason."""

from bench.peers import bentoml, fastapi_ort, litserve, mlserver, mooring, ray, stock
from bench.peers.peer import Peer

PEERS: dict[str, Peer] = {
    peer.name: peer
    for product in (mooring, stock, fastapi_ort, litserve, bentoml, ray, mlserver)
    for peer in product.peers()
}

ABSENT = {
    "OpenVINO Model Server": "comes as a container image and as archives of its project's releases; there is no "
    "package of it on PyPI or in Debian, and neither of the two could be reached where this was measured",
    "MLServer at bf16": "its runtime imports what transformers had until 4.41 only, whose question answering cannot "
    "read bf16 logits (Got unsupported ScalarType BFloat16)",
}
"""Product → why it is not here."""

USUAL = tuple(name for name in PEERS if not name.endswith("b4"))
"""Without those that compute padding, of which each product has a better one; `--peers` names them."""

QUICK = (
    "mooring-fp32-default",
    "stock-fp32-default",
    "stock-fp32-2x1",
    "stock-fp32-1x2",
    "fastapi-fp32-2x1",
    "mooring-bf16-default",
    "stock-bf16-2x1",
    "litserve-bf16-2x1",
    "mooring-int8-default",
    "mooring-int8-2x1",
    "stock-int8-2x1",
    "fastapi-int8-2x1",
    "fastapi-int8-1x2",
)
"""For a quarter of an hour: each rung of the ladder with the strongest of the others, and what the headline names."""


def chosen(names: list[str]) -> list[Peer]:
    """By name, or by product, or by product and precision. Raises KeyError with what is unknown."""
    found: dict[str, Peer] = {}
    for name in names:
        hits = {key: peer for key, peer in PEERS.items() if key == name or key.startswith(name + "-")}
        if not hits:
            raise KeyError(name)
        found |= hits
    return list(found.values())
