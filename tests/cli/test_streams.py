"""What is printed where a stream cannot take all characters, is closed, full, or read by nobody: in real processes."""

import codecs
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mooring.cli import streams
from mooring.cli.border import State, guarded
from tests.support.started import started

CONTEXT = "Ada Lovelace wrote “Notes” in 1843 — so said Müller… «Really?»"
ANSWER = "Ada Lovelace"
PATIENCE_S = 60


@dataclass(frozen=True)
class Around:
    """Where a command runs: variables (None: unset) and the shell's redirections."""

    redirect: str = ""
    environ: dict[str, str | None] = field(default_factory=dict)
    before: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether nothing printed can arrive."""
        return " >&-" in f" {self.redirect}"


SURROUNDINGS = {
    "ASCII": Around(environ={"PYTHONIOENCODING": "ascii"}),
    "Windows' code page": Around(environ={"PYTHONIOENCODING": "cp1252"}),
    "LC_ALL=C as it was": Around(environ={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "no columns": Around(environ={"COLUMNS": "0", "LINES": "0"}),
    "no environment": Around(environ=dict.fromkeys(set(os.environ) - {"PATH"})),
    "stdout closed": Around(">&-"),
    "stderr closed": Around("2>&-"),
    "all closed": Around("<&- >&- 2>&-"),
    "stderr on a full disk": Around("2>/dev/full"),
    "stderr that nobody reads": Around("2>&3", before="exec 3> >(:); sleep 0.2;"),
    "folder removed": Around(before='mkdir "$TMPDIR/gone" && cd "$TMPDIR/gone" && rmdir "$TMPDIR/gone" &&'),
    "TMPDIR that is not there": Around(environ={"TMPDIR": "/nonexistent"}),
}


def moor(around: Around, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """One command, through a shell."""
    environ = {**os.environ, "PYTHONIOENCODING": "", "TMPDIR": tempfile.gettempdir()}
    for name, value in around.environ.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
    script = f'{around.before} exec "$0" -m mooring "$@" {around.redirect}'
    command = ["bash", "-c", script, sys.executable, *arguments]
    return subprocess.run(command, env=environ, capture_output=True, timeout=PATIENCE_S, check=False)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A text with characters that old encodings lack."""
    path = tmp_path_factory.mktemp("context") / "context.txt"
    path.write_text(CONTEXT, encoding="utf-8")
    return str(path)


@pytest.mark.wire
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_an_answer_in_any_surroundings(name: str, context: str) -> None:
    """Exit code 0, the answer where there is a stdout, and no fault of ours."""
    around = SURROUNDINGS[name]
    done = moor(around, "ask", "Who wrote it?", "--context", context)
    assert done.returncode == 0, done.stderr
    assert b"bug in Mooring" not in done.stderr
    assert (ANSWER.encode() in done.stdout) is not around.is_silent


@pytest.mark.wire
def test_ascii_is_ascii(context: str) -> None:
    """In what people read and in JSON."""
    for more in ([], ["--json"]):
        done = moor(SURROUNDINGS["ASCII"], "ask", "Who said so?", "--context", context, *more)
        assert (done.returncode, done.stdout.isascii(), done.stderr.isascii()) == (0, True, True)
    assert isinstance(json.loads(done.stdout)["score"], float)


@pytest.mark.wire
def test_a_full_disk_is_said_once() -> None:
    """On stderr, with exit code 1; a stderr that is full changes no exit code."""
    done = moor(Around(">/dev/full"), "--help")
    assert (done.returncode, done.stderr.count(b"No space left on device")) == (1, 1), done.stderr
    assert b"Exception ignored" not in done.stderr
    assert moor(Around("2>/dev/full"), "nonsense").returncode == 2


@pytest.mark.wire
def test_a_server_without_streams_serves(tmp_path: Path) -> None:
    """Its sockets have other numbers than 0 to 2: what prints there must not write into a connection."""
    port = free_port()
    command = ["bash", "-c", 'exec "$0" -m mooring serve --port "$1" <&- >&- 2>&-', sys.executable, str(port)]
    with started(command, cwd=tmp_path, stdout=None, stderr=None) as server:
        answer = asked(port, server)
        assert answer["answer"] == ANSWER
        if Path("/proc").is_dir():
            ends = [str(Path(f"/proc/{server.pid}/fd/{number}").readlink()) for number in range(3)]
            assert ends == [os.devnull] * 3
        server.terminate()
        assert server.wait(PATIENCE_S) == 0


def asked(port: int, server: "subprocess.Popen[str]") -> dict[str, object]:
    """The answer to the question, as soon as there is one."""
    body = json.dumps({"inputs": {"question": "Who wrote it?", "context": CONTEXT}})
    for _ in range(10 * PATIENCE_S):
        assert server.poll() is None, server.returncode
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            said: dict[str, object] = json.loads(response.read())
            if response.status == 200:
                return said
        except ConnectionError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise AssertionError("it never answered")


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize(("columns", "kept"), [("0", False), ("-3", False), ("00", False), ("80", True), ("x", True)])
def test_no_columns_are_an_unknown_number(columns: str, kept: bool) -> None:
    """rich would print nothing."""
    environ = {"COLUMNS": columns}
    streams._forget_no_width(environ)
    assert ("COLUMNS" in environ) is kept


def test_a_removed_folder_and_no_temporary_folder_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not as a wrong name, which nobody gave."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    assert guarded(tempfile.mkdtemp, State()) == 1
    assert "Set TMPDIR to a folder that this user can write to." in capsys.readouterr().err
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert guarded(Path("relative").absolute, State()) == 1
    assert "moor: The current folder has been removed." in capsys.readouterr().err


def test_characters_that_an_encoding_lacks_are_spelled() -> None:
    """Decorations and quotes by their looks, all others as escapes; what it has stays."""
    raw = io.BytesIO()
    codecs.register_error(streams.ERRORS, streams._spell)
    out = io.TextIOWrapper(raw, encoding="latin-1", errors=streams.ERRORS)
    out.write("✓ «Müller» … “x” → \udcff 中")
    out.flush()
    assert raw.getvalue().decode("latin-1") == r'+ «Müller» ... "x" -> \udcff \u4e2d'


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", '"Müller"'), ("ascii", '"M\\u00fcller"'), ("latin-1", '"M\\u00fcller"')]
)
def test_json_is_utf_8_or_ascii(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never another encoding's bytes, which no parser would take."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    streams.write_json("Müller")
    assert raw.getvalue().decode("utf-8") == shown + "\n"


def test_json_with_half_of_a_character(capsys: pytest.CaptureFixture[str]) -> None:
    """A file name that is not UTF-8 has them."""
    streams.write_json({"path": "m\udcff"})
    said = capsys.readouterr().out
    assert said == '{"path": "m\\udcff"}\n'
    assert json.loads(said) == {"path": "m\udcff"}
