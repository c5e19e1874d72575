"""Turns: in each round every peer is started, loaded and ended once, A, B, C, A, B, C, so that drift hits all alike."""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.peers import prepare
from bench.peers.load import closed, open_loop
from bench.peers.peer import Models, Peer
from bench.peers.processes import PeerFailed, Running, running
from mooring.bench.oneshot import info
from mooring.quality.squad import Question, f1_score

WARM_S = 4.0
SHARES = (50, 80, 95)
_SETTLE_S = 60.0
_LANES = 4
_TRIES = 2
_BODIES = 4_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    squad: Path
    cores: int
    rounds: int
    seconds: float
    clients: Sequence[int]
    agreement: int
    """Questions whose answers are compared."""
    arrivals: int
    """Requests that an open loop should have at least, in seconds / 2 to 3 × seconds."""


@dataclass
class Record:
    """What is known of one peer with one model, and why it was given up, if it was."""

    figures: dict[str, dict[str, Any]]
    failed: dict[str, str]

    def of(self, peer: Peer) -> dict[str, Any]:
        """A peer's own, made when first asked for."""
        about = {key: getattr(peer, key) for key in ("product", "precision", "layout", "settings")}
        return self.figures.setdefault(peer.name, about)


def agreement(peers: Sequence[Peer], models: Models, plan: Plan, record: Record) -> None:
    """How many spans are those of transformers' pipeline at fp32, and how good the answers are."""
    asked = prepare.questions(plan.squad, seed=0, count=plan.agreement)
    right = prepare.reference(models, asked)
    good = sum(f1_score(answer.text, question.answers) for answer, question in zip(right, asked, strict=True))
    record.figures["reference"] = {"questions": len(asked), "f1": round(100 * good / len(asked), 2)}

    def compare(peer: Peer, found: Running) -> None:
        with ThreadPoolExecutor(_LANES) as pool:
            answers = list(pool.map(lambda one: found.ask(one.question, one.context), asked))
        spans = sum(mine[1:] == theirs[1:] for mine, theirs in zip(answers, right, strict=True))
        f1 = sum(f1_score(mine.text, one.answers) for mine, one in zip(answers, asked, strict=True))
        record.of(peer)["agreement"] = {
            "questions": len(asked),
            "same": spans,
            "f1": round(100 * f1 / len(asked), 2),
        }

    _turns(peers, models, plan, record, compare, "answers")


def closed_loops(peers: Sequence[Peer], models: Models, plan: Plan, record: Record) -> None:
    """Start, memory, and a closed loop for each number of clients; `rounds` times."""
    for number in range(plan.rounds):
        bodies = prepare.questions(plan.squad, seed=1 + number, count=_BODIES)

        def measure(peer: Peer, found: Running, bodies: list[Question] = bodies) -> None:
            mine = record.of(peer)
            mine.setdefault("start_s", []).append(round(found.first_answer_s, 3))
            made = _warmed(peer, found, bodies, max(plan.clients))
            for clients in plan.clients:
                row = closed(found.target, made, clients, plan.seconds)
                if not row["requests"]:
                    raise PeerFailed(f"no answer in {plan.seconds:g} s with {clients} clients")
                _drain(found, bodies)
                mine.setdefault("closed", {}).setdefault(str(clients), []).append(row)
                print(
                    f"    {clients} clients: {row['per_second']} /s, p50 {row['p50']}, errors {row['errors']}",
                    flush=True,
                )
            mine.setdefault("memory", []).append(found.memory_bytes())

        _turns(peers, models, plan, record, measure, f"round {number + 1}")


def open_loops(peers: Sequence[Peer], models: Models, plan: Plan, record: Record) -> None:
    """p99 at shares of each one's own best closed-loop rate; only of the fastest configuration of each product."""
    fastest: dict[str, Peer] = {}
    for peer in peers:
        best = fastest.get(peer.product)
        if maximum(record.of(peer)) > (maximum(record.of(best)) if best else 0):
            fastest[peer.product] = peer
    for number in range(max(1, plan.rounds - 1)):
        bodies = prepare.questions(plan.squad, seed=101 + number, count=_BODIES)

        def measure(peer: Peer, found: Running, bodies: list[Question] = bodies) -> None:
            made = _warmed(peer, found, bodies, max(plan.clients))
            mine = record.of(peer)
            for share in SHARES:
                rate = maximum(mine) * share / 100
                seconds = min(max(plan.arrivals / rate, plan.seconds / 2), 3 * plan.seconds)
                row = open_loop(found.target, made, rate, seconds)
                mine.setdefault("open", {}).setdefault(str(share), []).append(row)
                print(f"    {share} %: {rate:.1f} /s, p99 {row['p99']}, errors {row['errors']}", flush=True)

        _turns(list(fastest.values()), models, plan, record, measure, f"load, round {number + 1}")


def maximum(figures: dict[str, Any]) -> float:
    """The best median rate over all numbers of clients; 0 if there is none."""
    rates = [median([row["per_second"] for row in rows]) for rows in figures.get("closed", {}).values()]
    return max(rates, default=0.0)


def _turns(
    peers: Sequence[Peer],
    models: Models,
    plan: Plan,
    record: Record,
    measure: Callable[[Peer, Running], None],
    what: str,
) -> None:
    """Whoever fails twice in a row is given up, and the reason kept."""
    probe = prepare.questions(plan.squad, seed=7, count=1)[0]
    for peer in peers:
        if peer.name in record.failed:
            continue
        began = time.monotonic()
        print(f"  {models.name}, {what}: {peer.name} …", flush=True)
        before = deepcopy(record.figures.get(peer.name))
        for left in reversed(range(_TRIES)):
            try:
                with running(peer, models, plan.cores, (probe.question, probe.context)) as found:
                    measure(peer, found)
                break
            except (PeerFailed, OSError) as error:
                print(f"    {'once more' if left else 'given up'}: {error}", file=sys.stderr, flush=True)
                record.figures.pop(peer.name, None)
                if left and before is not None:
                    record.figures[peer.name] = deepcopy(before)
                if not left:
                    record.failed[peer.name] = str(error)
        print(f"    {time.monotonic() - began:.0f} s", flush=True)


def _warmed(peer: Peer, found: Running, questions: list[Question], clients: int) -> list[bytes]:
    """The bodies, after some seconds of load. Of ours, that warms its shapes while nobody waits, also after that."""
    made = [peer.body(question.question, question.context) for question in questions]
    warm = closed(found.target, made[::-1], clients, WARM_S)
    if warm["errors"] or not warm["requests"]:
        raise PeerFailed(f"{warm['errors']} of {warm['requests']} requests of the warm-up failed")
    _drain(found, questions)
    late = time.monotonic() + _SETTLE_S
    while peer.product == "mooring" and time.monotonic() < late:
        if not ((info(found.target) or {}).get("engine") or {}).get("cold_shapes"):
            break
        time.sleep(0.1)
    return made


def _drain(found: Running, questions: list[Question]) -> None:
    """What wrk left behind when its time was up is computed now, not in the next run's time."""
    for question in questions[-4:]:
        found.ask(question.question, question.context)
