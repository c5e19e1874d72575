"""What makes imports fast at the start of a server."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """For what is imported meanwhile, `module` is not installed, unless it has been imported before.

    Of libraries that do less without it, and whose lesser is enough for us. Afterwards it can be imported as ever.
    Half of what importing structlog takes is rich, which it uses for tracebacks.
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
    """Around imports: the garbage collector would look at all modules again and again, a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
