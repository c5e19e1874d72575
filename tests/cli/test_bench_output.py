"""What is shown while a server is measured, by a clock that the test drives."""

from mooring.bench.load import Run
from mooring.bench.session import Amount
from mooring.bench.tally import Tally
from mooring.cli.bench_output import Pulse, part_done


def test_progress_is_by_requests_or_by_time() -> None:
    """Whichever ends the run first."""
    run = Run(Tally(), began=100.0)
    run.tally.answered(0, 0.1, 0.1)
    assert part_done(run, Amount(requests=4), 102.0) == 0.25
    assert part_done(run, Amount(seconds=4.0), 102.0) == 0.5
    assert part_done(run, Amount(requests=4, seconds=4.0), 109.0) == 1.0


def test_the_pulse_is_the_speed_of_late_and_what_failed() -> None:
    """Ten answers in the last second; the first ones long ago do not count."""
    clock = iter([0.0, 9.0, 9.25, 9.5, 9.75, 10.0])
    pulse, run = Pulse(lambda: next(clock)), Run(Tally())
    said = ""
    for answers in (500, 0, 2, 3, 3, 2):
        for _ in range(answers):
            run.tally.answered(0, 0.02, 0.02)
        said = pulse.line(run)
    assert said == "510 answered   10/s   p50 20.0   p99 20.0 ms"
    run.tally.lose("timeout")
    assert "1 failed" in Pulse(lambda: 0.0).line(run)
