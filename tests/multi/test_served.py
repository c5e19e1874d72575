"""Several real models: in one process, behind nginx with two workers, and memory over many loads."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from mooring.container.proxy import find_nginx
from mooring.container.registry import worker_of
from tests.support.behind import Behind, behind
from tests.support.golden_questions import MODEL
from tests.support.tiny_models import write_tiny_bert, write_tiny_distilbert

pytestmark = pytest.mark.wire

PAIR = {"question": "who ?", "context": "The king lives near the river."}
CYCLES = 20


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name → folder of six small models, of which no two answer the same."""
    place = tmp_path_factory.mktemp("models")
    found = {}
    for number in range(6):
        write = write_tiny_bert if number % 2 else write_tiny_distilbert
        found[f"m{number}"] = str(write(place / f"m{number}", number))
    return found


def load(server: Behind, name: str, url: str) -> int:
    """POST /models."""
    return server.send("POST", "/models", f'{{"model_name": "{name}", "url": "{url}"}}'.encode())[0]


def invoke(server: Behind, name: str) -> tuple[int, Any]:
    """POST /models/NAME/invoke."""
    import json

    status, _, body = server.send("POST", f"/models/{name}/invoke", json.dumps(PAIR).encode())
    return status, body


@pytest.fixture(autouse=True, scope="module")
def needs_nginx() -> None:
    """Debian's package, or any other."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")


def test_two_workers_share_the_models_and_a_killed_one_gets_its_own_back(folders: dict[str, str]) -> None:
    """Each name goes to its worker; after kill -9 the models are there again before requests are."""
    with behind(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_MODEL_SERVER_WORKERS="2") as server:
        server.wait_for_workers(2)
        assert server.get("/models") == (200, {"models": []})
        assert "/models/{name}/invoke" in server.get("/openapi.json")[1]["paths"]
        for name, url in folders.items():
            assert load(server, name, url) == 200
        assert load(server, "m0", folders["m0"]) == 409
        before = {name: invoke(server, name) for name in folders}
        assert {status for status, _ in before.values()} == {200}
        holders = {worker_of(name, 2) for name in folders}
        assert holders == {1, 2}
        listed = server.get("/models")[1]["models"]
        assert [model["modelName"] for model in listed] == sorted(folders)
        assert {model["modelName"] for model in server.get("/info")[1]["models"]} == set(folders)
        server.replaced(1, server.kill(1))
        assert {name: invoke(server, name) for name in folders} == before
        assert server.send("DELETE", "/models/m0")[0] == 200
        assert invoke(server, "m0")[0] == 404
        assert server.get("/models/m0")[0] == 404
        server.replaced(2, server.kill(2))
        assert invoke(server, "m0")[0] == 404
        assert invoke(server, "m1") == before["m1"]
        assert server.stop() == 0


def test_each_model_runs_its_own_code(folders: dict[str, str], tmp_path: Path) -> None:
    """With helpers of the same names, whatever folder the server was told of, and named where it is not called."""
    for name in ("m0", "m1", "m2"):
        shutil.copytree(folders[name], tmp_path / name)
        (tmp_path / name / "code").mkdir()
        (tmp_path / name / "code" / "mate.py").write_text(f"NAME = {name!r}\n")
        (tmp_path / name / "code" / "inference.py").write_text(
            "import mate\ndef model_fn(d, context): return context.model_name\n"
            "def predict_fn(data, model): return [model, mate.NAME]\n"
        )
    (tmp_path / "m2" / "code" / "inference.py").write_text("def predict(data): return 1\n")
    submitted = tmp_path / "m1" / "code"
    with behind(
        SAGEMAKER_MULTI_MODEL="true", MOORING_RUN_CODE="1", SAGEMAKER_SUBMIT_DIRECTORY=str(submitted)
    ) as server:
        for name in ("m0", "m1", "m2"):
            assert load(server, name, str(tmp_path / name)) == 200
        assert load(server, "m3", folders["m3"]) == 200
        assert [invoke(server, name)[1] for name in ("m0", "m1")] == [["m0", "m0"], ["m1", "m1"]]
        assert "answer" in invoke(server, "m2")[1]
        server.until(lambda: any("predict (predict_fn?)" in line for line in server.log))
    with behind(SAGEMAKER_MULTI_MODEL="true") as server:
        status, _, body = server.send("POST", "/models", f'{{"model_name": "m0", "url": "{tmp_path / "m0"}"}}'.encode())
        assert (status, str(tmp_path / "m0" / "code" / "inference.py") in body["message"]) == (400, True)


def test_a_model_that_is_gone_after_a_kill_takes_no_other_with_it(folders: dict[str, str], tmp_path: Path) -> None:
    """It is refused with the reason, retried, and answers as before when its files are back."""
    one = Path(shutil.copytree(folders["m0"], tmp_path / "one"))
    weights = (one / "model.safetensors").read_bytes()
    with behind(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_MODEL_SERVER_WORKERS="1") as server:
        server.wait_for_workers(1)
        for name, url in (("one", str(one)), ("two", folders["m1"])):
            assert load(server, name, url) == 200
        before = {name: invoke(server, name) for name in ("one", "two")}
        (one / "empty").touch()
        (one / "empty").replace(one / "model.safetensors")
        server.replaced(1, server.kill(1))
        assert invoke(server, "two") == before["two"]
        status, body = invoke(server, "one")
        assert (status, body["type"]) == (503, "NotReady")
        assert "model.safetensors has only 0 bytes" in body["message"]
        assert server.get("/ping")[0] == 200
        [entry] = server.get("/info")[1]["degraded"]
        assert (entry["modelName"], "0 bytes" in entry["reason"]) == ("one", True)
        assert server.metric("mooring_models_lost") == 1
        (one / "model.safetensors").write_bytes(weights)
        server.until(lambda: invoke(server, "one") == before["one"])
        assert server.metric("mooring_models_lost") == 0
        assert server.get("/info")[1]["degraded"] == []


def test_what_cannot_be_loaded_is_the_callers_to_know(folders: dict[str, str], tmp_path: Path) -> None:
    """4xx with the reason, through nginx and the process in front."""
    bad = write_tiny_bert(tmp_path / "bad", layer_norm_eps="x")
    with behind(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_MODEL_SERVER_WORKERS="1") as server:
        for name, url, status in (
            ("bad", str(bad), 400),
            ("long", "x" * 5000, 404),
            ("root", "/", 400),
            ("n" * 2000, folders["m0"], 400),
            ("\\ud800", folders["m0"], 400),
            ("nul", "a\\u0000b", 404),
        ):
            found, _, body = server.send("POST", "/models", f'{{"model_name": "{name}", "url": "{url}"}}'.encode())
            assert (found, body["code"]) == (status, status), (name[:9], body)
        assert server.get("/models")[1] == {"models": []}
        assert load(server, "good", folders["m0"]) == 200


def test_memory_does_not_grow_over_loads_and_unloads() -> None:
    """A real model, every shape computed, several times: resident memory within 5 %."""
    with behind(SAGEMAKER_MULTI_MODEL="true") as server:
        server.wait_for_workers(1)
        pid = server.workers()[1]
        seen = []
        for _ in range(CYCLES):
            assert load(server, "one", str(MODEL)) == 200
            assert invoke(server, "one")[0] == 200
            server.until(lambda: server.get("/models/one")[1]["engine"]["cold_shapes"] == 0)
            assert server.send("DELETE", "/models/one")[0] == 200
            seen.append(_resident(pid))
        # The first cycle makes what every later one uses again. On a busy machine a buffer of the server may be among
        # them for a moment; what is kept is in the last ones, too.
        first = seen[1]
        assert min(seen[-5:]) <= 1.05 * first, " ".join(map(str, seen))
        assert max(seen) <= 1.2 * first, " ".join(map(str, seen))


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
