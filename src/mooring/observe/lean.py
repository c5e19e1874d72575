"""Speed up imports at server start."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """Hide `module` from imports meanwhile, unless it is already imported.

    For libraries that work without it well enough for us. Afterwards it can be imported normally.
    Half of structlog's import time is rich, which it uses for tracebacks.
    """
    if module in sys.modules:
        yield
        return
    # None makes `import module` raise ImportError.
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection around imports: it would take a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
