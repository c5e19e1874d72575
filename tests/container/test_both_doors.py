"""A server without nginx and one behind nginx answer odd heads alike, and refuse them in the same shape."""

import contextlib
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import Request, urlopen

import httpcore2
import pytest

from mooring.container.proxy import find_nginx
from tests.support.behind import behind
from tests.support.served import served
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

BODY = b'{"question": "who lives near the river ?", "context": "The king lives near the river."}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
HOST = b"Host: x\r\n"
GET = b"GET /ping HTTP/1.1\r\n"


def get(line: bytes, headers: bytes = HOST) -> bytes:
    """A request without a body."""
    return line + b"\r\n" + headers + b"\r\n"


def ping(*headers: bytes) -> bytes:
    """GET /ping with these headers, and no others."""
    return GET + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


def post(headers: bytes, body: bytes, version: bytes = b"1.1") -> bytes:
    """POST /invocations."""
    return b"POST /invocations HTTP/" + version + b"\r\n" + HOST + headers + b"\r\n" + body


TABLE = (
    # Host
    (ping(), 400),
    (ping(b"Host: x", b"Host: x"), 400),
    (ping(b"Host: x", b"Host: y"), 400),
    (ping(b"Host:"), 400),
    (ping(b"Host: a b"), 400),
    (ping(b"Host: x/y"), 400),
    (ping(b"Host: x@y"), 400),
    (ping(b"Host: x,y"), 400),
    (ping(b"Host: x:abc"), 400),
    (ping(b"Host: [::1"), 400),
    (ping(b"Host: .."), 400),
    (ping(b"Host: x\x80"), 400),
    (ping(b"Host: x_y-1.example:80"), 200),
    (ping(b"Host: [::1]:80"), 200),
    (get(b"GET /ping HTTP/1.0", b""), 200),
    (get(b"GET /ping HTTP/1.0", HOST + HOST), 400),
    # The first line
    (get(b"GET http://x/ping HTTP/1.1", b""), 400),
    (get(b"GET http://x/ping HTTP/1.1"), 200),
    (get(b"GET /ping HTTP/1.2"), 505),
    (get(b"GET /ping HTTP/2.0"), 505),
    (get(b"GET /ping http/1.1"), 400),
    (get(b"GET /ping HTTP/1.1 "), 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (get(b"get /ping HTTP/1.1"), 400),
    (get(b"FOO /ping HTTP/1.1"), 400),
    (get(b"GET ping HTTP/1.1"), 400),
    (get(b"GET * HTTP/1.1"), 400),
    (get(b"CONNECT x:80 HTTP/1.1"), 400),
    (get(b"TRACE /ping HTTP/1.1"), 405),
    (get(b"GET /pi\x01ng HTTP/1.1"), 400),
    (get(b"GET /p\xe9 HTTP/1.1"), 400),
    (get(b"GET /ping?a b HTTP/1.1"), 400),
    (get(b"GET /pi%zzng HTTP/1.1"), 400),
    (get(b"GET /%00 HTTP/1.1"), 400),
    (get(b"GET /a/../../ping HTTP/1.1"), 400),
    (get(b"GET /a/../ping HTTP/1.1"), 404),
    (get(b"GET /" + b"x" * 8300 + b" HTTP/1.1"), 431),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(30), 400),
    # Headers
    (ping(b"Host: x", b"A : b"), 400),
    (ping(b"Host: x", b": b"), 400),
    (ping(b"Host: x", b"A: b", b" c"), 400),
    (ping(b" Host: x"), 400),
    (ping(b"Host: x", b"A: b\0c"), 400),
    (ping(b"Host: x", b"A: b\rc"), 400),
    (ping(b"Host: x", b"A: b\x01c"), 400),
    (ping(b"Host: x", b"A(b): c"), 400),
    (ping(b"Host: x", b"A\x80: c"), 400),
    (ping(b"Host: x", b"A_b: \xe9"), 200),
    (ping(b"Host: x", b"A: " + b"x" * 8300), 431),
    (ping(b"Host: x", *[b"A: x"] * 20_000), 431),
    # Bodies
    (post(LENGTH, BODY), 200),
    (post(LENGTH, BODY, b"1.0"), 200),
    (post(CHUNKED, CHUNKS), 200),
    (post(CHUNKED, CHUNKS, b"1.0"), 400),
    (post(b"Transfer-Encoding: Chunked\r\n", CHUNKS), 200),
    (post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS), 501),
    (post(b"Transfer-Encoding: gzip\r\n", CHUNKS), 501),
    (post(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS), 501),
    (post(b"Transfer-Encoding : chunked\r\n", CHUNKS), 400),
    (post(CHUNKED + LENGTH, CHUNKS), 400),
    (post(LENGTH + CHUNKED, CHUNKS), 400),
    (post(LENGTH + LENGTH, BODY), 400),
    (post(LENGTH + b"Content-Length: 3\r\n", BODY), 400),
    (post(b"Content-Length: +2\r\n", b"{}"), 400),
    (post(b"Content-Length: -1\r\n", b"{}"), 400),
    (post(b"Content-Length: 1, 1\r\n", b"{}"), 400),
    (post(b"Content-Length:\r\n", b"{}"), 400),
    (post(b"Content-Length: 99999999999999999999999\r\n", b"{}"), 400),
    (post(b"Content-Length: 9999999999\r\n", b"{}"), 413),
    (post(CHUNKED, b"zz\r\n"), 400),
    (post(CHUNKED, b"%x\r\n%sXX\r\n0\r\n\r\n" % (len(BODY), BODY)), 400),
    (post(CHUNKED, CHUNKS[:-2] + b"Host: y\r\n\r\n"), 200),
    (post(LENGTH + b"Connection: Upgrade\r\nUpgrade: h2c\r\n", BODY), 200),
    (post(LENGTH + b"If-Match: x\r\nRange: bytes=5-2\r\n", BODY), 200),
)


