"""Figures in, docs/benchmarks.md out: tables between the words that say what they mean. Called by `measure.py`."""

import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import page_container, page_engine, page_growth, page_peers
from bench.page_container import table
from bench.parts import less_work

MEGABYTE = 1_000_000


def write(kept: dict[str, Any], target: Path) -> None:
    """The page, from whatever parts there are."""
    machines = sorted({part["machine"] for part in kept.values()}, key=lambda one: (_days(kept, one)[0], one))
    names = dict(zip(machines, string.ascii_uppercase, strict=False))
    said = "\n".join(f"- machine {names[one]}, {' and '.join(_days(kept, one))}: {one}" for one in machines)
    sections = [_section(name, kept[name], names) for name in SECTIONS if name in kept]
    target.write_text("\n\n".join([HEAD, said, *sections]) + "\n", encoding="utf-8")


def _days(kept: dict[str, Any], machine: str) -> list[str]:
    return sorted({part["day"] for part in kept.values() if part["machine"] == machine})


def _section(name: str, part: dict[str, Any], names: Mapping[str, str]) -> str:
    """The part's text; where there are several machines, with the one that it was measured on below its heading."""
    text = SECTIONS[name](part["figures"])
    if len(names) == 1:
        return text
    where = f"*Machine {names[part['machine']]}, {part['day']}.*"
    if not text.startswith("#"):
        return f"{text} {where}"
    heading, _, rest = text.partition("\n")
    return f"{heading}\n{where}\n\n{rest.lstrip()}"


HEAD = """# Benchmarks
<!-- Written by bench/measure.py from docs/benchmarks.json; run `make bench` instead of changing figures. -->

Everything here was measured by one command on one small machine, which is shared with others and therefore noisy:
figures are medians of several runs, and what is compared was measured by turns.

```
make bench SQUAD_DIR=FOLDER DISTILBERT_DIR=FOLDER
make bench-image soak SQUAD_DIR=FOLDER      # what needs a container engine
```

`SQUAD_DIR` holds `dev-v1.1.json` and `train-44-articles.json` (SQuAD 1.1's dev set, and 44 articles of its training set);
`DISTILBERT_DIR` holds config and tokenizer of `distilbert-base-uncased`. Questions are SQuAD dev's, in random order.

**DistilBERT here has random weights from a seed: speed only.** Its int8 is ungated (`--no-gate`), since answers of random
weights have no accuracy to lose. The embedded MiniLM has real weights, and its int8 has passed its gate.

Where a machine's line names `ONEDNN_MAX_CPU_ISA`, the CPU has more instructions than it was allowed to show: they were hidden
from OpenVINO by this variable and from Mooring by a /proc/cpuinfo without them, mounted over the real one.

Measured on:"""


def _accuracy(rows: list[dict[str, Any]]) -> str:
    cells = [
        (row["precision"], f"{row['exact_match']:.2f}", f"{row['f1']:.2f}", f"{row['per_second']:.0f}") for row in rows
    ]
    text = f"""## Accuracy of the embedded model
All {rows[0]["questions"]:,} questions of SQuAD 1.1 dev, exact match and F1 as the official script computes them. fp32 and bf16 are
computed from the fp16 weights in `models/minilm-squad`; int8 is the artefact in the package, calibrated on training questions.
`moor eval dev-v1.1.json` (and `--model models/minilm-squad --precision fp32`) shows each.
"""
    return text + "\n" + table(("precision", "exact match", "F1", "questions/s, in process"), cells)


def _batches(rows: list[dict[str, Any]]) -> str:
    cells = [(row["precision"], f"{row['same']:,} of {row['questions']:,}") for row in rows]
    text = """## Answers alone and in a batch
How many of the questions get the same span by themselves and in batches with others of all lengths. In fp32 and in int8 (whose
products are added up in whole numbers, with fp32 in between) only ties could differ; in bf16 rounding could, too.
"""
    return text + "\n" + table(("precision", "same span"), cells)


