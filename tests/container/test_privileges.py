"""Which user workers run as."""

import os
import pwd
from pathlib import Path

from mooring.container.privileges import _can_read


def test_a_link_to_nothing_is_the_workers_to_report(tmp_path: Path) -> None:
    """Whether the model needs it is not known here."""
    tmp_path.chmod(0o755)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "notes.txt").symlink_to("nowhere")
    assert _can_read(tmp_path, pwd.getpwuid(os.getuid()))
