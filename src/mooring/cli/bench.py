"""`moor bench URL`: measure the throughput and latency of a running server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.bench_flags import WarmUp, refuse_contradictions, wish_from
from mooring.cli.bench_output import head, line, load_bar
from mooring.cli.border import FAILED, INTERRUPTED
from mooring.cli.facts import of_model, served_line
from mooring.cli.opening import cut_short, warn
from mooring.cli.options import setting_options
from mooring.cli.streams import write_json

if TYPE_CHECKING:
    from mooring.bench.bodies import Wish
    from mooring.bench.session import Measured, Plan, Session, Step
    from mooring.bench.sweep import Sweep
    from mooring.target import Target

CLIENTS, CONNECTIONS, REQUESTS, SWEEP_SECONDS = 8, 256, 1000, 5.0


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go."""

    as_json: bool
    report: Path | None


@click.command("bench", short_help="Measure a running server under load.")
@click.argument("url")
@click.option("--clients", type=click.IntRange(1, 4096), metavar="N", help="Concurrent clients.  [default: 8]")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1e6, min_open=True),
    metavar="R",
    help="Mean request rate, in requests per second, instead of --clients. Requests are sent at random times, without "
    "waiting for answers.",
)
@click.option(
    "--connections", type=click.IntRange(1, 4096), metavar="N", help="Maximum connections, with a rate.  [default: 256]"
)
@click.option("--requests", type=click.IntRange(min=1), metavar="M", help="Total requests.  [default: 1000]")
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Stop after this many seconds, instead of or in addition to --requests.",
)
@click.option(
    "--sweep",
    multiple=True,
    metavar="WHAT",
    help="Measure a series of loads: clients (1, 2, 4 … 256), clients:1,8,64, rates (10 to 110 % of the best "
    "throughput) or rates:20,50. Repeat for both. Each step lasts --duration seconds, 5 by default.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="SQuAD JSON, labeled examples, or one JSON request per line (.jsonl).  [default: one short example]",
)
@click.option(
    "--lengths",
    metavar="WORDS",
    help="Length of generated texts, in words: 120, uniform:50-400 or lognormal:120,0.6. Sentences come from --file "
    "(SQuAD JSON or .txt) or a built-in text.",
)
@click.option("--seed", type=int, default=0, help="Random seed for order, lengths and arrival times.  [default: 0]")
@click.option(
    "--warm-up",
    "--warmup",
    "warm_up",
    type=WarmUp(),
    metavar="N|Ns",
    help="Warm-up before the measurement, in requests or seconds (5s).  [default: 4 per client; 2s with a rate]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    default=120.0,
    help="Timeout of a request.  [default: 120]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="HTML report to write, with charts if matplotlib is installed.",
)
@setting_options()
@click.pass_context
def command(ctx: click.Context, /, url: str, as_json: bool, report: Path | None, **flags: Any) -> None:
    """Measure the throughput and latency of the server at URL.

    Each client sends its next request as soon as it has an answer. With --rate, requests are sent at a fixed mean rate.

    \b
    moor bench http://127.0.0.1:8080 --clients 8 --requests 2000 --file dev-v1.1.json
    moor bench http://127.0.0.1:8080 --rate 50 --duration 60 --lengths lognormal:120,0.6
    moor bench http://127.0.0.1:8080 --sweep clients --sweep rates --report bench.html
    """
    from mooring.bench.bodies import wish_of
    from mooring.bench.session import Session, plan_json
    from mooring.bench.sweep import parse_sweep
    from mooring.client import Client
    from mooring.target import parse_target

    refuse_contradictions(flags)
    target, sweeps, wish = parse_target(url), [parse_sweep(text) for text in flags["sweep"]], wish_from(flags)
    if report:
        _writable(report)
    with Client(url) as client:
        served = dict(of_model(client.info(), target.model))
    plan = _plan(target, flags, wish_of(served, wish))
    steps = _Steps(Session(plan), plan, Output(as_json, report), served_line({"url": target.url, **served}))
    document = plan_json(plan, flags["file"].name if flags["file"] else None)
    if sweeps:
        document |= steps.sweep(sweeps, flags)
    else:
        document |= steps.once(_step(flags))
    _finish(ctx, document | {"server": served}, steps.output)


def _plan(target: "Target", flags: dict[str, Any], wish: "Wish") -> "Plan":
    from mooring.bench.bodies import MOST_MADE, make_bodies
    from mooring.bench.session import Amount, Plan

    if flags["requests"] is None and flags["duration"] is None:
        amount = Amount(seconds=SWEEP_SECONDS) if flags["sweep"] else Amount(requests=REQUESTS)
    else:
        amount = Amount(flags["requests"], flags["duration"])
    count = amount.requests + 4 * (flags["clients"] or CLIENTS) if amount.requests and not flags["sweep"] else MOST_MADE
    bodies = make_bodies(target, wish, count)
    return Plan(target, bodies, bodies.groups(), amount, flags["warm_up"], flags["timeout"], flags["seed"])


