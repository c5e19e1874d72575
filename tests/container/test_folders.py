"""What the service makes in its folder, and what it does not touch there."""

import stat
from pathlib import Path

import pytest

from mooring.container.folders import Folders


def test_a_held_socket_is_open_to_nginx_and_replaces_nothing(tmp_path: Path) -> None:
    """Its mode is its own from the start: a link in its place is never followed."""
    folders = Folders(tmp_path)
    folders.make(None)
    folders.hold(1)
    found = folders.socket(1).lstat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o666
    other = tmp_path / "other"
    other.write_text("x")
    other.chmod(0o600)
    folders.socket(2).symlink_to(other)
    folders.hold(2)
    assert stat.S_IMODE(other.stat().st_mode) == 0o600


def test_a_link_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    """Somebody else may have put it into /tmp after the folder was removed."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        Folders(tmp_path / "run").make(None)
    assert list((tmp_path / "elsewhere").iterdir()) == []
