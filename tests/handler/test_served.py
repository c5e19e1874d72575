"""The model's own code through `moor serve`: around the real engine, copied from the default service, behind nginx."""

import http.client
import json
import shutil
import signal
import tarfile
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
    assert "comes with code" in said
    assert "--run-code" in said
    assert "--no-run-code" in said
    assert "this ran" not in said


def test_functions_that_nobody_calls_are_named_at_the_start(model: Path) -> None:
    """Names of another contract: the engine answers, and a warning says which functions it does not call."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    write(
        model,
        "def load_fn(model_dir):\n    return model_dir\n\n\n"
        "def preprocess_fn(body, content_type):\n    return body\n\n\n"
        "def predict(data):\n    return {'who': 'own code'}\n",
    )
    with behind(str(model), "--run-code", "--workers", "1") as server:
        (warning,) = [line for line in server.said if line.startswith("warning")]
        for name in ("load_fn (model_fn?)", "preprocess_fn (input_fn?)", "predict (predict_fn?)", "transform_fn"):
            assert name in warning
        assert server.ask()[2]["answer"]
        assert any("load_fn" in line for line in server.get("/info")[1]["warnings"])


def archive(model: Path, tmp_path: Path, where: str) -> Path:
    """The model in a folder of an archive, its code at `where`."""
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for file in sorted(model.iterdir()):
            tar.add(file, where if file.name == "code" else f"nested/{file.name}")
    return path


@pytest.mark.parametrize("where", ["code", "nested/code", "deeper/code"])
def test_code_anywhere_in_an_archive(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    """Refused with its path until somebody says; then run, with the folder of model and code as model_dir."""
    write(
        model,
        "from mooring.handler import load_model\n"
        "def model_fn(model_dir, context):\n"
        "    assert context.system_properties['model_dir'] == model_dir\n"
        "    return load_model(model_dir)\n"
        "def predict_fn(data, model): return {'own': model(data['inputs'])['answer'], 'task': model.task}\n",
    )
    path = archive(model, tmp_path, where)
    assert run(["serve", str(path), "--port", "0"]) == 2
    assert f"{where}/inference.py" in capsys.readouterr().err
    with running_server(str(path), "--no-run-code") as server:
        expected = server.ask("who ?", CONTEXT)["answer"]
    with running_server(str(path), "--run-code") as server:
        assert server.ask("who ?", CONTEXT) == {"own": expected, "task": "question-answering"}


def test_hooks_and_a_context_around_the_engine(model: Path) -> None:
    """Before and after the model is opened; what they leave on the context is there in every call."""
    write(
        model,
        "def pre_model_fn(model_dir, context): context.seen = [model_dir]\n"
        f"PAIR = {{'question': 'who ?', 'context': {CONTEXT!r}}}\n"
        "def model_warmup_fn(model_dir, model, context): context.seen.append(model(PAIR)['answer'])\n"
        "def output_fn(answer, accept, context): return {'seen': context.seen, 'answer': answer['answer']}\n",
    )
    with running_server(str(model), "--run-code") as server:
        said = server.ask("who ?", CONTEXT)
        assert said == {"seen": [str(model), said["answer"]], "answer": said["answer"]}
        assert server.info()["handler"]["computes"] == "engine"


def test_header_names_arrive_as_sent(model: Path) -> None:
    """With and without nginx, on one connection and on many."""
    write(
        model,
        "def model_fn(model_dir): return None\n"
        "def predict_fn(data, model, context): return list(context.get_all_request_header(0))\n",
    )
    wanted = ["X-Amzn-SageMaker-Custom-Attributes", "x-lOwEr", "Content-Type"]
    with running_server(str(model), "--run-code") as server:
        host, port = server.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port))
        for _ in range(2):
            connection.request("POST", "/invocations", b"{}", dict.fromkeys(wanted, "application/json"))
            found = json.loads(connection.getresponse().read())
            assert [name for name in found if name in wanted] == wanted
        connection.close()
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    with behind(str(model), "--run-code", "--workers", "1") as behind_nginx:
        _, _, found = behind_nginx.send(
            "POST", "/invocations", b"{}", X_Amzn_SageMaker_Custom_Attributes="a", x_lOwEr="b"
        )
        assert {"X-Amzn-SageMaker-Custom-Attributes", "x-lOwEr", "Content-Type"} <= set(found)


def test_ask_and_eval_run_the_models_code(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They answer as the server would, or say that they would not."""
    write(
        model,
        "def output_fn(answer, accept):\n"
        "    print('this is no part of the answer')\n"
        "    return {**answer, 'answer': answer['answer'].upper()}\n",
    )
    text, questions = tmp_path / "text.txt", tmp_path / "squad.json"
    text.write_text(CONTEXT)
    one = {"id": "1", "question": "who ?", "answers": [{"text": "x", "answer_start": 0}]}
    paragraph = {"context": CONTEXT, "qas": [one]}
    questions.write_text(json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": [paragraph]}]}))
    asking = ["ask", "who ?", "--context", str(text), "--model", str(model), "--json"]
    evaluating = ["eval", str(questions), "--model", str(model), "--predictions", str(tmp_path / "said.json")]
    for command in (asking, evaluating):
        assert run(command) == 2
        assert str(model / "code" / "inference.py") in capsys.readouterr().err
    assert run([*asking, "--no-run-code"]) == 0
    plain = json.loads(capsys.readouterr().out)["answer"]
    assert run([*asking, "--run-code"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == plain.upper()
    assert run([*evaluating, "--run-code"]) == 0
    assert json.loads((tmp_path / "said.json").read_text()) == {"1": plain.upper()}
    write(model, "def model_fn(d): return 1\ndef predict_fn(data, model): raise KeyError('what happened')\n")
    assert run([*asking, "--run-code"]) == 1
    assert "what happened" in capsys.readouterr().err


def test_a_build_keeps_the_models_code(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Or leaves it out where that is said; without a word it is refused."""
    write(model, "def output_fn(answer, accept): return {'own': answer['answer']}\n")
    write(model, "words", "words.txt")
    out = tmp_path / "out"
    building = ["build", str(model), "-o", str(out), "--precision", "fp32", "--force"]
    assert run(building) == 2
    assert str(model / "code" / "inference.py") in capsys.readouterr().err
    assert run([*building, "--no-run-code"]) == 0
    assert not (out / "code").exists()
    assert run([*building, "--run-code"]) == 0
    assert (out / "code" / "words.txt").read_text() == "words"
    with running_server(str(out), "--run-code") as server:
        assert set(server.ask("who ?", CONTEXT)) == {"own"}


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
        assert int(headers["x-mooring-tokens"]) > 2
        assert str(said) in CONTEXT.upper()
        assert server.ask({"no": "text"})[0] == 500
        assert server.ask({"text": "who ?|"})[0] == 400
        _, facts = server.get("/info")
        assert facts["handler"] == {
            "file": "inference.py",
            "functions": ["input_fn", "output_fn"],
            "computes": "engine",
        }
        assert any("inference.py, defines input_fn, output_fn, uses the engine" in line for line in server.said)


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
