"""Behind nginx, too, nothing that a client sends reaches the log, also not through nginx's own errors."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mooring.container.proxy import find_nginx
from tests.support.behind import Behind, behind
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

CANARY = "canary-7f3a"
QUERY = f"/invocations?q={CANARY}"
HEADERS: dict[str, Any] = {
    f"X_{CANARY}": CANARY,
    "Referer": f"http://{CANARY}/",
    "User_Agent": CANARY,
    "Cookie": CANARY,
}


@pytest.fixture(params=["debug", "warning"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """With two workers."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light libnginx-mod-http-lua")
    model = write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")
    with behind(str(model), MOORING_LOG_LEVEL=request.param, MOORING_ALLOWED_HOST="*") as one:
        one.wait_for_workers(2)
        yield one


def run_folder(server: Behind) -> Path:
    """Where it writes, from a worker's environment."""
    environ = Path(f"/proc/{server.workers()[1]}/environ").read_bytes().split(b"\0")
    [folder] = [item.partition(b"=")[2] for item in environ if item.startswith(b"PROMETHEUS_MULTIPROC_DIR=")]
    return Path(os.fsdecode(folder)).parent


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """A disk of 64 kB in its place."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def raw(server: Behind, data: bytes) -> None:
    """Bytes that may be no request."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as one:
        one.sendall(data)
        one.recv(65536)


def test_a_canary_is_found_nowhere(server: Behind) -> None:
    """In heads, bodies and paths, through errors of every part. A full disk refuses large requests only."""
    said = CANARY.encode()
    large = b'{"question": "who ?", "context": "%s"}' % (said * 20_000)
    with full(run_folder(server) / "body"):
        status, _, body = server.send("POST", QUERY, large, **HEADERS)
        assert (status, body["code"], body["type"]) == (500, 500, "InternalError")
        assert "disk" in body["message"]
        assert server.ask()[0] == 200
    (run_folder(server) / "sockets" / "worker-1.sock").unlink()
    server.send("POST", QUERY, b'{"question": "%s"}' % said, **HEADERS)
    server.send("GET", f"/{CANARY}?{CANARY}", **HEADERS)
    server.send("POST", QUERY, said, Content_Type=CANARY)
    raw(server, b"GET /%s HTTP/9.9\r\nHost: %s\r\n\r\n" % (said, said))
    raw(server, b"GET / HTTP/1.1\r\nHost: %s/\r\n%s\r\n\r\n" % (said, said))
    raw(server, b"%s /%s HTTP/1.1\r\nHost: %s\r\nA: \x01%s\r\n\r\n" % ((said,) * 4))
    raw(server, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n" % said)
    raw(server, b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (said * 1000))
    server.until(lambda: any("No space left on device" in line["message"] for line in server.logged("nginx")))
    assert CANARY not in "\n".join(server.log)
    assert CANARY not in str(server.get("/metrics")[1]) + str(server.get("/info")[1])
