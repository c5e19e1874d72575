"""As if matplotlib were not installed: charts are left out, or refused with what to install."""

import pytest


def hide_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the test ends."""
    monkeypatch.setattr("mooring.charts.find_spec", lambda name: None)
    monkeypatch.setattr("mooring.charts.install_command", lambda extra: f"pip install '.[{extra}]'")