@dataclass
class Doors:
    """The ports of two servers."""

    direct: int
    nginx: int


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """One without nginx, one behind nginx."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    model = write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")
    with behind(str(model), MOORING_ALLOWED_HOST="*") as proxied, served(task="text") as direct:
        yield Doors(direct.port, proxied.port)


def answer(port: int, data: bytes) -> tuple[int, bool]:
    """The status, and whether the body is a JSON object that names it (true for a 200)."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        one.sendall(data)
        got = b""
        while b"}" not in got.partition(b"\r\n\r\n")[2] and (more := one.recv(65536)):
            got += more
    status = int(got.split()[1])
    return status, status == 200 or json.loads(got.partition(b"\r\n\r\n")[2])["code"] == status


def test_both_answer_odd_heads_alike(doors: Doors) -> None:
    """In our shape. nginx also accepts lines that end with LF alone, which the other server refuses."""
    wrong = []
    for data, status in TABLE:
        found = {name: answer(port, data) for name, port in (("direct", doors.direct), ("nginx", doors.nginx))}
        if set(found.values()) != {(status, True)}:
            wrong.append((data[:100], status, found))
    assert not wrong


@pytest.mark.parametrize("door", ["direct", "nginx"])
def test_tensors_as_bytes(doors: Doors, door: str) -> None:
    """The Open Inference Protocol with its header, and its health, which process 1 answers behind nginx."""
    url = f"http://127.0.0.1:{getattr(doors, door)}"
    texts = [json.loads(BODY)[name].encode() for name in ("question", "context")]
    data = [struct.pack("<I", len(text)) + text for text in texts]
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(part)}}
        for name, part in zip(("question", "context"), data, strict=True)
    ]
    head = json.dumps({"inputs": tensors, "outputs": [{"name": "end", "parameters": {"binary_data": True}}]}).encode()
    with httpcore2.ConnectionPool() as pool:
        assert json.loads(pool.request("GET", f"{url}/v2/health/live").content) == {"live": True}
        assert json.loads(pool.request("GET", f"{url}/v2/health/ready").content) == {"ready": True}
        (name,) = json.loads(pool.request("GET", f"{url}/v1/models").content)["models"]
        assert pool.request("GET", f"{url}/v2/models/{name}/ready").status == 200
        headers: dict[bytes | str, bytes | str] = {
            "Inference-Header-Content-Length": str(len(head)),
            "Content-Type": "application/octet-stream",
        }
        reply = pool.request("POST", f"{url}/v2/models/{name}/infer", headers=headers, content=b"".join([head, *data]))
        length = int(dict(reply.headers)[b"inference-header-content-length"])
    assert reply.status == 200
    assert 0 < int.from_bytes(reply.content[length:], "little") <= len(texts[1])
    assert json.loads(reply.content[:length])["outputs"][0]["parameters"] == {"binary_data_size": 4}


@pytest.mark.parametrize("door", ["direct", "nginx"])
def test_browsers_get_the_page_and_others_json(doors: Doors, door: str) -> None:
    """With its policy, and with the files that it names."""
    address = f"http://127.0.0.1:{getattr(doors, door)}"
    for path, accept, kind in (
        ("/", "text/html,*/*;q=0.8", "text/html"),
        ("/page/main.js", "*/*", "text/javascript"),
        ("/", "*/*", "application/json"),
    ):
        with urlopen(Request(address + path, headers={"Accept": accept}), timeout=10) as reply:
            assert reply.headers["Content-Type"].partition(";")[0] == kind
            policy = reply.headers["Content-Security-Policy"] or ""
            assert policy.startswith("default-src 'none'") == (kind != "application/json")


@pytest.mark.parametrize("door", ["direct", "nginx"])
def test_a_line_of_http_0_9_gets_no_answer(doors: Doors, door: str) -> None:
    """It has no status to answer with."""
    with socket.create_connection(("127.0.0.1", getattr(doors, door)), timeout=10) as one:
        one.sendall(b"GET /ping\r\n")
        with contextlib.suppress(OSError):  # reset
            one.shutdown(socket.SHUT_WR)
            assert one.recv(100) == b""
