"""The model's own code through `moor serve`: around the real engine, copied from the default service, behind nginx."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from mooring.cli import run
from mooring.container.proxy import find_nginx
from mooring.handler import default_service
from mooring.testing import ServerFailed, running_server
from tests.support.behind import PAIR, behind
from tests.support.tiny_models import write_tiny_bert
from tests.support.wheels import write_wheel

pytestmark = pytest.mark.wire

CONTEXT = str(PAIR["context"])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A BERT of a few thousand weights with an empty code/."""
    folder = write_tiny_bert(tmp_path / "tiny")
    (folder / "code").mkdir()
    return folder


def write(model: Path, text: str, name: str = "inference.py") -> None:
    """A file of code/."""
    (model / "code" / name).write_text(text, encoding="utf-8")


def test_code_is_not_run_unasked(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, with both ways out."""
    write(model, "raise SystemExit('this ran')")
    assert run(["serve", str(model), "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert "code of its own" in said
    assert "--run-code" in said
    assert "--no-run-code" in said
    assert "this ran" not in said


def test_without_running_it_the_model_is_served(model: Path) -> None:
    """--no-run-code."""
    write(model, "raise SystemExit('this ran')")
    with running_server(str(model), "--no-run-code") as server:
        assert server.ask("who ?", CONTEXT)["answer"] in CONTEXT


def test_functions_around_the_engine(model: Path) -> None:
    """input_fn makes a request of whatever comes, output_fn writes the answer; the engine computes between them."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    write(
        model,
        "import json\n"
        "def input_fn(data, content_type):\n"
        "    question, context = json.loads(data)['text'].split('|')\n"
        "    return {'question': question, 'context': context}\n"
        "def output_fn(answer, accept):\n"
        "    return answer['answer'].upper(), 'text/plain'\n",
    )
    with behind(str(model), "--run-code") as server:
        server.wait_for_workers(2)
        status, headers, said = server.ask({"text": f"who ?|{CONTEXT}"})
        assert (status, headers["content-type"], headers["x-mooring-windows"]) == (200, "text/plain", "1")
        assert str(said) in CONTEXT.upper()
        assert server.ask({"no": "text"})[0] == 500
        assert server.ask({"text": "who ?|"})[0] == 400
        _, facts = server.get("/info")
        assert facts["handler"] == {
            "file": "inference.py",
            "functions": ["input_fn", "output_fn"],
            "computes": "engine",
        }
        assert any("inference.py with input_fn, output_fn, around the engine" in line for line in server.said)


def test_the_default_service_can_be_copied_and_answers_the_same(model: Path) -> None:
    """The documented file, unchanged, beside the model."""
    with running_server(str(model)) as plain:
        expected = plain.ask("who ?", CONTEXT, top_k=2)
    shutil.copyfile(str(default_service.__file__), model / "code" / "inference.py")
    with running_server(str(model), "--run-code") as server:
        assert server.ask("who ?", CONTEXT, top_k=2) == expected
        assert server.info()["handler"]["computes"] == "itself"


def test_our_model_for_code_that_only_predicts(model: Path) -> None:
    """predict_fn without model_fn gets the model, callable as a pipeline."""
    write(
        model,
        "def predict_fn(data, model):\n"
        "    one = model(data['inputs'])\n"
        "    both = model(question='who ?', context=data['inputs']['context'], top_k=2)\n"
        "    return {'one': one, 'both': both}\n",
    )
    with running_server(str(model), "--run-code") as server:
        answer = server.ask("who ?", CONTEXT)
        assert answer["one"] == answer["both"][0]


def test_requirements_are_installed_before_it_is_ready(model: Path, tmp_path: Path) -> None:
    """From a wheel beside them, with no network."""
    wheel = write_wheel(tmp_path / "wheels", "helper_of_a_test", "VALUE = 42\n")
    write(model, f"--no-index\n--find-links {wheel.parent}\nhelper-of-a-test==1.0\n", "requirements.txt")
    write(
        model,
        "import helper_of_a_test\n"
        "def model_fn(model_dir): return helper_of_a_test.VALUE\n"
        "def predict_fn(data, model): return model\n",
    )
    with running_server(str(model), "--run-code") as server:
        assert server.ask("who ?", CONTEXT) == 42


def test_requirements_that_cannot_be_installed_fail_the_start(model: Path) -> None:
    """With pip's last words."""
    write(model, "--no-index\nno-such-package-of-a-test\n", "requirements.txt")
    write(model, "def predict_fn(d, m): return d\n")
    with pytest.raises(ServerFailed) as caught, running_server(str(model), "--run-code"):
        pass
    assert "exit code 3" in str(caught.value)
    assert "no-such-package-of-a-test" in str(caught.value)


def test_code_that_cannot_be_imported_fails_the_start_with_file_and_line(model: Path) -> None:
    """Exit code 3: starting again would not help."""
    write(model, "import os\nimport no_such_module_of_a_test\n")
    with pytest.raises(ServerFailed) as caught, running_server(str(model), "--run-code"):
        pass
    assert "exit code 3" in str(caught.value)
    assert "inference.py:2" in str(caught.value)


def test_behind_nginx_it_has_a_worker_a_core_and_is_not_retried(model: Path) -> None:
    """What a user's code was given once may have had its effect: the client is told."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    write(
        model,
        "import os, signal, time\n"
        "def model_fn(model_dir): return None\n"
        "def predict_fn(data, model):\n"
        "    if data == 'die': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return os.getpid()\n",
    )
    with behind(str(model), "--run-code", "--workers", "2") as server:
        pids = server.wait_for_workers(2)
        assert {server.ask("x")[2] for _ in range(20)} <= set(pids.values())
        status, _, body = server.ask("die")
        assert (status, body["code"]) == (502, 502)
        server.until(lambda: len(server.logged("worker died")) == 1)
        server.wait_for_workers(2)
        assert server.ask("x")[0] == 200


def test_prints_of_users_code_reach_the_servers_output(model: Path) -> None:
    """Untouched, as the platform's log wants them."""
    write(
        model,
        "import sys, logging\n"
        "def model_fn(model_dir): print('loading', flush=True)\n"
        "def predict_fn(data, model):\n"
        "    print('to stdout', flush=True)\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    logging.getLogger('mine').warning('by logging')\n"
        "    return 1\n",
    )
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    with behind(str(model), "--run-code", "--workers", "1") as server:
        assert server.ask("x")[0] == 200
        server.until(lambda: "to stdout" in server.said and "to stderr" in server.log)
        assert any("by logging" in line for line in server.log)
        assert server.stop(signal.SIGTERM) == 0
        assert json.loads(next(line for line in server.log if "by logging" in line))["level"] == "warning"
