"""Every test of this folder logs into a string. What other people's clients did is kept for docs/clients.md."""

import pytest

from tests.support.captured_log import log as log
from tests.support.environments import WORK
from tests.web.seen import Seen

SEEN = Seen()


@pytest.fixture
def seen() -> Seen:
    """One for all tests."""
    return SEEN


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Some tests alone write what they have: `make test-sdk` runs all, then makes the page."""
    if SEEN.clients:
        SEEN.write(WORK / "seen.json")
