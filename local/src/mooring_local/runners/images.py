"""Classify images by name, for `process.py`, which has no image to inspect."""

import re
from typing import Literal

Kind = Literal["mooring", "stock"]

_STOCK = re.compile(r"huggingface-(pytorch|tensorflow)-inference(-[a-z0-9]+)*")


def kind_of(image: str) -> Kind | None:
    """Mooring's image, a stock Hugging Face image (which Mooring replaces), or None: needs a container engine.

    Accepts any registry, tag and digest: `mooring`, `localhost:5000/team/mooring:1.2`, an ECR address.
    """
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if name == "mooring":
        return "mooring"
    return "stock" if _STOCK.fullmatch(name) else None
