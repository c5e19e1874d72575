"""Runs `moor` with every fork, foreign connection and file opened for writing recorded.

    python -m tests.support.audited LOG ARG…

The hook is set before anything of Mooring or its dependencies is imported, so an import that phones home is seen too.
"""

import os
import sys
from pathlib import Path
from typing import Any

FORKS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.exec", "os.system", "subprocess.Popen", "pty.spawn"}
CONNECTIONS = {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"}
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod", "shutil.rmtree"}
WITHIN = {"os.remove", "os.rmdir"}
"""Events whose last argument is the descriptor of the folder that the name is in, or -1."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_loopback(event: str, args: tuple[Any, ...]) -> bool:
    """Whether a connection stays on this machine."""
    address = args[0] if event in ("socket.getaddrinfo", "socket.gethostbyname") else args[-1]
    host = address[0] if isinstance(address, tuple) else address
    return host in LOOPBACK or host is None


def main() -> None:
    """Record into LOG and hand the rest of the arguments to `moor`."""
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    names = set(filter(None, os.environ.get("AUDIT_ALLOW", "").split(os.pathsep)))

    def note(kind: str, what: object) -> None:
        os.write(log, f"{kind}\t{what}\n".encode())

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in FORKS:
            note(event, args[:1])
        elif event in CONNECTIONS and not is_loopback(event, args):
            note(event, args)
        elif event in WITHIN and args[-1] != -1:
            return  # below a folder whose own removal was noted
        elif event in CHANGES or (event == "open" and _writes(args)):
            path = str(args[0])
            if path != "/dev/null" and not isinstance(args[0], int) and not any(path.startswith(a) for a in names):
                note(event, path)

    sys.addaudithook(hook)
    from mooring.cli import main as moor

    sys.argv = ["moor", *sys.argv[2:]]
    moor()


def _writes(args: tuple[Any, ...]) -> bool:
    _, mode, flags = args
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
