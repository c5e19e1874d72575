"""`moor batch`: its arguments, exit codes and output."""

from typing import Any

import pytest

from mooring.batch.job import Summary
from mooring.batch.manifest import Done
from mooring.cli import run
from mooring.cli.batch import exit_code, read_columns
from mooring.cli.batch_output import LINE_EVERY_S, Lines, lasting, show
from mooring.errors import UsageError
from mooring.testing import ManualClock


def summary(records: int = 10, errors: int = 0, left: int = 0, **more: Any) -> Summary:
    """Of a run of ten records in five parts."""
    return Summary(Done(records, errors, 12, 0), 10, 5, left, **more)


def test_columns_are_read() -> None:
    """Spaces do not matter."""
    assert read_columns(["question=q", "context = a=b"]) == {"question": "q", "context": "a=b"}


@pytest.mark.parametrize(
    ("given", "said"),
    [(["q"], "Invalid --map 'q'"), (["=q"], "Invalid"), (["a=", "b=1"], "Invalid"), (["a=1", "a=2"], "twice")],
)
def test_invalid_columns_are_refused(given: list[str], said: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match=said):
        read_columns(given)


@pytest.mark.parametrize(
    ("found", "most", "interrupted", "code"),
    [
        (summary(), None, False, 0),
        (summary(), 0, True, 0),
        (summary(errors=3), None, False, 0),
        (summary(errors=3), 2, False, 1),
        (summary(errors=10), None, False, 1),
        (summary(left=1), None, False, 1),
        (summary(left=1), None, True, 130),
    ],
)
def test_the_exit_code_says_whether_to_look(found: Summary, most: int | None, interrupted: bool, code: int) -> None:
    """0 for a corpus that was answered, even if some records could not be."""
    assert exit_code(found, most, interrupted=interrupted) == code


def test_progress_has_rate_and_remaining_time(capsys: pytest.CaptureFixture[str]) -> None:
    """A line now and then; earlier runs and the time until the first answer do not count for the rate."""
    clock = ManualClock()
    lines = Lines(10_000, 4_000, clock)
    clock.advance(LINE_EVERY_S)
    for records in (100, 300):
        lines.advance(records)
        lines.advance(0)
        clock.advance(LINE_EVERY_S)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Answering: 4,100 of 10,000"
    assert said[1] == "Answering: 4,400 of 10,000, about 9 min left, 10.0 per second"
    assert len(said) == 2


@pytest.mark.parametrize(("seconds", "said"), [(7.4, "7 s"), (61, "1 min 01 s"), (7_260, "2 h 01 min")])
def test_durations_have_two_units(seconds: float, said: str) -> None:
    """Enough to decide whether to wait."""
    assert lasting(seconds) == said


def test_the_summary_of_a_part_of_a_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    """Says what is missing."""
    facts = {"model": {"name": "qa", "precision": "fp32", "digest": "sha256:1"}}
    show("out", summary(6, 1, 2, answered=4, seconds=2.0), facts, as_json=False)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "records    6 of 10 (4 in this run, 2 s, 2.0 per second)",
        "windows    12",
        "errors     1",
        "model      qa, fp32",
        "digest     sha256:1",
        "output     out, 3 of 5 parts",
    ]
    assert err == "moor: 2 parts are missing; run the same command again to continue\n"


def test_the_accuracy_is_that_of_this_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    """As in the banner: a CPU with AVX2 alone computes int8 with fewer levels, which have a check of their own."""
    check = {"metric": "f1", "passed": True, "max_drop": 0.5, "drop_upper": 0.4}
    gate = {**check, "narrow": {**check, "drop_upper": 0.27}}
    facts = {"model": {"name": "qa", "precision": "int8", "gate": gate}, "backend": {"rewritten": "pointwise"}}
    show("out", summary(10, 0, 0, answered=10, seconds=2.0), facts, as_json=False)
    assert "at most 0.27 F1 below fp32" in capsys.readouterr().out


def test_too_many_errors_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The same command would answer nothing more."""
    show("out", summary(6, 3, 2, answered=4, seconds=2.0), {}, as_json=False, max_errors=2)
    err = capsys.readouterr().err
    assert err == "moor: 2 parts are missing; there are 3 errors: to continue, raise --max-errors 2\n"


def test_flags_of_ray_need_ray(capsys: pytest.CaptureFixture[str]) -> None:
    """They would have no effect."""
    assert run(["batch", "in.jsonl", "out", "--actors", "2"]) == 2
    assert "--actors has no effect with --engine local. Add --engine ray" in capsys.readouterr().err.replace(
        "\n     ", ""
    )
