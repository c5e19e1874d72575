"""`moor build --explore` on a tiny model with the real engine and nncf."""

import json
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mooring.build import workshop
from mooring.build.compress import quantise
from mooring.build.explore import explore, order_of
from mooring.build.ladder import BF16, FP32, INT8, quantised
from mooring.build.pipeline import Order, build
from mooring.build.race import Pace, race
from mooring.build.recipe import Recipe
from mooring.errors import BuildError
from mooring.model.source import resolve
from mooring.progress import Silent
from mooring.tasks.recognise import read_manifest
from mooring.wiring.model import make_task
from tests.build.test_pipeline import CONTEXT
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

PERCENTILE = quantised(Recipe(ranges="percentile", asymmetric_activations=False))
EIGHTH = quantised(Recipe(smooth_alpha=0.5, excluded_share=Fraction(1, 8)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of a few thousand weights."""
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def wanted(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    """To explore with forty questions, calibrated on forty others; temporary files go where the test looks."""
    path = tmp_path / "questions.jsonl"
    lines = [json.dumps({"question": f"who lives near {n}", "context": f"{CONTEXT} {n}"}) for n in range(100)]
    path.write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return Order(resolve(str(model)), None, calibration=path, samples=40, questions=40, max_drop=90.0)


def left_behind(order: Order) -> list[Path]:
    """What exploring left on the disk beside the questions."""
    assert order.calibration is not None
    return list((order.calibration.parent / "temporary").iterdir())


def test_all_are_judged_on_the_same_questions_and_nothing_stays(wanted: Order) -> None:
    """Each with its figures; the exact one agrees with itself; sizes are those of what would be written."""
    found = explore(wanted, make_task, Silent(), (FP32, BF16, INT8, PERCENTILE, EIGHTH))
    assert [candidate.outcome for candidate in found.candidates] == ["exact", "exact", "passed", "passed", "passed"]
    judged = [candidate.judgement for candidate in found.candidates if candidate.judgement]
    assert {judgement.drop.questions for judgement in judged} == {40}
    assert judged[0].drop.candidate == 100
    fp32, bf16, int8, _, mixed = (candidate.size for candidate in found.candidates)
    assert bf16 < fp32
    assert int8 <= mixed
    assert all(candidate.pace and candidate.pace.per_second > 0 for candidate in found.candidates)
    assert (len(found.candidates[2].excluded), len(found.candidates[4].excluded) > 0) == (0, True)
    assert (found.metric, found.calibrated) == ("agreement", 40)
    assert found.best in found.candidates
    assert left_behind(wanted) == []


def test_the_best_is_built_as_any_other(wanted: Order, tmp_path: Path) -> None:
    """By its recipe, which the manifest has, so that it can be built again without exploring."""
    order = replace(wanted, out=tmp_path / "out")
    found = explore(order, make_task, Silent(), (PERCENTILE,))
    assert found.best is not None
    built = build(order_of(order, found), make_task)
    stored = read_manifest(built.folder, source="out")
    assert stored.precision == "int8"
    assert stored.built_with["recipe"] == "smooth=0.95,ranges=percentile,activations=symmetric"
    assert stored.gate is not None
    assert found.best.judgement is not None
    assert stored.gate.candidate == pytest.approx(found.best.judgement.drop.candidate, abs=1e-4)


def test_one_that_cannot_be_built_has_its_reason_and_the_others_their_figures(
    wanted: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody is asked to ship it."""

    def refuse(model: Any, inputs: Any, recipe: Recipe, *rest: Any, **more: Any) -> Any:
        if recipe.ranges == "percentile":
            raise BuildError("nncf cannot quantize this model: no quantile")
        return quantise(model, inputs, recipe, *rest, **more)

    monkeypatch.setattr(workshop, "quantise", refuse)
    said = Silent()
    found = explore(wanted, make_task, said, (PERCENTILE, INT8))
    assert [candidate.outcome for candidate in found.candidates] == ["error", "passed"]
    assert "no quantile" in found.candidates[0].failure
    assert any("no quantile" in note for note in said.notes)
    assert found.best is found.candidates[1]
    with pytest.raises(BuildError, match=r"None of the 1 candidates could be built: nncf cannot"):
        explore(wanted, make_task, said, (PERCENTILE,))


def test_an_interruption_leaves_nothing(wanted: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither among the temporary files nor at the target."""

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(workshop, "race", interrupt)
    with pytest.raises(KeyboardInterrupt):
        explore(replace(wanted, out=tmp_path / "out"), make_task, Silent(), (FP32, INT8))
    assert left_behind(wanted) == []
    assert not (tmp_path / "out").exists()


def test_an_interruption_keeps_the_results_so_far(wanted: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the candidates that are done; the steps name the candidate and how many there are."""
    done: list[Pace] = []

    def interrupt(*arguments: Any, **named: Any) -> Any:
        if done:
            raise KeyboardInterrupt
        done.append(race(*arguments, **named))
        return done[0]

    monkeypatch.setattr(workshop, "race", interrupt)
    said = Titles()
    found = explore(wanted, make_task, said, (FP32, INT8, PERCENTILE))
    assert (found.interrupted, [one.attempt for one in found.candidates]) == (True, [FP32])
    assert found.best is found.candidates[0]
    assert "1 of 3: fp32: Checking fp32 against fp32" in said.begun
    assert said.begun[-1].startswith("2 of 3, about ")
    assert said.begun[-1].endswith(" left: int8 smooth=0.95: Timing int8 against fp32")
    assert left_behind(wanted) == []


class Titles(Silent):
    """Which keeps the steps' titles."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []

    def begin(self, title: str, total: int | None = None) -> None:
        """Keep it."""
        self.begun.append(title)


def test_more_questions_are_not_asked_when_it_stays_undecided(wanted: Order) -> None:
    """All candidates answer as many; 40 questions cannot show half a point, however good the answers."""
    found = explore(replace(wanted, questions=20, max_drop=0.5), make_task, Silent(), (FP32, INT8))
    assert found.candidates[1].judgement is not None
    assert found.candidates[1].judgement.drop.questions == 20
    assert found.best is found.candidates[0]
    with pytest.raises(BuildError, match="No candidate passed the accuracy check"):
        order_of(wanted, explore(replace(wanted, questions=20, max_drop=0.5), make_task, Silent(), (INT8,)))
