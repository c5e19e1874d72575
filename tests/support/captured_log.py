"""The fixture `log`: what a test logs goes into a string, and the process's logging is put back as it was."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from mooring.observe.logs import QUIET, configure_logs


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """What has been logged so far, as JSON lines, at the default level."""
    root, quiet = logging.getLogger(), [logging.getLogger(name) for name in QUIET]
    handlers, level, levels = root.handlers[:], root.level, [logger.level for logger in quiet]
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level
    for logger, before in zip(quiet, levels, strict=True):
        logger.setLevel(before)
