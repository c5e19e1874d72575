"""`moor local` as a process, and `moor local env`: what they say, that it works, and how they end."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from mooring.cli import run
from tests.support.started import ready

pytestmark = pytest.mark.wire


@contextmanager
def local(data: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """A server that has said that it is ready, and the lines it said it with."""
    command = [sys.executable, "-m", "mooring", "local", "--port", "0", "--instant", "--data", str(data), *arguments]
    with ready(command) as (process, lines):
        yield process, lines


def url_of(lines: list[str]) -> str:
    """The address as it was said."""
    found = re.search(r"address +(http://(?:127\.0\.0\.1|localhost):\d+)", "\n".join(lines))
    assert found is not None, lines
    return found[1]


def client(service: str, **environ: str) -> Any:
    """Of boto3, by what `moor local env` says and nothing else."""
    session = boto3.Session(
        environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], region_name=environ["AWS_REGION"]
    )
    return session.client(service, endpoint_url=environ["AWS_ENDPOINT_URL"])


@pytest.mark.parametrize(("number", "host"), [(signal.SIGINT, "127.0.0.1"), (signal.SIGTERM, "localhost")])
def test_it_says_where_it_is_and_ends_when_told(tmp_path: Path, number: int, host: str) -> None:
    """The line to try works as it is; the end is no failure; the folder is free again."""
    data = tmp_path / "it's here"
    with local(data, "--log-level", "warning", "--host", host) as (process, lines):
        said = "\n".join(lines)
        for part in ("is ready: local SageMaker emulator.", "processes of this installation", str(data), "/_mooring/"):
            assert part in said
        line = lines[-1].split(maxsplit=1)[1]
        words = shlex.split(re.search(r'"\$\((.*?)\)"', line)[1])  # type: ignore[index]
        done = subprocess.run(
            [sys.executable, "-m", "mooring", *words[1:], "--json"], capture_output=True, text=True, check=True
        )
        environ = json.loads(done.stdout)
        assert done.stderr == ""
        assert environ["AWS_ENDPOINT_URL"] == url_of(lines)
        assert client("sagemaker", **environ).list_endpoints()["Endpoints"] == []
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")


def test_a_second_one_on_the_folder_says_who_has_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the address of the first."""
    with local(tmp_path) as (_, lines):
        assert run(["local", "--port", "0", "--data", str(tmp_path)]) == 2
        said = capsys.readouterr().err
        assert "in use by another local SageMaker" in said
        assert url_of(lines) in said


def test_a_port_in_use_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1: the other program may go away."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["local", "--port", port, "--data", str(tmp_path)]) == 1
    assert f"Port {port} is in use" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--expose"),
        (["--host", "::"], "--expose"),
        (["--host", "example.com"], "--expose"),
        (["--instant", "--time-scale", "1"], "--instant conflicts with --time-scale."),
        (["--engine", "rkt"], "rkt"),
        (["--time-scale", "-1"], "--time-scale"),
    ],
)
def test_what_cannot_be_is_a_wrong_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """Exit code 2, with what to do; nothing listens and nothing is made."""
    assert run(["local", "--port", "0", "--data", str(tmp_path / "data"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_the_environment_is_shell_commands(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that evaluates them has them, and has no longer what would lead it elsewhere; no server is needed."""
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://elsewhere")
    data = tmp_path / "it's here"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    assert run(["local", "env", "--port", str(port), "--data", str(data), "--region", "eu-west-1"]) == 0
    out, err = capfd.readouterr()
    assert err.startswith(f"# No local SageMaker is running at http://127.0.0.1:{port}.")
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "SAGEMAKER_USER_CONFIG_OVERRIDE")
    script = out + "".join(f'echo "{name}=${{{name}-}}"\n' for name in names)
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=True)
    have = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert have["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{port}"
    assert (have["AWS_REGION"], have["AWS_PROFILE"], have["AWS_ENDPOINT_URL_S3"]) == ("eu-west-1", "", "")
    written = Path(have["SAGEMAKER_USER_CONFIG_OVERRIDE"])
    assert written.parent == data
    text = written.read_text()
    assert "DefaultS3Bucket: sagemaker-eu-west-1-123456789012" in text
    assert "ExecutionRoleArn: arn:aws:iam::123456789012:role/SageMakerLocal" in text
    assert "TelemetryOptOut: true" in text


@pytest.mark.parametrize(
    ("before", "after", "url"),
    [
        (["--port", "5000"], [], "http://127.0.0.1:5000"),
        (["--port", "5000"], ["--port", "5001"], "http://127.0.0.1:5001"),
        (["--host", "::1"], [], "http://[::1]:4567"),
        ([], ["--host", "0.0.0.0"], "http://127.0.0.1:4567"),
    ],
)
def test_options_count_before_and_after_env(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: list[str], after: list[str], url: str
) -> None:
    """None is taken and then forgotten; the later one counts. An address is one that can be reached."""
    data = tmp_path / "data"
    assert run(["local", *before, "--data", str(data), "env", *after, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["AWS_ENDPOINT_URL"] == url
    assert (data / "sagemaker-sdk.us-east-1.yaml").is_file()


@pytest.mark.parametrize("region", ["../../etc/x", "a b", "", "x: y"])
def test_a_region_that_is_none_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], region: str) -> None:
    """It would be a part of a path and of a file."""
    assert run(["local", "env", "--data", str(tmp_path / "data"), "--region", region]) == 2
    assert "Invalid region" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_proxy_is_not_asked_for_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 would: what is excepted from it is kept, and nothing is said where nothing has to be."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def said() -> dict[str, str]:
        assert run(["local", "env", "--data", str(tmp_path), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        return {name: value for name, value in found.items() if "proxy" in name.lower()}

    assert said() == {}
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example")
    both = "internal.example,127.0.0.1"
    assert said() == {"NO_PROXY": both, "no_proxy": both}
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert said() == {}


def test_another_program_at_the_port_is_not_taken_for_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert run(["local", "env", "--port", str(other.getsockname()[1]), "--data", str(tmp_path), "--json"]) == 0
    assert "No local SageMaker is running" in capfd.readouterr().err
