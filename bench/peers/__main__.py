"""Mooring and its peers side by side on this machine: `make bench-peers`, or

    python -m bench.peers --squad FOLDER --distilbert FOLDER [--quick] [--peers NAME …] [--rounds 3] [--seconds 10]

Names are configurations (stock-bf16-2x1), products with a precision (stock-bf16) or products (stock). Figures go into
docs/benchmarks.json, beside those of other models and phases; with --trial into .work/peers instead. A CPU without int8
dot products has a part of its own there.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import measure, page_peers
from bench.peers import plots, prepare, setup, turns
from bench.peers.catalogue import ABSENT, PEERS, QUICK, USUAL, chosen
from bench.peers.peer import Peer
from bench.peers.processes import adopt_orphans
from mooring.backends.cpu import has_int8
from mooring.web.pages import versions

PHASES = {"agreement": turns.agreement, "closed": turns.closed_loops, "open": turns.open_loops}
TRIAL = setup.PEERS / "trial.json"


def main() -> None:
    """Arguments in, figures kept."""
    options = arguments()
    peers, absent = available(options.peers or list(QUICK if options.quick else USUAL))
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk (Debian, Ubuntu)")
    cores = sorted(options.cores)
    os.sched_setaffinity(0, cores)  # what is started from here inherits it, wrk too
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    adopt_orphans()
    plan = turns.Plan(
        squad=options.squad,
        cores=len(cores),
        rounds=options.rounds or (2 if options.quick else 3),
        seconds=options.seconds or (5 if options.quick else 10),
        clients=(1, 8) if options.quick else (1, 8, 16),
        agreement=200,
        arrivals=100 if options.quick else 300,
    )
    names = options.models or (["distilbert"] if options.quick else ["distilbert", "minilm"])
    phases = options.phases or (["closed", "open"] if options.quick else list(PHASES))
    began, clock = time.monotonic(), time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    for model in prepare.models(options.squad, options.distilbert, names).values():
        record = turns.Record({}, {})
        for phase in phases:
            if phase == "agreement" and model.name != "minilm":
                continue  # random weights have near ties only
            PHASES[phase](peers, model, plan, record)
            context = about(plan, cores, peers, absent) | {"began": clock}
            keep(model.name, phase, context, record, trial=options.trial)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes", flush=True)


def arguments() -> argparse.Namespace:
    """What the user wants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--squad", type=Path, required=True, help="folder with dev-v1.1.json and train-44-articles.json"
    )
    parser.add_argument("--distilbert", type=Path, required=True, help="folder with config and tokenizer of DistilBERT")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help=f"of: {', '.join(PEERS)}")
    parser.add_argument("--models", nargs="+", choices=("distilbert", "minilm"))
    parser.add_argument("--phases", nargs="+", choices=tuple(PHASES))
    parser.add_argument("--rounds", type=int, help="of turns  [default: 3; quick: 2]")
    parser.add_argument("--seconds", type=float, help="of each closed loop  [default: 10; quick: 5]")
    parser.add_argument("--quick", action="store_true", help="the most important comparisons, in a quarter of an hour")
    parser.add_argument("--trial", action="store_true", help="leave docs/ alone: the machine is not quiet")
    parser.add_argument(
        "--cores",
        type=lambda text: {int(part) for part in text.split(",")},
        default=os.sched_getaffinity(0),
        help="as in 0,1: for servers and client alike  [default: all]",
    )
    return parser.parse_args()


def available(names: list[str]) -> tuple[list[Peer], dict[str, str]]:
    """Those that can be started, and the others with the reason."""
    try:
        wanted = chosen(names)
    except KeyError as error:
        sys.exit(f"There is no peer {error}. There are: {', '.join(PEERS)}.")
    absent = dict(ABSENT)
    for peer in wanted:
        if peer.environment and (reason := setup.missing(peer.environment)):
            absent[peer.product] = reason
    return [peer for peer in wanted if peer.product not in absent], absent


def about(plan: turns.Plan, cores: list[int], peers: list[Peer], absent: dict[str, str]) -> dict[str, Any]:
    """Versions, CPU and how it was measured: what makes the figures mean something."""
    environments = sorted({peer.environment for peer in peers if peer.environment})
    programs = {"java": ["java", "-version"], "wrk": ["wrk", "-v"], "nginx": ["nginx", "-v"]}
    return {
        "cores": cores,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "absent": absent,
        "kernel": platform.release(),
        "versions": {name: setup.versions(name) for name in environments} | {"mooring": versions()},
        "programs": {name: first_line(command) for name, command in programs.items() if shutil.which(command[0])},
    }


def first_line(command: list[str]) -> str:
    """Of what a program says of itself, on whichever stream."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def keep(model: str, phase: str, context: dict[str, Any], record: turns.Record, *, trial: bool) -> None:
    """Put figures among those that there are: a phase's new ones replace its old ones, peer by peer."""
    part = "peers" if has_int8() else "peers-avx2"
    file = TRIAL if trial else measure.FIGURES
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    kept = found.get(part, {}).get("figures", {})
    merged = kept.setdefault("models", {}).setdefault(model, {})
    for name, figures in record.figures.items():
        merged[name] = put_together(merged.get(name, {}), figures, context["began"])
    if phase == "closed":
        kept.get("remarks", {}).pop(model, None)  # what somebody had to say of the figures that were there before
    kept.setdefault("failed", {})[model] = {**kept.get("failed", {}).get(model, {}), **record.failed}
    for name in record.figures:
        kept["failed"][model].pop(name, None)
    kept.setdefault("about", {})[f"{model} {phase}"] = context
    if trial:
        file.write_text(json.dumps({part: {"figures": kept}}, indent=1) + "\n", encoding="utf-8")
        file.with_suffix(".md").write_text(page_peers.section(kept, part) + "\n", encoding="utf-8")
        plots.plot(kept, file.parent, part)
    else:
        plots.plot(kept, measure.ROOT / "docs", part)
        measure.keep(part, kept)


def put_together(old: dict[str, Any], new: dict[str, Any], began: str) -> dict[str, Any]:
    """A configuration's figures of several phases. Loads were shares of a closed loop's rate, and go when it does."""
    if "closed" not in new:
        return {**old, **new}
    return {**{key: value for key, value in old.items() if key != "open"}, **new, "run": began}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped. What had been measured in whole phases is kept.")
