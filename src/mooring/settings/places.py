"""Where on this machine what can be made again is kept. Reads the environment for whoever has no setting for it."""

import os
from pathlib import Path


def user_cache() -> Path | None:
    """Where the XDG rules put it; None for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "mooring"
    except RuntimeError:
        return None
