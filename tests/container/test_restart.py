"""What becomes of a service when a worker that was killed cannot be started again: real nginx, workers and kills."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mooring.container.proxy import find_nginx
from tests.support.behind import Behind, behind
from tests.support.hub_server import HubServer, Repo
from tests.support.tiny_artefacts import write_tiny_artefact
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


@pytest.fixture(autouse=True, scope="module")
def needs_nginx() -> None:
    """Debian's package, or any other."""
    if find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")


def put(source: Path, target: Path) -> None:
    """Replace a file, or the files of a folder, as `mv` does: whoever has the old ones open keeps them."""
    for path in [source] if source.is_file() else filter(Path.is_file, source.iterdir()):
        place = target if source.is_file() else target / path.name
        shutil.copy(path, place.with_name(f".{place.name}.new"))
        place.with_name(f".{place.name}.new").replace(place)


def degraded(server: Behind) -> list[dict[str, Any]]:
    """As /info has it."""
    found: list[dict[str, Any]] = server.get("/info")[1]["degraded"]
    return found


def says(server: Behind, worker: int, *words: str) -> Callable[[], bool]:
    """Whether /info says these words of a worker that is missing."""
    return lambda: any(
        entry["worker"] == worker and all(word in entry["reason"] for word in words) for entry in degraded(server)
    )


def test_a_file_that_was_emptied_does_not_end_a_healthy_service(tmp_path: Path) -> None:
    """The standby goes on; /info, /metrics and one line of the log say what is missing; it comes back with the file."""
    model = write_tiny_bert(tmp_path / "tiny")
    weights = model / "model.safetensors"
    content = weights.read_bytes()
    with behind(str(model)) as server:
        server.wait_for_workers(2)
        answer = server.ask()[2]
        assert (degraded(server), server.metric("mooring_front_degraded")) == ([], 0)
        weights.with_name("empty").touch()
        weights.with_name("empty").replace(weights)
        server.kill(1)
        server.until(lambda: server.metric("mooring_worker_starts_total", worker="1") >= 4)
        assert server.get("/ping") == (200, {"status": "ready"})
        assert server.ask()[2] == answer
        [entry] = degraded(server)
        assert entry["worker"] == 1
        assert "model.safetensors has only 0 bytes" in entry["reason"]
        assert entry["since"].endswith("Z")
        assert server.metric("mooring_front_degraded") == 1
        [line] = server.logged("worker cannot start")
        assert "model.safetensors has only 0 bytes" in line["reason"]
        assert "\n".join(server.log).count("model.safetensors has only 0 bytes") == 1
        weights.write_bytes(content)
        server.wait_for_workers(2)
        assert (degraded(server), server.metric("mooring_front_degraded")) == ([], 0)
        assert server.logged("worker is back")[0]["worker"] == 1
        assert not [line for line in server.log if "[crit]" in line]
        assert server.stop() == 0


def _digest(server: Behind) -> str:
    """Of the model's own code where it has some, else of the model."""
    facts = server.get("/info")[1]
    return str(facts.get("code_digest", facts["model"]["digest"]))


def _folder(place: Path, seed: int) -> Path:
    return write_tiny_bert(place, seed)


def _artefact(place: Path, seed: int) -> Path:
    return write_tiny_artefact(place, seed)


def _archive(place: Path, seed: int) -> Path:
    write_tiny_bert(place, seed)
    archive = place.with_suffix(".tar.gz")
    subprocess.run(["tar", "-czf", str(archive), "-C", str(place), "."], check=True)
    return archive


def _code(place: Path, seed: int) -> Path:
    write_tiny_bert(place)
    (place / "code").mkdir()
    (place / "code" / "inference.py").write_text(f"def output_fn(prediction, accept):\n    return '{seed}'\n")
    return place


@pytest.mark.parametrize("write", [_folder, _artefact, _archive, _code])
def test_a_worker_that_finds_another_model_refuses(tmp_path: Path, write: Callable[[Path, int], Path]) -> None:
    """Both digests are named, and what to do; the others go on answering with the old one."""
    served, other = write(tmp_path / "served", 0), write(tmp_path / "other", 1)
    with behind(str(served), "--run-code") as server:
        server.wait_for_workers(2)
        answer, digest = server.ask()[2], _digest(server)
        put(other, served)
        if write is _code:
            put(other / "code", served / "code")
        server.kill(1)
        server.until(says(server, 1, "is not the one being served", digest, "Restart the whole service"))
        [entry] = degraded(server)
        assert entry["reason"].count("sha256:") == 2
        assert server.get("/ping")[0] == 200
        assert server.ask()[2] == answer


def test_when_nobody_is_left_it_is_red_with_the_reason_until_the_model_is_back(tmp_path: Path) -> None:
    """Requests are refused at once. Liveness is red only where a new start of it all would help."""
    served, other = _folder(tmp_path / "served", 0), _folder(tmp_path / "other", 1)
    kept = Path(shutil.copytree(served, tmp_path / "kept"))
    with behind(str(served), "--no-standby") as server:
        answer = server.ask()[2]
        (served / "config.json").unlink()
        server.kill(1)
        server.until(says(server, 1, "lacks config.json"))
        began = time.monotonic()
        for status, body in (server.get("/ping"), server.ask()[::2]):
            assert (status, body["type"]) == (503, "NotReady")
            assert "lacks config.json" in body["message"]
        assert time.monotonic() - began < 5
        assert server.get("/health/live")[0] == 200
        put(other, served)
        server.until(says(server, 1, "is not the one being served"))
        assert "is not the one being served" in server.get("/ping")[1]["message"]
        assert server.get("/health/live")[0] == 503
        put(kept, served)
        server.wait_for_workers(1)
        assert [server.get(path)[0] for path in ("/ping", "/health/live")] == [200, 200]
        assert server.ask()[2] == answer


def test_a_worker_that_dies_as_soon_as_it_is_ready_takes_nobody_with_it(tmp_path: Path) -> None:
    """It is started again after longer and longer pauses; the standby answers."""
    with behind(str(_folder(tmp_path / "tiny", 0))) as server:
        server.wait_for_workers(2)
        answer = server.ask()[2]
        dead = 0
        for _ in range(3):
            server.replaced(1, dead)
            dead = server.kill(1)
            assert server.ask()[2] == answer
        server.until(lambda: len(server.logged("worker died")) == 3)
        assert [line["again_in_s"] for line in server.logged("worker died")] == [0.1, 0.2, 0.4]
        server.wait_for_workers(2)
        assert server.get("/ping")[0] == 200


def test_a_replacement_serves_the_commit_that_was_served_and_not_the_newest(tmp_path: Path) -> None:
    """A branch of the Hub may have moved meanwhile; the rest of the service has the old commit."""
    repo = Repo.of(write_tiny_bert(tmp_path / "old"))
    with HubServer({"org/tiny": repo}) as hub:
        environ = {"HF_ENDPOINT": hub.endpoint, "MOORING_CACHE_DIR": str(tmp_path / "cache")}
        with behind("org/tiny", **environ) as server:
            server.wait_for_workers(2)
            before = server.get("/info")[1]["model"]
            repo.push(Repo.of(write_tiny_bert(tmp_path / "new", 1)).files)
            assert repo.commit != before["revision"]
            server.replaced(1, server.kill(1))
            after = server.get("/info")[1]["model"]
            assert (after["revision"], after["digest"]) == (before["revision"], before["digest"])
            assert degraded(server) == []
