"""A process that hangs, told from one that is busy or gets no CPU. The clock is turned by hand."""

from dataclasses import replace

import pytest

from mooring.container.watch import LOOK_EVERY_S, Seen, Watch

ASLEEP = Seen(beats=7)


def first_hang(*seen: Seen, every_s: float = LOOK_EVERY_S, most_s: float = 90.0) -> float | None:
    """Seconds after the first look when the process counts as hung; None if it never does."""
    watch = Watch(most_s)
    for at, one in enumerate(seen):
        if watch.look(at * every_s, one):
            return at * every_s
    return None


def grown(seen: Seen, looks: int, *, cpu_s: float = 0.0, main_cpu_s: float = 0.0, beats: float = 0) -> list[Seen]:
    """The same process at each look, having used so much CPU time between two of them."""
    return [
        replace(
            seen,
            beats=int(seen.beats + at * beats),
            cpu_s=seen.cpu_s + at * cpu_s,
            main_cpu_s=seen.main_cpu_s + at * main_cpu_s,
        )
        for at in range(looks)
    ]


def test_a_process_that_beats_is_well() -> None:
    """However much or little it computes."""
    assert first_hang(*grown(ASLEEP, 99, beats=2)) is None
    assert first_hang(*grown(replace(ASLEEP, wants=True, main_wants=True), 99, beats=1)) is None


def test_one_that_sleeps_without_a_beat_hangs_at_the_second_miss() -> None:
    """1 s after the last beat that was seen, hence at most 1.5 s after it hung."""
    assert first_hang(*[ASLEEP] * 5) == 2 * LOOK_EVERY_S


def test_one_that_a_signal_stopped_hangs_whatever_it_says() -> None:
    """Also while it asked for patience."""
    assert first_hang(*[replace(ASLEEP, stopped=True, patient=True)] * 5) == 2 * LOOK_EVERY_S


def test_a_process_that_is_stopped_and_continued_by_turns_is_throttled() -> None:
    """It may be stopped whenever it is looked at, and beat seldom: but it runs in between."""
    stopped = replace(ASLEEP, stopped=True)
    assert first_hang(*grown(stopped, 99, beats=0.5)) is None
    assert first_hang(*grown(stopped, 99, cpu_s=0.0001, main_cpu_s=0.0001)) is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.39])
def test_one_that_gets_no_cpu_does_not_hang(share: float) -> None:
    """A quarter of a core: the event loop wants to run, or waits for a thread that wants to."""
    used = share * LOOK_EVERY_S
    runs = replace(ASLEEP, wants=True, main_wants=True)
    assert first_hang(*grown(runs, 40, cpu_s=used, main_cpu_s=used)) is None
    holder = replace(ASLEEP, wants=True)
    assert first_hang(*grown(holder, 40, cpu_s=used)) is None


def test_an_event_loop_that_computes_hangs_when_it_has_used_much_cpu() -> None:
    """On a whole core within 2 s; with half of one it may take longer."""
    runs = replace(ASLEEP, wants=True, main_wants=True)
    whole = first_hang(*grown(runs, 20, cpu_s=LOOK_EVERY_S, main_cpu_s=LOOK_EVERY_S))
    half = first_hang(*grown(runs, 20, cpu_s=LOOK_EVERY_S / 2, main_cpu_s=LOOK_EVERY_S / 2))
    assert whole is not None
    assert whole + LOOK_EVERY_S <= 2.0
    assert half is not None
    assert half > whole


def test_a_blocked_event_loop_is_noticed_beside_a_long_batch() -> None:
    """The other threads get all the CPU that they want."""
    computing = grown(replace(ASLEEP, wants=True), 20, cpu_s=2 * LOOK_EVERY_S)
    assert first_hang(*computing) == 2 * LOOK_EVERY_S


def test_looks_that_were_late_do_not_count() -> None:
    """Process 1 itself got no CPU, or the whole machine slept."""
    assert first_hang(*[ASLEEP] * 99, every_s=2 * LOOK_EVERY_S) is None


def test_a_beat_ends_the_row_of_misses() -> None:
    """Two in a row are needed."""
    seen = [replace(ASLEEP, beats=at // 2) for at in range(40)]
    assert first_hang(*seen) is None


def test_patience_ends() -> None:
    """Code of the user may hold the interpreter's lock, but not for ever."""
    patient = replace(ASLEEP, patient=True)
    assert first_hang(*[patient] * 100, most_s=90.0) is None
    assert first_hang(*[patient] * 200, most_s=90.0) == pytest.approx(90.0 + LOOK_EVERY_S)
