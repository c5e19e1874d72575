"""Compare Mooring with its peers on this machine: `make bench-peers`, or

    python -m bench.peers --squad FOLDER --distilbert FOLDER [--quick] [--trial] [--peers NAME …] [--models NAME …]

NAME is a configuration (stock-int8-2x1), a product with a precision (stock-int8) or a product (stock). Each round
starts, loads (with `moor bench`) and stops every configuration once, A, B, C, A, B, C, so that drift affects all alike.
Results are stored in docs/benchmarks.json; with --trial they are only printed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import distilbert, measure, page
from bench.peers import products
from bench.peers.running import PeerFailed, Running, adopt_orphans, running
from bench.processes import load
from mooring.backends.cpu import has_int8

WARM_S = 4.0
SHARES = (50, 80, 95)
ARRIVALS = 100
"""Minimum number of requests of an open loop, which lasts between seconds / 2 and 3 x seconds."""


def main() -> None:
    """Run the comparison and store its results."""
    options = arguments()
    wanted = [
        peer
        for name, peer in products.ALL.items()
        if any(f"{name}-".startswith(f"{one}-") for one in options.peers or products.ALL)
    ]
    here = {name for name in ("stock", "fastapi") if products.environment(name)} | {"mooring"}
    peers = [peer for peer in wanted if peer.product in here]
    if "stock" not in here or not peers:
        sys.exit(f"Nothing to compare: --peers {options.peers or 'all'} selects {peers}. ONNX models need `stock`.")
    adopt_orphans()
    rows: dict[str, dict[str, Any]] = {}
    for name in options.models or (["distilbert"] if options.quick else ["distilbert", "minilm"]):
        models = _models(name, options.squad, options.distilbert)
        rows[name] = _closed(peers, models, options)
        _open([peer for peer in peers if peer.name in rows[name]], models, rows[name], options)
        print(json.dumps(rows[name]), flush=True)
    if not options.trial:
        keep(rows)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path, required=True, help="folder with the SQuAD files of bench.measure")
    parser.add_argument("--distilbert", type=Path, required=True, help="folder with DistilBERT's config and tokenizer")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help=f"peers to run, out of {', '.join(products.ALL)}")
    parser.add_argument("--models", nargs="+", choices=("distilbert", "minilm"))
    parser.add_argument("--rounds", type=int, default=2, help="number of rounds  [default: 2]")
    parser.add_argument("--seconds", type=float, default=8.0, help="duration of each closed loop  [default: 8]")
    parser.add_argument("--quick", action="store_true", help="DistilBERT only")
    parser.add_argument("--trial", action="store_true", help="print the results without changing docs/")
    return parser.parse_args()


def _models(name: str, squad: Path, source: Path) -> products.Models:
    if name == "minilm":
        folder = measure.ROOT / "models" / "minilm-squad"
        ours = measure.ROOT / "src" / "mooring" / "_embedded" / "minilm-squad"
    else:
        folder, ours = distilbert.models(source, squad, measure.WORK)
    onnx = products.PEERS / f"onnx-{name}"
    if not (onnx / "tokenizer.json").is_file():  # written last
        onnx.mkdir(parents=True, exist_ok=True)
        python = products.PEERS / "stock" / "bin" / "python"
        subprocess.run([str(python), str(products.SERVICES / "export.py"), str(folder), str(onnx)], check=True)
    return products.Models(folder, onnx, ours)


def _closed(
    peers: list[products.Peer], models: products.Models, options: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Startup, memory, and closed loops with 1 and 8 clients. A peer that fails once is skipped, with a message."""
    rows: dict[str, dict[str, Any]] = {}
    run, failed = time.strftime("%Y-%m-%d %H:%M", time.gmtime()), set()
    for turn in range(options.rounds):
        for peer in peers:
            if peer.name in failed:
                continue
            print(f"round {turn + 1}: {peer.name} …", flush=True)
            row = rows.setdefault(
                peer.name,
                {"product": peer.product, "precision": peer.precision, "run": run}
                | {"start_s": [], "memory": [], "closed": {"1": [], "8": []}},
            )
            try:
                with running(peer, models) as found:
                    _warm(found, options, turn)
                    row["start_s"].append(round(found.first_answer_s, 3))
                    for clients, runs in row["closed"].items():
                        runs.append(_asked(found, options, 1 + turn, clients=int(clients), duration=options.seconds))
                    row["memory"].append(found.memory_bytes())
            except PeerFailed as error:
                print(f"Skipping {peer.name}: {error}", file=sys.stderr, flush=True)
                failed.add(peer.name)
                del rows[peer.name]
    return rows


def _open(
    peers: list[products.Peer], models: products.Models, rows: dict[str, dict[str, Any]], options: argparse.Namespace
) -> None:
    """Poisson arrivals at shares of each configuration's own best rate; only the fastest one of each product."""
    best = {name: max(page.middle(runs, "per_second") for runs in row["closed"].values()) for name, row in rows.items()}
    for product in {peer.product: None for peer in peers}:
        peer = max((one for one in peers if one.product == product), key=lambda one: best[one.name])
        print(f"open loop: {peer.name} …", flush=True)
        try:
            with running(peer, models) as found:
                _warm(found, options, 101)
                for share in SHARES:
                    rate = best[peer.name] * share / 100
                    seconds = min(max(ARRIVALS / rate, options.seconds / 2), 3 * options.seconds)
                    run = _asked(found, options, 102, rate=rate, duration=seconds, timeout=30) | {"rate": rate}
                    rows[peer.name].setdefault("open", {})[str(share)] = [run]
        except PeerFailed as error:
            print(f"No open loop for {peer.name}: {error}", file=sys.stderr, flush=True)


def _warm(found: Running, options: argparse.Namespace, seed: int) -> None:
    """Send load for some seconds. Mooring also warms shapes afterwards, while idle."""
    _asked(found, options, 1_000 + seed, clients=8, duration=WARM_S)
    found.until_warm()


def _asked(found: Running, options: argparse.Namespace, seed: int, **flags: float) -> dict[str, Any]:
    """Results of `moor bench`."""
    seen = load(found.url, options.squad / "dev-v1.1.json", seed=seed, **flags)
    if seen["latency_ms"] is None:
        raise PeerFailed(f"no successful response: {seen['errors']} {seen['messages']}")
    return {
        **{key: seen[key] for key in ("per_second", "requests")},
        **{key: seen["latency_ms"][key] for key in ("p50", "p90", "p99")},
        "errors": seen["asked"] - seen["statuses"]["200"],
        "client_cpu": seen["client"]["cpu_share_of_one_core"],
    }


def keep(rows: dict[str, dict[str, Any]]) -> None:
    """Merge results with those of other models and configurations. CPUs without int8 dot products have another part."""
    part = "peers" if has_int8() else "peers-avx2"
    kept = json.loads(measure.FIGURES.read_text(encoding="utf-8")).get(part, {}).get("figures", {})
    for model, found in rows.items():
        kept.setdefault("models", {}).setdefault(model, {}).update(found)
    measure.keep(part, kept)


if __name__ == "__main__":
    main()
