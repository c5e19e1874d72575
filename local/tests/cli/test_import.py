"""What `moor local` loads before it is told to serve: next to nothing."""

import pytest

from tests.cli.test_import import HEAVY
from tests.support.loaded import modules_after

pytestmark = pytest.mark.wire


@pytest.mark.parametrize(
    "statement",
    [
        "import mooring_local",
        "from mooring.cli import run; assert run(['local', '--help']) == 0",
        "from mooring.cli import run; assert run(['local', 'env', '--help']) == 0",
    ],
)
def test_help_loads_nothing_heavy(statement: str) -> None:
    """Neither boto3, nor the web framework, nor numpy."""
    assert {name.partition(".")[0] for name in modules_after(statement)} & HEAVY == set()
