"""What the command line loads before it is told what to do: next to nothing."""

import pytest

from mooring.cli.group import COMMANDS
from tests.support.loaded import modules_after

pytestmark = pytest.mark.wire

NAMES = tuple(COMMANDS)
HEAVY = {"openvino", "numpy", "starlette", "uvicorn", "rich", "tokenizers", "huggingface_hub", "msgspec", "structlog"}
HEAVY |= {"boto3", "botocore", "httpcore2", "httpx2", "pyarrow", "ray"}


@pytest.mark.parametrize(
    "statement",
    [
        "import mooring.cli",
        "from mooring.cli import run; assert run(['--help']) == 0",
        "from mooring.cli import run; assert run(['--version']) == 0",
        "from mooring.cli import run; assert run(['sevre']) == 2",
        *(f"from mooring.cli import run; assert run(['{name}', '--help']) == 0" for name in NAMES),
    ],
)  # fmt: skip
def test_help_loads_nothing_heavy(statement: str) -> None:
    """Neither the engine, nor numpy, nor the web framework, nor rich."""
    assert {name.partition(".")[0] for name in modules_after(statement)} & HEAVY == set()


def test_help_loads_little() -> None:
    """Modules are what its time goes with; how many milliseconds depends on the machine."""
    loaded = modules_after("from mooring.cli import run; assert run(['--help']) == 0") - modules_after("pass")
    assert len(loaded) < 100
    assert len({name for name in loaded if name.startswith("mooring")}) < 15
