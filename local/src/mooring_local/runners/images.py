"""What an image's name says of it. Used by `process.py`, which has no image to look into."""

import re
from typing import Literal

Kind = Literal["mooring", "stock"]

_STOCK = re.compile(r"huggingface-(pytorch|tensorflow)-inference(-[a-z0-9]+)*")


def kind_of(image: str) -> Kind | None:
    """Mooring's own, a stock Hugging Face one (for which it stands in), or one that only an engine can run.

    With any registry, tag and digest: `mooring`, `localhost:5000/team/mooring:1.2`, an ECR address.
    """
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if name == "mooring":
        return "mooring"
    return "stock" if _STOCK.fullmatch(name) else None
