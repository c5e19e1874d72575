"""Workers that hang, leave or cannot be reached are replaced, and others are left alone. The looks are made by hand."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from mooring.container.board import Board
from mooring.container.child import End, Keeper, Slot
from mooring.container.crew import CRASHES, END_S, Crew
from mooring.container.folders import Folders
from mooring.container.metrics import FrontMetrics, WorkerMetrics
from mooring.container.topology import Worker
from mooring.container.watch import LOOK_EVERY_S
from mooring.observe import pulse
from mooring.observe.pulse import Pulse
from mooring.settings import Settings
from tests.support.started import started


@dataclass
class Stage:
    """A crew with one worker that is ready, and what it does to it."""

    crew: Crew
    slot: Slot
    pulse: Pulse
    folders: Folders
    sent: list[signal.Signals]
    now: float = 100.0

    def look(self) -> None:
        """Half a second after the last look."""
        self.now += LOOK_EVERY_S
        self.crew._look_at(self.slot, self.now)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The worker is a process that sleeps, and whose socket is there."""
    sent: list[signal.Signals] = []
    monkeypatch.setattr(Keeper, "signal", lambda _, number: sent.append(number))
    folders = Folders(tmp_path)
    folders.make(None)
    folders.hold(1)
    descriptor = pulse.create()
    with started(["sleep", "60"]) as sleeper:
        slot = Slot(Worker(1, 1), pid=sleeper.pid, ready=True, pulse=Pulse(descriptor))
        slots = {1: slot}
        board = Board(slots, was_ready=True)
        crew = Crew(Settings(), folders, None, board, FrontMetrics(WorkerMetrics(folders.metrics, slots)))
        crew._keepers[1] = Keeper(slot, lambda *_: ((), {}))
        yield Stage(crew, slot, Pulse(descriptor), folders, sent)
    os.close(descriptor)


def test_a_worker_that_beats_is_left_alone(stage: Stage) -> None:
    """And not degraded."""
    for _ in range(10):
        stage.pulse.beat("")
        stage.look()
    assert (stage.sent, stage.slot.reason) == ([], "")


def test_a_worker_that_does_not_beat_is_degraded_and_then_killed(stage: Stage) -> None:
    """At the second miss."""
    stage.look()
    stage.look()
    assert stage.sent == []
    assert stage.slot.reason == "Worker 1 has not reacted for 0.5 s."
    stage.look()
    assert stage.sent == [signal.SIGKILL]


def test_a_worker_that_reacts_again_is_not_degraded(stage: Stage) -> None:
    """After one miss."""
    stage.look()
    stage.look()
    stage.pulse.beat("")
    stage.look()
    assert (stage.sent, stage.slot.reason) == ([], "")


def test_a_stopped_worker_is_named_so(stage: Stage) -> None:
    """By SIGSTOP."""
    os.kill(stage.slot.pid, signal.SIGSTOP)
    os.waitpid(stage.slot.pid, os.WUNTRACED)
    for _ in range(3):
        stage.look()
    assert stage.slot.reason == "Worker 1 has been stopped by a signal for 1.0 s."
    assert stage.sent == [signal.SIGKILL]


def test_a_worker_whose_engine_hangs_is_killed_at_once(stage: Stage) -> None:
    """It has taken two looks itself."""
    stage.pulse.beat("A batch of 4 windows has been computing for 3.0 s; 0.1 s was expected.")
    stage.look()
    assert stage.sent == [signal.SIGKILL]


def test_a_worker_whose_socket_is_gone_is_told_to_end_once_and_then_killed(stage: Stage) -> None:
    """Nobody can reach it any more; what it has in hand it may still answer."""
    stage.folders.socket(1).unlink()
    for _ in range(3):
        stage.look()
    assert stage.sent == [signal.SIGTERM]
    stage.now += Settings().drain_s + END_S
    stage.look()
    assert stage.sent == [signal.SIGTERM, signal.SIGKILL]


def test_a_worker_that_leaves_has_time_to_answer(stage: Stage) -> None:
    """Somebody has sent it SIGTERM."""
    stage.slot.leave()
    assert "was told to stop (SIGTERM)" in stage.slot.reason
    for _ in range(3):
        stage.look()
    assert stage.sent == []
    stage.now += Settings().drain_s + END_S
    stage.look()
    assert stage.sent == [signal.SIGKILL]


@pytest.mark.parametrize(
    ("end", "failures", "code"),
    [
        (End(2), 1, 2),
        (End(3), 1, 3),
        (End(1), 99, None),  # a connection, a port: it may pass
        (End(-9), 99, None),  # memory, most likely
        (End(-11), CRASHES - 1, None),
        (End(-11), CRASHES, 3),
        (End(0), CRASHES, 3),
        (End(3, 1.0), 0, None),  # it was ready: its own code may end it with any number
    ],
)
def test_what_ends_all_only_does_so_until_the_service_has_been_ready(
    end: End, failures: int, code: int | None, tmp_path: Path
) -> None:
    """Afterwards somebody may be answering, and files come back."""
    board = Board()
    one = Crew(Settings(), Folders(tmp_path), None, board, FrontMetrics(WorkerMetrics(tmp_path, board.slots)))
    slot = Slot(Worker(1, 1), failures=failures)
    assert one._verdict(slot, end) == code
    board.was_ready = True
    assert one._verdict(slot, end) is None


def test_a_reason_is_logged_once_until_a_worker_was_ready(tmp_path: Path) -> None:
    """However often it is tried; a worker that was ready and died is logged each time."""
    board = Board(was_ready=True)
    one = Crew(Settings(), Folders(tmp_path), None, board, FrontMetrics(WorkerMetrics(tmp_path, board.slots)))
    slot = Slot(Worker(1, 1))
    with structlog.testing.capture_logs() as lines:
        one._log = structlog.get_logger("mooring.container").bind()
        for end in (End(-9, 50.0), End(3, message="Empty."), End(3, message="Empty."), End(3, message="Gone.")):
            slot.last = end
            one._on_end(slot, end, 1.0)
        one._on_end(slot, End(3, message="Empty."), 1.0)
        one._on_ready(slot)
        one._on_end(slot, End(3, message="Empty."), 1.0)
    said = [(line["event"], line.get("reason")) for line in lines]
    assert said == [
        ("worker died", None),
        ("worker cannot start", "Empty."),
        ("worker cannot start", "Gone."),
        ("worker is back", None),
        ("worker cannot start", "Empty."),
    ]
