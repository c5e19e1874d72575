"""`moor bench URL`: a running server and questions in, requests a second and latencies out."""

import asyncio
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.cli.border import FAILED, INTERRUPTED
from mooring.cli.facts import served_line
from mooring.cli.opening import cut_short, warn
from mooring.cli.options import setting_options
from mooring.cli.progress import counting_bar
from mooring.evaluate import Question, read_squad

if TYPE_CHECKING:
    from mooring.bench.load import Run
    from mooring.bench.target import Target

SAMPLE = Question(
    id="sample",
    question="What keeps the ship from drifting away?",
    context="A ship at anchor still swings with the wind and the tide. A ship on a mooring lies to a heavy block on "
    "the sea bed, and a chain from the block to a buoy keeps the ship from drifting away.",
    answers=(),
)
"""Asked when no file is named."""


@click.command("bench", short_help="Put a running server under load.")
@click.argument("url")
@click.option("--clients", type=click.IntRange(1, 4096), metavar="N", default=8, help="At the same time.  [default: 8]")
@click.option("--requests", type=click.IntRange(min=1), metavar="M", default=1000, help="In all.  [default: 1000]")
@click.option("--file", type=click.Path(path_type=Path), help="Questions to ask, SQuAD JSON.  [default: one short one]")
@click.option("--seed", type=int, default=0, help="Of the order of the questions.  [default: 0]")
@click.option(
    "--warmup", type=click.IntRange(min=0), metavar="N", help="Requests before the clock starts.  [default: 4 a client]"
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    default=120.0,
    help="Of one request.  [default: 120]",
)
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@setting_options()
@click.pass_context
def command(ctx: click.Context, /, url: str, clients: int, requests: int, **flags: Any) -> None:
    """Send M requests to the server at URL, N at a time, each client its next as soon as it has an answer.

    moor bench http://127.0.0.1:8080 --clients 8 --requests 2000 --file dev-v1.1.json
    """
    from mooring.bench.oneshot import info
    from mooring.bench.report import CLIENT_SHARE_WARNING, as_json, figures, rows
    from mooring.bench.target import parse_target

    file: Path | None = flags["file"]
    target = parse_target(url)
    questions = read_squad(file, labelled=False) if file else [SAMPLE]
    served = info(target) or {}
    warmup = 4 * clients if flags["warmup"] is None else flags["warmup"]
    bodies = _bodies(target, questions, requests + warmup, flags["seed"])
    with counting_bar("Asking", requests) as show:
        run = _run(target, (clients, flags["timeout"]), (bodies[:warmup], bodies[warmup:]), show)
    result = figures(run)
    if flags["as_json"]:
        name = file.name if file else None
        order = {"url": target.url, "clients": clients, "warmup": warmup, "file": name, "seed": flags["seed"]}
        click.echo(json.dumps({**order, **as_json(result), "server": served}, ensure_ascii=False, indent=2))
    else:
        for label, value in [("server", served_line({"url": target.url, **served})), *rows(result)]:
            click.echo(f"{label:<12}{value}")
    if result.client_cpu_share > CLIENT_SHARE_WARNING and target.is_local:
        warn("the client's own CPU time shows in these figures; scripts/bench_http.py uses wrk, which takes less.")
    if run.interrupted:
        cut_short()
    if run.interrupted or not result.latency_ms:
        ctx.exit(INTERRUPTED if run.interrupted else FAILED)


def _bodies(target: "Target", questions: list[Question], count: int, seed: int) -> list[bytes]:
    """Whole requests, made before the clock starts; the questions in an order of chance, again and again."""
    from mooring.bench.target import body_of

    order = random.Random(seed).sample(questions, len(questions))  # noqa: S311 - an order, not a secret
    made = [target.request(body_of(question.question, question.context)) for question in order[:count]]
    return [made[place % len(made)] for place in range(count)]


def _check_answers(target: "Target", warm: "Run") -> None:
    """Raise BenchError if what comes with a 200 is not JSON: a page of some other server would be fast, too."""
    from mooring.bench.oneshot import decode

    for sample in warm.samples[:1]:
        if sample.status == 200:
            decode(target, warm.bodies[sample.place])


def _run(target: "Target", size: tuple[int, float], requests: tuple[list[bytes], list[bytes]], show: Any) -> "Run":
    from mooring.bench.load import Fleet, new_event_loop

    async def drive() -> "Run":
        async with Fleet(target, *size) as fleet:
            warm = await fleet.run(requests[0], keep=True)
            if warm.interrupted:
                raise KeyboardInterrupt
            _check_answers(target, warm)
            return await fleet.run(requests[1], tick=show)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(drive())
