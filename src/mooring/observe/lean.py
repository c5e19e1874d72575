"""Imports that a start can do without, left out: half of what importing structlog takes is rich, for tracebacks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """For what is imported meanwhile, `module` is not installed, unless it has been imported before.

    Of libraries that do less without it, and whose lesser is enough for us. Afterwards it can be imported as ever.
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
