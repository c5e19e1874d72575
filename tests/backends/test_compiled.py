"""Models kept compiled: found again by who wants the same, and never in anybody's way."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mooring.backends import compiled
from mooring.backends.base import Outputs, ShapeGrid, Window
from mooring.backends.compiled import CompileCache
from mooring.backends.openvino import OpenVinoBackend
from mooring.graph.runtime import import_openvino
from mooring.graph.source import Artefact, Given
from tests.support.golden_inputs import FAMILIES, sequence
from tests.support.graphs import graph_of
from tests.support.started import started

GRID = ShapeGrid(lengths=(32,), batches=(1, 2), tokens=64)
LIMIT = 1 << 30
EMBEDDED = Path(compiled.__file__).parents[1] / "_embedded" / "minilm-squad" / "openvino_model.xml"


@dataclass
class Model:
    """A tiny model's folder, and how often its graph has been built."""

    folder: Path
    built: int = 0

    def graph(self) -> Any:
        """As the server builds it."""
        self.built += 1
        return graph_of(self.folder)

    def open(self, cache: CompileCache | None, **more: Any) -> OpenVinoBackend:
        """With whatever is being written done with."""
        backend = OpenVinoBackend(Given(self.graph), **{"precision": "fp32", "grid": GRID, "cache": cache, **more})
        settle()
        return backend


def settle() -> None:
    """Wait for what is being written."""
    for thread in threading.enumerate():
        if thread.name == "moor-compiled":
            thread.join()


@pytest.fixture
def model(tmp_path: Path) -> Model:
    folder = tmp_path / "model"
    FAMILIES["bert"](folder)
    return Model(folder)


@pytest.fixture
def cache(tmp_path: Path) -> CompileCache:
    return CompileCache(tmp_path / "cache", LIMIT, "tiny")


def answers(backend: OpenVinoBackend) -> Outputs:
    return backend.run([Window(*sequence(20))])[0]


def same(one: Outputs, other: Outputs) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def files(cache: CompileCache) -> list[Path]:
    return sorted(cache.folder.iterdir())


def found(backend: OpenVinoBackend) -> object:
    return backend.info()["compiled_before"]


def test_the_second_start_finds_it_and_answers_bit_for_bit_the_same(model: Model, cache: CompileCache) -> None:
    """Without its graph being built; with streams, too, and they are not compiled a second time either."""
    plain = model.open(None)
    first = model.open(cache)
    first_built = model.built
    second = model.open(cache, streams=2, threads=2)
    second.open_streams()

    assert (found(first), found(second)) == (False, True)
    assert model.built == first_built
    assert same(answers(first), answers(plain))
    assert same(answers(second), answers(plain))
    in_stream = second.run([Window(*sequence(20))], stream=1)[0]
    assert same(in_stream, answers(plain))
    assert [path.suffix for path in files(cache)] == [compiled.SUFFIX]


def test_streams_opened_at_once_wait_for_the_file(model: Model, cache: CompileCache) -> None:
    """Compiling again would take longer."""
    backend = OpenVinoBackend(Given(model.graph), precision="fp32", grid=GRID, cache=cache, streams=2, threads=2)
    backend.open_streams()
    assert model.built == 1
    assert found(backend)


