"""What a start does without is there again afterwards."""

import importlib
import subprocess
import sys

import pytest

from mooring.observe.memory import without


def test_a_module_is_away_and_comes_back() -> None:
    """Whoever imports it meanwhile finds it not installed."""
    name = "wave"  # of the standard library, and nobody's
    sys.modules.pop(name, None)
    with without(name), pytest.raises(ImportError):
        importlib.import_module(name)
    assert importlib.import_module(name) is sys.modules[name]


def test_what_is_there_already_stays() -> None:
    """Taking it away would break whoever holds half of it."""
    with without("json"):
        assert importlib.import_module("json") is sys.modules["json"]


def test_serving_loads_no_rich() -> None:
    """It takes a tenth of a start, and there is nothing for it to draw."""
    code = """
import sys
from mooring.observe.memory import without
with without("rich"):
    from mooring.observe.logs import configure_logs
configure_logs("error", "text")
import mooring.wiring.server
found = sorted(name for name in sys.modules if name.split(".")[0] == "rich")
sys.exit(f"loaded: {found}" if found else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
