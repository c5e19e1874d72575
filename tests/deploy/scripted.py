"""A runtime that answers as it is told, over a real socket: what no real endpoint does on command."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mooring.deploy.session import Place, Session

ANSWER = {"score": 0.5, "start": 0, "end": 3, "answer": "Ada"}


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    body: Any = field(default_factory=lambda: ANSWER)
    code: str = ""


def model_error(original: int) -> Reply:
    """The model's own status, in SageMaker's envelope."""
    body = {"Message": f"Received error ({original})", "OriginalStatusCode": original, "OriginalMessage": "busy"}
    return Reply(424, body, "ModelError")


@dataclass
class Script:
    """What is answered, one after the other, the last for ever; and what was asked."""

    replies: list[Reply]
    asked: list[bytes] = field(default_factory=list)
    session: Session | None = None

    def next(self) -> Reply:
        """The answer to the request that has just come."""
        return self.replies[min(len(self.asked), len(self.replies)) - 1]


@contextmanager
def scripted(*replies: Reply) -> Iterator[Script]:
    """The runtime, with a session that leads to it."""
    script = Script(list(replies))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            reply = script.next()
            body = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            if reply.code:
                self.send_header("x-amzn-errortype", reply.code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.session = Session(Place(endpoint_url=f"http://127.0.0.1:{server.server_port}"))
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
