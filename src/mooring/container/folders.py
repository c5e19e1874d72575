"""Files and folders of the service. They are created again if something removes them."""

import contextlib
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from mooring.container.privileges import give


@dataclass(frozen=True, slots=True)
class Folders:
    """Paths below `run`."""

    run: Path

    @property
    def metrics(self) -> Path:
        """Folder of the workers' counters."""
        return self.run / "metrics"

    @property
    def front(self) -> Path:
        """Socket of the process in front."""
        return self.run / "front.sock"

    @property
    def nginx(self) -> Path:
        """Socket on which nginx's workers say which of them answers."""
        return self.run / "nginx.sock"

    def socket(self, slot: int) -> Path:
        """Socket of the worker in a slot."""
        return self.run / "sockets" / f"worker-{slot}.sock"

    def make(self, user: str | None) -> None:
        """Create the missing folders, writable for `user`. Raises OSError."""
        self.run.mkdir(parents=True, exist_ok=True)
        found = self.run.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(f"{self.run} belongs to another user")
        self.run.chmod(0o755)
        for name in ("metrics", "sockets", "body", "proxy", "cache", "packages"):
            if not (self.run / name).is_dir():
                (self.run / name).mkdir()
                give(self.run / name, user)

    def hold(self, slot: int) -> None:
        """Create a socket file without a listener if the worker's socket is missing.

        nginx then silently tries the next worker. Without the file it would log the request line as critical.
        """
        path = self.socket(slot)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
            if not path.exists():
                # Not chmod: the workers own the folder, and their code could replace the file by a link before that.
                before = os.umask(0o111)
                try:
                    one.bind(str(path))
                finally:
                    os.umask(before)
