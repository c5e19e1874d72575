"""The command line of `moor build`: what is refused before anything costs time, and how candidates are shown."""

import io
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from rich.console import Console

from mooring.build.candidates import Candidate
from mooring.build.ladder import BF16, FP32, INT8, quantised
from mooring.build.pipeline import Order
from mooring.build.recipe import OFF, Recipe
from mooring.cli import explore, run
from mooring.cli.border import INTERRUPTED
from tests.support.candidates import candidate, explored
from tests.support.no_matplotlib import hide_matplotlib
from tests.support.tiny_models import write_tiny_bert

USAGE = 2
PLAIN = quantised(Recipe(smooth_alpha=OFF))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "No output folder was given. Name one with -o"),
        (["-o", "x", "--plot", "p.svg"], "--plot needs --explore"),
        (["--explore"], "--explore needs questions to calibrate int8 on"),
        (["--explore", "--calibration", "q", "--precision", "int8"], "--precision has no effect"),
        (["--explore", "--calibration", "q", "--recipe", "smooth=off"], "--recipe has no effect"),
        (["--explore", "--calibration", "q", "--no-gate"], "--explore checks accuracy; --no-gate skips the check"),
        (["--explore", "--calibration", "q", "--plot", "no/where.svg"], "Cannot write a chart to 'no/where.svg'"),
        (["-o", "x", "--recipe", "smooth=2"], "Allowed for smooth: a number from 0 to 1, or off"),
    ],
)
def test_contradictions_are_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """With a way out, and nothing on stdout."""
    assert run(["build", "model", *arguments]) == USAGE
    printed = capsys.readouterr()
    assert said in " ".join(printed.err.split())
    assert printed.out == ""


