"""The stock toolkit's contract in the real image: a user's code, several models, batch jobs, compose, contexts."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.engine import IMAGE, Container, build, container, engine, needed, ready
from tests.support.tiny_models import write_tiny_distilbert
from tests.support.wheels import write_wheel

pytestmark = pytest.mark.container

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = ROOT / "src" / "mooring" / "_embedded" / "minilm-squad"
PAIR = {"question": "Who wrote it?", "context": "Ada Lovelace wrote the first program in 1843."}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder of the embedded model that anyone may read, without code."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "model"
    shutil.copytree(EMBEDDED, folder)
    return folder


def code(model: Path, text: str, name: str = "inference.py") -> Path:
    """The model with a file in its code/."""
    (model / "code").mkdir(exist_ok=True)
    (model / "code" / name).write_text(text)
    return model


def mounted(model: Path) -> tuple[str, ...]:
    """As the platform puts it."""
    return ("-v", f"{model}:/opt/ml/model:ro")


def test_functions_of_a_users_inference_py(model: Path) -> None:
    """What is left out is ours; an error's place is in the log and not in the answer."""
    code(
        model,
        "from mooring.handler import load_model\n"
        "def model_fn(model_dir):\n"
        "    return load_model(model_dir)\n"
        "def predict_fn(data, model):\n"
        "    return {'shout': model(data['inputs'])['answer'].upper()}\n",
    )
    with ready(*mounted(model)) as one:
        assert one.send("POST", "/invocations", {"inputs": PAIR})[2] == {"shout": "ADA LOVELACE"}
        status, _, error = one.send("POST", "/invocations", {"nothing": 1})
        assert status == 500
        assert "inference.py" not in json.dumps(error)
        one.until(lambda: "inference.py:5" in one.logs())


def test_the_default_service_copied_out_of_the_image_answers_as_without_it(model: Path) -> None:
    """It is a file to start from."""
    text = engine("run", "--rm", IMAGE, "cat", "/opt/mooring/default_service.py")
    with ready(*mounted(model)) as plain:
        expected = plain.send("POST", "/invocations", {"inputs": PAIR})[2]
    with ready(*mounted(code(model, text))) as one:
        assert one.send("POST", "/invocations", {"inputs": PAIR})[2] == expected


def test_code_written_for_the_stock_toolkits_images(model: Path) -> None:
    """Their imports are stood in for."""
    code(
        model,
        "from sagemaker_inference import content_types, decoder, encoder\n"
        "from sagemaker_huggingface_inference_toolkit import decoder_encoder\n"
        "def model_fn(model_dir, context=None): return 'm'\n"
        "def transform_fn(model, body, content_type, accept, context=None):\n"
        "    data = decoder_encoder.decode(body, content_type)\n"
        "    return decoder_encoder.encode({'echo': data['inputs']}, content_types.JSON)\n",
    )
    with ready(*mounted(model)) as one:
        status, headers, answer = one.send("POST", "/invocations", {"inputs": "as it was"})
        assert (status, answer) == (200, {"echo": "as it was"})
        assert "content-length" in headers


def test_requirements_of_a_users_code(model: Path) -> None:
    """Installed before it is ready: here from a wheel beside them, on a read-only disk, without root."""
    code(model, "--no-index\n--find-links /opt/ml/model/code/wheels\nhelper-of-a-test==1.0\n", "requirements.txt")
    write_wheel(model / "code" / "wheels", "helper_of_a_test", "VALUE = 42\n")
    code(
        model,
        "import helper_of_a_test\n"
        "def model_fn(model_dir): return helper_of_a_test.VALUE\n"
        "def predict_fn(data, model): return model\n",
    )
    hardened = ("--user", "1000", "--read-only", "--tmpfs", "/tmp:exec", "--cap-drop", "ALL")
    with ready(*hardened, *mounted(model)) as one:
        assert one.send("POST", "/invocations", {"inputs": "x"})[2] == 42


def test_a_file_that_cannot_be_imported_ends_the_container(model: Path) -> None:
    """Exit code 3, with its line."""
    with container(*mounted(code(model, "import json\nimport no_such_package\n"))) as one:
        assert one.exit_code() == 3
        assert "inference.py:2" in one.logs()


def test_ping_answers_while_user_code_computes(model: Path) -> None:
    """Within the platform's 2 s, whatever predict_fn does."""
    code(
        model,
        "import time\n"
        "def model_fn(model_dir): return None\n"
        "def predict_fn(data, model):\n"
        "    end = time.monotonic() + 4\n"
        "    while time.monotonic() < end: pass\n"
        "    return 1\n",
    )
    with ready(*mounted(model)) as one, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(one.send, "POST", "/invocations", {"inputs": "x"}) for _ in range(4)]
        slowest = 0.0
        while not all(call.done() for call in asked):
            began = time.monotonic()
            assert one.ping() == 200
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.05)
        assert {call.result()[0] for call in asked} == {200}
        assert slowest < 2