def _step(flags: dict[str, Any]) -> "Step":
    from mooring.bench.session import Step

    rate = flags["rate"]
    return Step(flags["clients"] or CLIENTS) if rate is None else Step(flags["connections"] or CONNECTIONS, rate)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Runs the steps and prints each result as soon as it is there."""

    session: "Session"
    plan: "Plan"
    output: Output
    server: str

    def once(self, step: "Step") -> dict[str, Any]:
        """Measure one step and print all its figures."""
        from mooring.bench.report import rows
        from mooring.bench.session import repeats, step_json

        title = f"{step.rate:g} requests/s" if step.rate else f"{step.connections} clients"
        measured = self._measure(step, title)
        made = step_json(self.plan, measured)
        again = repeats(self.plan, measured.warmed + made["requests"])
        if not self.output.as_json:
            asked = [("asked", again or self.plan.bodies.source)]
            for label, value in [("server", self.server), *asked, *rows(made)]:
                click.echo(f"{label:<12}{value}")
        self._warn(made["client"])
        if made["cut_short"]:
            warn("the run ended early: every client lost its connection and gave up.")
        return made

    def sweep(self, sweeps: list["Sweep"], flags: dict[str, Any]) -> dict[str, Any]:
        """Measure every step of every sweep. Stops when one is interrupted or gets no answers."""
        from mooring.bench.session import step_json

        document: dict[str, Any] = {"sweeps": [], "interrupted": False}
        for sweep in sweeps:
            steps: list[dict[str, Any]] = []
            document["sweeps"].append({"kind": sweep.kind, "steps": steps})
            self._say("", f"server      {self.server}" if sweep is sweeps[0] else "", head(sweep.kind))
            try:
                for step in self._steps_of(sweep, document, flags["connections"] or CONNECTIONS):
                    steps.append(step_json(self.plan, self._measure(step, _title(sweep.kind, step))))
                    self._say(line(sweep.kind, steps[-1]))
                    document["interrupted"] = steps[-1]["interrupted"]
                    if steps[-1]["interrupted"] or steps[-1]["latency_ms"] is None:
                        break
            except KeyboardInterrupt:
                document["interrupted"] = True
            if document["interrupted"] or not steps or steps[-1]["latency_ms"] is None:
                break
        return document

    def _steps_of(self, sweep: "Sweep", document: dict[str, Any], connections: int) -> Iterator["Step"]:
        from mooring.bench.session import Step
        from mooring.bench.sweep import rates_of

        if sweep.kind == "clients":
            yield from (Step(int(value)) for value in sweep.values)
            return
        values = sweep.values
        if not values:
            known = [step["per_second"] for done in document["sweeps"] for step in done["steps"]]
            values = rates_of(max(known) if known else self._best())
        yield from (Step(connections, rate) for rate in values)

    def _best(self) -> float:
        """The best throughput, measured if no sweep over clients has found it."""
        from mooring.bench.report import figures
        from mooring.bench.session import Step

        measured = self._measure(Step(32), "the best throughput")
        return float(figures(measured.run)["per_second"]) or 1.0

    def _measure(self, step: "Step", title: str) -> "Measured":
        with load_bar(title, self.plan.amount) as show:
            return self.session.measure(step, show)

    def _say(self, *lines: str) -> None:
        if not self.output.as_json:
            for text in lines:
                if text:
                    click.echo(text)

    def _warn(self, client: Mapping[str, Any]) -> None:
        from mooring.bench.report import CLIENT_SHARE_WARNING

        warn(*client["limits"].values())
        much = client["cpu_share_of_one_core"] > CLIENT_SHARE_WARNING and "cpu" not in client["limits"]
        if much and self.plan.target.is_local:
            warn("the client's CPU use affects these figures; scripts/bench_http.py uses wrk, which needs less CPU.")


def _title(kind: str, step: "Step") -> str:
    return f"{step.connections} clients" if kind == "clients" else f"{step.rate:g} requests/s"


def _writable(report: Path) -> None:
    """Raise OSError before minutes are spent on measuring."""
    with report.open("a", encoding="utf-8"):
        pass


def _finish(ctx: click.Context, document: dict[str, Any], output: Output) -> None:
    from mooring.bench.session import machine

    document |= {"client_machine": machine(), "measured": datetime.now(UTC).isoformat(timespec="seconds")}
    if output.report:
        from mooring.bench.page import render
        from mooring.charts import missing

        output.report.write_text(render(document), encoding="utf-8")
        if command := missing():
            warn(f"the report has no charts, because matplotlib is not installed. Install it: {command}")
        click.echo(f"report      {output.report}", err=output.as_json)
    if output.as_json:
        write_json(document, indent=2)
    steps = [step for sweep in document.get("sweeps", ()) for step in sweep["steps"]] or [document]
    failed = steps[-1].get("latency_ms") is None
    if document["interrupted"]:
        cut_short()
    if document["interrupted"] or failed:
        ctx.exit(INTERRUPTED if document["interrupted"] else FAILED)