@pytest.mark.wire
def test_a_recipe_for_what_is_not_quantised(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nobody should believe that it had an effect."""
    (tmp_path / "model").mkdir()
    arguments = [str(tmp_path / "model"), "-o", str(tmp_path / "out"), "--recipe", "smooth=off"]
    assert run(["build", *arguments, "--precision", "bf16"]) == USAGE
    assert "--recipe has no effect with --precision bf16" in capsys.readouterr().err
    assert run(["build", *arguments]) == 1
    assert "needs real questions for calibration" in capsys.readouterr().err


@pytest.mark.wire
def test_exploring_prints_all_and_writes_the_best(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One JSON document with what was built inside; a picture; an artefact that names its recipe."""
    monkeypatch.setattr("mooring.build.explore.CANDIDATES", (PLAIN, INT8))
    model = write_tiny_bert(tmp_path / "tiny")
    asked = [{"question": f"who lives near {n}", "context": f"The king lives near the river {n}"} for n in range(80)]
    questions = tmp_path / "questions.json"
    questions.write_text(json.dumps(asked), encoding="utf-8")
    arguments = [
        "--calibration",
        str(questions),
        "--calibration-samples",
        "40",
        "--questions",
        "40",
        "--max-drop",
        "90",
    ]
    out, plot = tmp_path / "out", tmp_path / "plot.svg"
    assert run(["build", str(model), "--explore", *arguments, "--json", "-o", str(out), "--plot", str(plot)]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in made["candidates"]] == ["int8 smooth=off", "int8 smooth=0.95"]
    assert made["best"] in ("int8 smooth=off", "int8 smooth=0.95")
    assert f"int8 {made['built']['manifest']['built_with']['recipe']}" == made["best"]
    assert json.loads((out / "mooring.json").read_text())["built_with"]["recipe"] in made["best"]
    assert plot.read_text(encoding="utf-8").startswith("<svg")

    assert run(["build", str(model), "--explore", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "smooth=off" in printed
    assert "40 questions" in printed


def shown(*candidates: Candidate, fast_int8: bool = True) -> list[str]:
    """The table's lines on a wide terminal."""
    console = Console(file=io.StringIO(), width=160)
    console.print(explore.table(explored(candidates, fast_int8=fast_int8)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_table_has_a_line_for_each_and_marks_the_best() -> None:
    """Also for one that failed, without figures."""
    lines = shown(candidate(FP32), candidate(INT8, ratio=2.5), Candidate(PLAIN, failure="no"))
    assert lines[0].split()[:5] == ["precision", "recipe", "F1", "exact", "match"]
    assert [line[0] for line in lines[1:]] == [" ", "→", " "]
    figures = ["74.90", "62.50", "+0.10", "(-0.10", "to", "+0.30)", "20.0", "125.0", "2.50"]
    assert lines[2].split() == ["→", "int8", "smooth=0.95", *figures, "passed"]
    assert lines[3].split() == ["int8", "smooth=off", "failed", "to", "build"]


def test_in_a_file_a_candidate_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Also one with a long name: nothing is folded where no terminal says how wide it is."""
    recipe = Recipe(ranges="percentile", asymmetric_activations=False, excluded_share=Fraction(1, 16))
    explore.show(explored([candidate(INT8), candidate(quantised(recipe))]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:2] == ["mixed", recipe.name]
    assert lines[2].split()[-1] == "passed"


def test_the_notes_say_what_the_figures_are_worth() -> None:
    """How many questions, what is undecided and why, which CPU, what failed, and the command for the best."""
    found = explored(
        [candidate(BF16), candidate(INT8), candidate(PLAIN, upper=0.7), Candidate(FP32, failure="too large")],
        fast_int8=False,
    )
    said = " ".join(explore.notes(found))
    assert "1,000 questions" in said
    assert "1 of 4 are undecided" in said
    assert "no int8 dot products" in said
    assert "fp32: too large" in said
    assert said.endswith("--precision int8 --recipe smooth=0.95")


def test_of_an_interrupted_exploration_the_best_so_far_is_named() -> None:
    """Others might be better."""
    found = replace(explored([candidate(INT8)]), interrupted=True)
    assert explore.next_step(found) == "Best so far: moor build … --precision int8 --recipe smooth=0.95"
    assert explore.report(found)["interrupted"] is True


def test_an_interruption_prints_the_table_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 130, as of every interrupted command."""
    partial = replace(explored([candidate(FP32)]), interrupted=True)
    monkeypatch.setattr("mooring.cli.build._order", lambda options, _: (Order(None, options["out"]), None))  # type: ignore[arg-type]
    monkeypatch.setattr("mooring.cli.build._explored", lambda *_: partial)
    arguments = ["model", "--explore", "--calibration", "q", "-o", str(tmp_path / "out")]
    assert run(["build", *arguments]) == INTERRUPTED
    printed = capsys.readouterr()
    assert "fp32" in printed.out
    assert "moor: interrupted; the rest was not tried, and nothing was written" in printed.err
    assert not (tmp_path / "out").exists()


def test_with_avx2_alone_the_notes_say_whose_answers_and_whose_speed_it_is() -> None:
    """They are not the same CPU's."""
    found = replace(explored([candidate(INT8)]), dot_products=False)
    said = " ".join(explore.notes(found))
    assert "The accuracy of int8 is that of CPUs with VNNI; the speed is this CPU's" in said
    assert "AVX2" not in " ".join(explore.notes(explored([candidate(INT8)])))


def test_the_report_is_the_table_as_values() -> None:
    """The best by name; a failure in the place of figures."""
    made = explore.report(explored([candidate(INT8, ratio=2), Candidate(PLAIN, failure="no")]))
    assert made["best"] == "int8 smooth=0.95"
    first, second = made["candidates"]
    assert (first["recipe"], first["drop"], first["interval"]) == ("smooth=0.95", 0.1, [-0.1, 0.3])
    assert (first["speed"], first["outcome"], first["bytes"]) == (2, "passed", 20_000_000)
    assert second == {
        "name": "int8 smooth=off",
        "precision": "int8",
        "recipe": "smooth=off",
        "outcome": "error",
        "failure": "no",
    }


def test_a_plot_without_matplotlib_is_refused_before_anything_is_built(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to install."""
    hide_matplotlib(monkeypatch)
    assert run(["build", "x", "--explore", "--calibration", "q", "--plot", "p.svg"]) != 0
    assert "--plot needs matplotlib" in capsys.readouterr().err


def test_a_plot_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """The one there before stays until the new one is complete."""
    path = tmp_path / "plot.svg"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        explore.write_whole(path, "half \ud800")
    assert path.read_text() == "before"
    explore.write_whole(path, "after")
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]
