"""Measure a running server with wrk, which uses less CPU time than `moor bench`.

    apt-get install wrk
    python scripts/bench_http.py http://127.0.0.1:8080 --file dev-v1.1.json --clients 16 --seconds 20

wrk runs a closed loop, as `moor bench` does, but for a time and not for a number of requests. Figures have the same
names. Latencies include responses with error statuses. Unix only.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mooring.client import Client, encode
from mooring.errors import MooringError
from mooring.quality.squad import read_squad
from mooring.target import Target, parse_target

LUA = """
local requests, at = {}, 0
local threads = 0
function setup(thread) thread:set("offset", threads); threads = threads + 1 end
function init(args)
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json"
  for line in io.lines(os.getenv("BENCH_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", wrk.path, wrk.headers, line)
  end
  at = math.floor(#requests * offset / tonumber(os.getenv("BENCH_THREADS")))
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    '\\nBENCH {"requests":%d,"us":%d,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,' ..
    '"mean":%f,"p50":%f,"p90":%f,"p99":%f,"max":%f}\\n',
    summary.requests, summary.duration, e.status, e.connect, e.read, e.write, e.timeout,
    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
"""
"""Requests are formatted once, in `init`; each call only picks the next."""

NAMES = {
    "status": "status above 399",
    "connect": "connection refused",
    "read": "connection closed",
    "write": "write failed",
    "timeout": "timeout",
}


def run_wrk(target: Target, bodies: list[bytes], options: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Run wrk once. Returns its figures, with its CPU seconds in "cpu"."""
    with tempfile.TemporaryDirectory() as folder:
        lines, script = Path(folder, "bodies"), Path(folder, "bench.lua")
        lines.write_bytes(b"\n".join(bodies) + b"\n")
        script.write_text(LUA)
        command = ["wrk", "-t", str(options.threads), "-c", str(options.clients), "-d", f"{seconds:g}s"]
        command += ["--timeout", f"{options.timeout:g}s", "-s", str(script), target.url]
        environment = {**os.environ, "BENCH_BODIES": str(lines), "BENCH_THREADS": str(options.threads)}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = [line for line in done.stdout.splitlines() if line.startswith("BENCH ")]
    if done.returncode or not found:
        sys.exit(f"wrk failed: {(done.stderr or done.stdout).strip()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(found[0].removeprefix("BENCH ")), "cpu": cpu}


def figures(raw: dict[str, Any]) -> dict[str, Any]:
    """wrk's figures (in µs) under the names of `moor bench --json`."""
    seconds = raw["us"] / 1e6
    return {
        "requests": raw["requests"],
        "seconds": round(seconds, 4),
        "per_second": round((raw["requests"] - raw["status"]) / seconds, 2),
        "latency_ms": {name: round(raw[name] / 1000, 3) for name in ("mean", "p50", "p90", "p99", "max")},
        "errors": {words: raw[name] for name, words in NAMES.items() if raw[name]},
        "client": {
            "name": "wrk",
            "cpu_seconds": round(raw["cpu"], 4),
            "cpu_share_of_one_core": round(raw["cpu"] / seconds, 4),
        },
    }


def main() -> None:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--file", type=Path, required=True, help="SQuAD JSON with the questions")
    parser.add_argument("--clients", type=int, default=8, help="number of connections")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of wrk; one is enough for thousands of requests per second"
    )
    parser.add_argument("--seconds", type=float, default=20, help="length of the measurement")
    parser.add_argument("--warmup", type=float, default=2, help="seconds of warm-up")
    parser.add_argument("--timeout", type=float, default=120, help="timeout of a request, in seconds")
    parser.add_argument("--seed", type=int, default=0, help="random seed for the order of questions")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed. Install it: apt-get install wrk (Debian, Ubuntu), brew install wrk (macOS)")
    try:
        target = parse_target(options.url)
        questions = read_squad(options.file, labelled=False)
        with Client(options.url) as client:
            served = client.info()
    except MooringError as error:
        sys.exit(str(error))
    # json.dumps escapes line breaks, so each body is one line.
    order = random.Random(options.seed).sample(questions, len(questions))
    bodies = [encode({"question": one.question, "context": one.context}) for one in order]
    if options.warmup:
        run_wrk(target, bodies, options, options.warmup)
    result = figures(run_wrk(target, bodies, options, options.seconds))
    head = {"url": target.url, "clients": options.clients, "file": options.file.name, "seed": options.seed}
    if options.json:
        print(json.dumps({**head, **result, "server": served}, indent=2))
        return
    latency, client = result["latency_ms"], result["client"]
    print(f"requests/s  {result['per_second']:.1f}  ({result['requests']:,} in {result['seconds']:.1f} s)")
    print(
        "latency     "
        + "   ".join(f"{name} {latency[name]:.1f}" for name in ("p50", "p90", "p99", "max", "mean"))
        + " ms"
    )
    print(f"errors      {result['errors'] or 'none'}")
    share = 100 * client["cpu_share_of_one_core"]
    print(f"client      wrk, {client['cpu_seconds']:.2f} s of CPU, {share:.1f} % of one core")


if __name__ == "__main__":
    main()
