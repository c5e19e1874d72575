"""What was tried and chosen for the peers that batch: a layout's name is processes × threads each."""

LAYOUTS = ("2x1", "1x2")
PRECISIONS = {"fp32": "fp32", "bf16": "bf16", "int8": "ort-int8"}
"""Ours → that of services/qa.py."""

_BATCH: dict[tuple[str, str], int] = {}
_DEFAULT = 4


def batch_for(product: str, precision: str) -> int:
    """Most requests in a batch."""
    return _BATCH.get((product, precision), _DEFAULT)
