"""Import and configure huggingface_hub, and report its download progress. Called by `hub.py`.

No other module imports the library. Configured here, it makes no call, prints nothing and writes no extra file.
"""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from logging import ERROR
from types import ModuleType
from typing import Any

_CHUNK = 1 << 20


def import_hub() -> ModuleType:
    """The library, imported on first use: it takes a third of a second, and a local folder does not need it."""
    # The library reads these on import; setdefault keeps a user's own choice.
    # Telemetry: no unrequested calls. Xet: it keeps logs and a second cache outside the cache folder.
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_SYMLINKS_WARNING"):
        os.environ.setdefault(name, "1")
    import huggingface_hub
    import huggingface_hub.constants
    import huggingface_hub.errors

    # The default of 10 MiB is too coarse for progress and Ctrl-C on a slow connection.
    huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    return huggingface_hub


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the library's warnings and retry notes: our messages contain what matters."""
    from huggingface_hub.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


class Bars:
    """Progress bars that draw nothing and report bytes; once `stop` is set they end the download."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self.stop = threading.Event()
        self._total = total
        self._progress = progress
        self._lock = threading.Lock()
        self._seen: dict[int, int] = {}

    def count(self, bar: int, done: int) -> None:
        """Add `done` bytes to a bar. The library has one or two byte bars: the furthest one counts."""
        if self.stop.is_set():
            raise CancelledError
        with self._lock:
            self._seen[bar] = self._seen.get(bar, 0) + done
            if self._progress is not None:
                self._progress(min(max(self._seen.values()), self._total), self._total)

    def bar_class(self, hub: ModuleType) -> type:
        """The `tqdm_class` for snapshot_download."""
        bars = self

        class Bar(hub.utils.tqdm):  # type: ignore[misc, name-defined]
            monitor_interval = 0  # or tqdm starts a thread that redraws bars

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                self.counts_bytes = kwargs.get("unit") == "B"
                kwargs.pop("name", None)
                super().__init__(*args, **{**kwargs, "disable": True})

            def update(self, n: float | None = 1) -> None:
                if self.counts_bytes:
                    bars.count(id(self), int(n or 0))

        return Bar