def test_several_models(tmp_path: Path) -> None:
    """Loaded, asked, refused a second time, unloaded, as the platform does; /ping is green with none."""
    tmp_path.chmod(0o755)
    models = tmp_path / "models"
    shutil.copytree(EMBEDDED, models / "one" / "model")
    write_tiny_distilbert(models / "two" / "model")
    for path in models.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with ready("-e", "SAGEMAKER_MULTI_MODEL=true", "-v", f"{models}:/opt/ml/models:ro") as one:
        assert one.send("GET", "/models")[2] == {"models": []}
        for name in ("one", "two"):
            body = {"model_name": name, "url": f"/opt/ml/models/{name}/model"}
            assert one.send("POST", "/models", body)[0] == 200
        assert one.send("POST", "/models", {"model_name": "one", "url": "/opt/ml/models/one/model"})[0] == 409
        assert [entry["modelName"] for entry in one.send("GET", "/models")[2]["models"]] == ["one", "two"]
        assert one.send("POST", "/models/one/invoke", PAIR)[2]["answer"] == "Ada Lovelace"
        assert one.send("POST", "/models/two/invoke", PAIR)[0] == 200
        assert one.send("DELETE", "/models/one")[0] == 200
        assert one.send("POST", "/models/one/invoke", PAIR)[0] == 404


def test_a_batch_job() -> None:
    """A record at fault has an error record in its place; the platform's question is answered."""
    with ready("-e", "SAGEMAKER_BATCH=true") as one:
        parameters = one.send("GET", "/execution-parameters")[2]
        assert parameters["BatchStrategy"] == "MULTI_RECORD"
        assert parameters["MaxConcurrentTransforms"] >= 1
        lines = [json.dumps(PAIR), '{"question": 1}', json.dumps(PAIR)]
        status, headers, text = one.send(
            "POST",
            "/invocations",
            "\n".join(lines).encode(),
            Content_Type="application/jsonlines",
            Accept="application/jsonlines",
        )
        answers = [json.loads(line) for line in text.splitlines()]
        assert status == 200
        assert [answer.get("answer") for answer in answers] == ["Ada Lovelace", None, "Ada Lovelace"]
        assert answers[1]["error"]["code"] == 400
        assert int(headers["content-length"]) == len(text.encode())


def test_the_context_of_an_installation_builds_the_same_image(tmp_path: Path) -> None:
    """`moor image --context`: what a user without a checkout has."""
    context = tmp_path / "context"
    subprocess.run(
        [sys.executable, "-m", "mooring", "image", "--context", str(context)], check=True, capture_output=True
    )
    tag = f"{IMAGE}-context"
    build(context, tag)
    try:
        assert engine("run", "--rm", tag, "--version") == engine("run", "--rm", IMAGE, "--version")
    finally:
        engine("rmi", tag)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """compose with this checkout's file and the image under test; taken down in the end."""
    needed()
    found = _compose()
    if found is None:
        pytest.skip("neither `docker compose` nor docker-compose is here (Debian: apt-get install docker-compose)")
    text = (
        (ROOT / "compose.yaml")
        .read_text()
        .replace("build: {context: ., target: serve}", "")
        .replace("image: mooring", f"image: {IMAGE}")
    )
    (tmp_path / "compose.yaml").write_text(text)
    empty = tmp_path / "docker" / "no-model"
    empty.mkdir(parents=True)
    command = [*found, "-f", str(tmp_path / "compose.yaml"), "-p", f"mooring-test-{os.getpid()}"]
    environ = {**os.environ, "PORT": "0"}
    yield command, environ
    subprocess.run([*command, "down", "-t", "30"], env=environ, check=True, capture_output=True)


def _compose() -> list[str] | None:
    if subprocess.run([needed(), "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [needed(), "compose"]
    found = shutil.which("docker-compose")
    return [found] if found else None


def test_compose(project: tuple[list[str], dict[str, str]]) -> None:
    """`docker compose up`: hardened, and answering."""
    command, environ = project
    done = subprocess.run([*command, "up", "-d"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    name = subprocess.run(
        [*command, "ps", "-q"], env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()
    one = Container(name, int(engine("port", name, "8080").strip().rpartition(":")[2]))
    one.until(lambda: one.ping() == 200)
    assert one.send("POST", "/invocations", PAIR)[2]["answer"] == "Ada Lovelace"
    assert one.inspect("{{.HostConfig.ReadonlyRootfs}}") == "true"
