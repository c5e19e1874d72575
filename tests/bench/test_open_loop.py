"""The open loop against a real socket: what is sent when, whatever the server does."""

import asyncio
import threading
import time

import pytest

from mooring.bench.alarm import Alarm
from mooring.bench.exchange import post_bytes
from mooring.bench.load import Fleet, Order, Run, new_event_loop
from mooring.bench.loops import NOT_SENT
from mooring.bench.report import figures
from mooring.target import parse_target
from tests.support.answering import Answering, Reply

pytestmark = pytest.mark.wire


def drive(url: str, connections: int, *, timeout_s: float = 30.0, **order: float) -> Run:
    """One run, numbered bodies."""
    target = parse_target(url)
    requests = [post_bytes(target, b'{"n": %d}' % number) for number in range(50)]

    async def run() -> Run:
        async with Fleet(target, connections, timeout_s) as fleet:
            return await fleet.drive(Order(requests, seed=1, **order))  # type: ignore[arg-type]

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(run())


def test_every_arrival_is_sent_once_in_order_of_the_bodies() -> None:
    """60 of them: the first ten come again."""
    with Answering(lambda _number, _body: Reply({})) as server:
        run = drive(server.url, 8, rate=400, count=60)
        assert sorted(body["n"] for body in server.bodies) == sorted([*range(50), *range(10)])
    result = figures(run)
    assert (result["statuses"], result["asked"], result["cut_short"]) == ({"200": 60}, 60, False)
    assert "open_loop" in result


def test_a_run_by_time_lasts_that_long() -> None:
    """Also when the last arrival comes early."""
    with Answering(lambda _number, _body: Reply({})) as server:
        run = drive(server.url, 2, rate=8, seconds=0.5)
    assert 0.5 <= run.seconds < 2
    assert run.tally.done == run.asked <= 12
    assert run.arrived_per_second == run.asked / 0.5


def test_a_stall_is_in_the_latency_of_all_who_came_meanwhile() -> None:
    """Coordinated omission: one connection, and a server that stops for a while after its tenth answer.

    A closed loop has one slow request. Here those that came during the stall waited too, and it is said why.
    """

    def stall(number: int, _body: object) -> Reply:
        if number == 10:
            time.sleep(0.5)
        return Reply({})

    with Answering(stall) as server:
        run = drive(server.url, 1, rate=100, count=60)
    result = figures(run)
    slow = sum(count for seconds, count in run.tally.latency.values() if seconds > 0.1)
    alone = sum(count for seconds, count in run.tally.service.values() if seconds > 0.4) if run.tally.service else 0
    assert (slow > 20, alone) == (True, 1)
    assert result["latency_ms"]["p50"] > 5 * result["open_loop"]["service_ms"]["p50"]
    assert "found all 1 connections busy" in result["client"]["limits"]["connections"]


def test_a_request_without_a_free_connection_is_lost_in_the_end() -> None:
    """The server holds the only connection; those behind it are not sent for ever after."""
    hold = threading.Event()

    def reply(number: int, _body: object) -> Reply:
        if number == 0:
            hold.wait(30)
        return Reply({})

    with Answering(reply) as server:
        result = figures(drive(server.url, 1, rate=300, count=30, timeout_s=0.4))
        hold.set()
    assert result["requests"] == 30
    assert result["errors"]["timeout"] == 1
    assert result["errors"][NOT_SENT] > 5


def test_waiting_for_the_last_answers_costs_nothing() -> None:
    """The time is over, the alarm has nothing to ring for: an answer that takes long is not waited for by turning."""

    def slow(_number: int, _body: object) -> Reply:
        time.sleep(0.7)
        return Reply({})

    with Answering(slow) as server:
        run = drive(server.url, 2, rate=40, seconds=0.1)
    assert run.tally.done > 0
    assert run.seconds > 0.7
    assert run.cpu_seconds < 0.4 * run.seconds


def test_a_server_that_goes_away_ends_the_run() -> None:
    """And that is said: the figures are of less than was ordered."""
    with Answering(lambda _number, _body: Reply(drop=True)) as server:
        run = drive(server.url, 2, rate=200, seconds=30.0)
    assert run.seconds < 10
    assert figures(run)["cut_short"]


def test_an_alarm_rings_when_it_was_set_to() -> None:
    """Once, and the later setting counts. How close to it depends on the machine; never before."""

    async def ring() -> tuple[list[float], float]:
        rung: list[float] = []
        first = asyncio.Event()

        def note() -> None:
            rung.append(time.perf_counter())
            first.set()

        alarm = Alarm(note)
        alarm.set(time.perf_counter() + 30)
        at = time.perf_counter() + 0.0305
        alarm.set(at)
        await first.wait()
        await asyncio.sleep(0.01)
        alarm.close()
        return rung, at

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        rung, at = runner.run(ring())
    assert len(rung) == 1
    assert rung[0] >= at - 1e-4