def test_another_model_precision_or_cpu_finds_none(
    model: Model, cache: CompileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a file of its own."""
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    names = {cache.path(config, "")}
    names.add(cache.path({"INFERENCE_PRECISION_HINT": "bf16"}, ""))
    names.add(cache.path(config, "dequantised"))
    names.add(CompileCache(cache.folder, LIMIT, "other").path(config, ""))
    monkeypatch.setattr(compiled, "signature", lambda: "another CPU")
    names.add(cache.path(config, ""))
    monkeypatch.setattr(compiled, "code_of", lambda _: ("families.py 1 1",))
    names.add(cache.path(config, ""))
    assert len(names) == 6
    assert cache.path({**config, "NUM_STREAMS": "2"}, "") in names
    model.open(cache)
    assert found(model.open(CompileCache(cache.folder, LIMIT, "other"))) is False


@pytest.mark.parametrize(
    "harm", [lambda data: data[:0], lambda data: data[: len(data) // 2], lambda data: b"\n" + data[300:]]
)
def test_a_damaged_file_is_made_anew(harm: Callable[[bytes], bytes], model: Model, cache: CompileCache) -> None:
    """Empty, cut in half, or another format: the answer is the same, and the next start finds a good one."""
    expected = answers(model.open(cache))
    (path,) = files(cache)
    data = path.read_bytes()
    path.unlink()  # it may only be read
    path.write_bytes(harm(data))
    again = model.open(cache)
    assert found(again) is False
    assert same(answers(again), expected)
    assert found(model.open(cache)) is True


def test_a_folder_that_others_may_write_to_is_left_alone(model: Model, cache: CompileCache) -> None:
    """What is read from it is run."""
    model.open(cache)
    cache.folder.chmod(0o777)
    (path,) = files(cache)
    before = path.stat().st_mtime_ns
    assert found(model.open(cache)) is False
    assert files(cache) == [path]
    assert path.stat().st_mtime_ns == before
    cache.folder.chmod(0o755)
    assert found(model.open(cache)) is True


def test_a_folder_that_cannot_be_made_costs_nothing(model: Model, tmp_path: Path) -> None:
    """There is a file in its place."""
    (tmp_path / "file").write_text("")
    backend = model.open(CompileCache(tmp_path / "file" / "cache", LIMIT, "tiny"))
    assert found(backend) is False
    assert same(answers(backend), answers(model.open(None)))


def test_a_full_disk_costs_nothing_either(model: Model, small_disk: Path) -> None:
    """Less room than a file needs: no half of one is left, and no scratch."""
    (small_disk / "filler").write_bytes(bytes(200_000))
    cache = CompileCache(small_disk / "cache", LIMIT, "tiny")
    backend = model.open(cache)
    assert same(answers(backend), answers(model.open(None)))
    again = model.open(cache)
    assert found(again) is False
    assert same(answers(again), answers(backend))
    assert files(cache) == []


def test_what_nobody_used_for_the_longest_time_goes_first(model: Model, cache: CompileCache) -> None:
    """A find counts as use; and what was given up while it was written goes, too."""
    model.open(cache)
    (path,) = files(cache)
    size = path.stat().st_size
    unused = (cache.folder / "unused").with_suffix(compiled.SUFFIX)
    unused.write_bytes(bytes(size))
    os.utime(unused, (time.time() - 200,) * 2)
    os.utime(path, (time.time() - 300,) * 2)
    abandoned = cache.folder / f"{compiled.SCRATCH}x"
    abandoned.mkdir()
    os.utime(abandoned, (0, 0))
    assert found(model.open(cache)) is True

    # Room for two and a half: two files of the same model may differ by a few bytes.
    model.open(CompileCache(cache.folder, 5 * size // 2, "another"))

    assert path in files(cache)
    assert unused not in files(cache)
    assert abandoned not in files(cache)
    assert len(files(cache)) == 2


def test_a_file_larger_than_the_limit_is_not_kept(model: Model, cache: CompileCache) -> None:
    """Whatever it is that is asked for."""
    model.open(CompileCache(cache.folder, 100, "tiny"))
    assert files(cache) == []


def test_what_is_no_model_is_named(cache: CompileCache, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    (tmp_path / "broken.xml").write_text("<net></net>")
    (tmp_path / "broken.bin").write_bytes(b"")
    with pytest.raises(Exception, match="OpenVINO cannot read"):
        OpenVinoBackend(Artefact.at(tmp_path / "broken.xml"), precision="fp32", grid=GRID, cache=cache)
    assert not cache.folder.exists()


@pytest.mark.wire
@pytest.mark.parametrize("dequantise", [False, True])
def test_an_int8_artefact_answers_bit_for_bit_the_same(dequantise: bool, cache: CompileCache) -> None:
    """The embedded one, with its int8 operations and in floating point."""
    precision = "fp32" if dequantise else "int8"
    more: dict[str, Any] = {"precision": precision, "grid": GRID, "dequantise": dequantise}
    plain, first = (OpenVinoBackend(Artefact.at(EMBEDDED), cache=kept, **more) for kept in (None, cache))
    settle()
    again = OpenVinoBackend(Artefact.at(EMBEDDED), cache=cache, **more)
    assert (found(first), found(again)) == (False, True)
    assert same(answers(first), answers(plain))
    assert same(answers(again), answers(plain))


OPENS = """
import sys
from pathlib import Path
from tests.backends.test_compiled import LIMIT, Model, answers
from mooring.backends.compiled import CompileCache
backend = Model(Path(sys.argv[1])).open(CompileCache(Path(sys.argv[2]), LIMIT, "tiny"))
print(sum(float(row.sum()) for row in answers(backend)))
"""


def test_processes_that_start_at_the_same_time_do_not_meet(model: Model, cache: CompileCache) -> None:
    """Each writes a file of its own, and the last one stays."""
    command = [sys.executable, "-c", OPENS, str(model.folder), str(cache.folder)]
    with ExitStack() as ends:
        processes = [ends.enter_context(started(command)) for _ in range(3)]
        said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(set(said)) == 1
    assert len(files(cache)) == 1
    assert found(model.open(cache)) is True


def test_the_import_is_lean_and_gives_user_code_its_converter() -> None:
    """`convert_model` is loaded when it is asked for; what there is not is named as Python does."""
    code = """
import sys
from mooring.graph.runtime import import_openvino
from mooring.graph.source import Artefact, Given
openvino = import_openvino()
assert "openvino.tools.ovc" not in sys.modules
assert callable(openvino.convert_model)
try:
    openvino.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert import_openvino().Core
