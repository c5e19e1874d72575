"""Where `moor local` keeps its data, for users without a home."""

from pathlib import Path

import pytest

from mooring.cli import run
from tests.settings.test_places import homeless as homeless


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize("command", [["local", "--port", "0"], ["local", "env"]])
def test_moor_local_without_a_home_asks_for_a_folder(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And says what is missing."""
    assert run(command) == 2
    said = capsys.readouterr().err
    assert "HOME is not set, and this user has no home folder.\n      Choose one with --data FOLDER." in said


@pytest.mark.usefixtures("homeless")
def test_moor_local_env_with_a_folder_needs_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is where the SDK's configuration goes."""
    assert run(["local", "env", "--data", str(tmp_path)]) == 0
    assert f"export SAGEMAKER_USER_CONFIG_OVERRIDE={tmp_path}/" in capsys.readouterr().out
