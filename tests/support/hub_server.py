"""A small Hub on localhost: the part of huggingface.co's protocol that huggingface_hub's snapshot_download speaks.

Model info, tree listing, and HEAD and GET of files with ETag, X-Repo-Commit, ranges and the Hub's error codes.
`HubServer` is a context manager; `faults` makes it misbehave in the ways networks do. Every request is recorded.
"""

import contextlib
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

TOKEN = "hf_stub"  # what a gated or private repository of the stand-in lets in


@dataclass
class Repo:
    """One repository: every revision in `revisions` points at the same files."""

    files: dict[str, bytes]
    revisions: tuple[str, ...] = ("main",)
    gated: bool = False
    private: bool = False
    former: dict[str, "Repo"] = field(default_factory=dict)
    """Commit → what it was before a `push`."""

    def push(self, files: dict[str, bytes]) -> None:
        """Another commit, to which every revision points from now on. The one before can still be had by its hash."""
        self.former[self.commit] = Repo(self.files, (), self.gated, self.private)
        self.files = files

    @property
    def commit(self) -> str:
        """A commit hash made from the contents, 40 hex digits as git's."""
        whole = b"".join(name.encode() + data for name, data in sorted(self.files.items()))
        return hashlib.sha1(whole).hexdigest()

    @classmethod
    def of(cls, folder: Path, **options: Any) -> Self:
        """A repository with the files of a folder."""
        return cls({p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}, **options)


@dataclass
class Faults:
    """What goes wrong. Keys are file names."""

    status: int | None = None
    """Every answer has this status."""
    cut_once: dict[str, int] = field(default_factory=dict)
    """The first GET of the file closes the connection after so many bytes; later ones are whole."""
    shorter: dict[str, int] = field(default_factory=dict)
    """GET sends that many bytes fewer than HEAD promised, as if that were the whole file."""
    slow: dict[str, float] = field(default_factory=dict)
    """GET waits so many seconds before each 256 kB of the file."""
    hide_sizes: bool = False
    """Model info says that every file has 0 bytes."""


class HubServer:
    """Serves `repos` until the with-block ends. `requests` has (method, path) in order of arrival."""

    def __init__(self, repos: dict[str, Repo], host: str = "127.0.0.1") -> None:
        self.repos = repos
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.agents: set[str] = set()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer((host, 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def endpoint(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def downloads(self) -> set[str]:
        """Names of the files that were fetched with GET."""
        return {path.rsplit("/", 1)[1] for method, path in self.requests if method == "GET" and "/resolve/" in path}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append((self.command, path))
            hub.agents.add(self.headers.get("User-Agent", ""))
            if hub.faults.status is not None:
                self._send(hub.faults.status, b"")
            elif path.startswith("/api/models/"):
                self._api(path.removeprefix("/api/models/"))
            elif "/resolve/" in path:
                name, _, rest = path.removeprefix("/").partition("/resolve/")
                revision, _, file = rest.partition("/")
                if repo := self._repo(name, revision):
                    self._file(repo, file)
            else:
                self._send(404, b"{}")

        def _api(self, rest: str) -> None:
            name, action, revision = rest, "revision", "main"
            for word in ("revision", "tree"):
                if f"/{word}/" in rest:
                    name, _, revision = rest.partition(f"/{word}/")
                    action = word
            repo = self._repo(name, revision)
            if repo is None:
                return
            if action == "tree":
                listing = [
                    {"type": "file", "path": n, "size": len(d), "oid": hashlib.sha1(d).hexdigest()}
                    for n, d in repo.files.items()
                ]
                self._send(200, json.dumps(listing).encode())
                return
            siblings = [
                {"rfilename": n, "size": 0 if hub.faults.hide_sizes else len(d), "blobId": hashlib.sha1(d).hexdigest()}
                for n, d in repo.files.items()
            ]
            self._send(200, json.dumps({"id": name, "sha": repo.commit, "siblings": siblings}).encode())

        def _repo(self, name: str, revision: str) -> Repo | None:
            repo = hub.repos.get(name)
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            if repo is None or (repo.private and not known):
                self._error(404 if known else 401, "RepoNotFound", "Repository not found")
            elif repo.gated and not known:
                self._error(401, "GatedRepo", f"Access to model {name} is restricted")
            elif revision in repo.former:
                return repo.former[revision]
            elif revision not in (*repo.revisions, repo.commit):
                self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            else:
                return repo
            return None

        def _file(self, repo: Repo, name: str) -> None:
            data = repo.files.get(name)
            if data is None:
                self._error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": repo.commit})
                return
            headers = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": repo.commit}
            if self.command == "GET" and name in hub.faults.shorter:
                data = data[: -hub.faults.shorter[name]]
            status, start = 200, 0
            if (wanted := self.headers.get("Range", "")).startswith("bytes="):
                start = int(wanted.removeprefix("bytes=").split("-")[0])
                status, headers["Content-Range"] = 206, f"bytes {start}-{len(data) - 1}/{len(data)}"
            cut = hub.faults.cut_once.pop(name, None) if self.command == "GET" else None
            if self.command == "GET" and name in hub.faults.slow:
                self._drip(data, headers, hub.faults.slow[name])
            else:
                self._send(status, data[start:], headers, cut)

        def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
            body = json.dumps({"error": message}).encode()
            self._send(status, body, {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})})

        def _send(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None
        ) -> None:
            self._head(status, len(body), headers or {})
            if self.command != "HEAD":
                self.wfile.write(body if cut is None else body[:cut])

        def _drip(self, data: bytes, headers: dict[str, str], pause: float) -> None:
            self._head(200, len(data), headers)
            with contextlib.suppress(ConnectionError):  # the client may have enough of it
                for start in range(0, len(data), 1 << 18):
                    if hub.closing.wait(pause):
                        return
                    self.wfile.write(data[start : start + (1 << 18)])

        def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(length))
            self.send_header("Connection", "close")  # no thread outlives the with-block
            self.end_headers()

    return Handler