def _loading(rows: list[dict[str, Any]]) -> str:
    cells = [
        (
            row["model"],
            f"{row['seconds']:.2f}",
            *(f"{row[key] / MEGABYTE:,.0f}" for key in ("peak", "resident", "warm")),
        )
        for row in rows
    ]
    text = """## Memory at load
Each file is read once, and no file is mapped. Peak is the most resident memory of the process until the model is compiled (the
kernel's `VmHWM`, also in `/info`); warm is the proportional set size when every shape has been computed once.
"""
    head = ("model", "s to load", "peak MB", "resident MB after loading", "MB when warm")
    return text + "\n" + table(head, cells)


def _use(rows: list[dict[str, Any]]) -> str:
    cells = [
        (
            row["start"],
            f"{row['seconds']:.2f}",
            *(f"{row[key] / MEGABYTE:,.0f}" for key in ("ready", "peak", "used", "idle")),
            f"{row['per_second']:.0f}",
        )
        for row in rows
    ]
    text = f"""## Memory of a new server
`moor serve`, embedded model, {rows[0]["questions"]} questions of SQuAD dev by 8 clients as soon as it is ready, medians of {rows[0]["starts"]} starts: resident
memory (`VmRSS`) when ready, at most (`VmHWM`), after the questions, and when every shape has been warmed. A first start compiles
the model and keeps that for the next.
"""
    head = (
        "start",
        "s to ready",
        "MB when ready",
        "MB at most",
        "MB after the questions",
        "MB when warm",
        "requests/s",
    )
    return text + "\n" + table(head, cells)


def _growth(found: dict[str, Any]) -> str:
    grown = 100 * (found["after_5500"] / found["after_500"] - 1)
    return f"""## Memory under use
Embedded model, 8 clients, contexts of 1 to 600 words, every length equally likely: {found["warm"] / MEGABYTE:.0f} MB when warm,
{found["after_500"] / MEGABYTE:.0f} MB after 500 requests, {found["after_5500"] / MEGABYTE:.0f} MB after 5,500: **{grown:+.1f} %** over 5,000 requests."""


def _share(found: dict[str, Any]) -> str:
    latency = found["latency_ms"]
    return f"""## Through HTTP and in process
Embedded model, {found["requests"]:,} questions, by turns: `moor eval` computes them in process (tokenise, batches, decode) at
{found["in_process"]:.1f} a second, `moor bench` with {found["clients"]} clients through HTTP at {found["http"]:.1f}: **{100 * found["share"]:.1f} %** of it, with the client on the same
cores (it took {100 * found["client_cpu_of_one_core"]:.1f} % of one). Latency: p50 {latency["p50"]:.0f} ms, p99 {latency["p99"]:.0f} ms."""


def _throughput(rows: list[dict[str, Any]]) -> str:
    cells = [
        (
            row["model"],
            row["clients"],
            f"{row['per_second']:.1f}",
            *(f"{row[key]:.1f}" for key in ("p50", "p90", "p99")),
        )
        for row in rows
    ]
    head = ("model", "clients", "requests/s", "p50 ms", "p90 ms", "p99 ms")
    text = "## Requests a second\nOne process, through HTTP, client on the same cores. DistilBERT: random weights, speed only.\n"
    return text + "\n" + table(head, cells)


def _fairness(found: dict[str, Any]) -> str:
    idle, busy = found["idle"], found["busy"]
    return f"""## Behind a large request
One client asks SQuAD's questions one after the other, while a request of {found["windows"]:,} windows is being computed all the time.
Idle server: p50 {idle["p50"]:.1f} ms, p99 {idle["p99"]:.1f} ms. With the large request: p50 {busy["p50"]:.1f} ms, p99 {busy["p99"]:.1f} ms, **{busy["p99"] / idle["p99"]:.2f} times** idle."""


SECTIONS: Mapping[str, Callable[[Any], str]] = {
    "accuracy": _accuracy,
    "batches": _batches,
    **page_engine.SECTIONS,
    "loading": _loading,
    "use": _use,
    "growth": _growth,
    "share": _share,
    "throughput": _throughput,
    "fairness": _fairness,
    "less-work": less_work.page,
    **page_growth.SECTIONS,
    **page_container.SECTIONS,
    **page_peers.SECTIONS,
}
