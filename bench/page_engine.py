"""The page's sections on starting and on the engine's speed beside the machine's. Called by `page.py`."""

from collections.abc import Callable, Mapping
from typing import Any

from bench.page_container import table
from bench.parts.engine import GROUPS, REST
from bench.parts.start import STAGES

MEGABYTE = 1_000_000


def _start(found: list[dict[str, Any]] | dict[str, Any]) -> str:
    rows = found if isinstance(found, list) else [found]
    text = f"""## Start
`moor serve`, files in the page cache and all modules as byte code, medians of {rows[0]["starts"]} starts: seconds from the start of the process to the first 200 on `/ping` and
to the first answer, slowest in brackets; memory is the proportional set size of all processes then. The shapes that are not
warmed by then are warmed while nobody waits. A first start compiles the model and keeps that for the next.
"""
    cells = [
        (
            row.get("model", "embedded MiniLM"),
            f"{row['seconds']:.2f} ({row['slowest']:.2f})",
            f"{row['answer']:.2f} ({row['slowest_answer']:.2f})" if "answer" in row else "–",
            f"{row['pss'] / MEGABYTE:.0f}",
        )
        for row in rows
    ]
    parts = [text.rstrip(), table(("model", "s to /ping", "s to the first answer", "MB"), cells)]
    if "stages" in rows[0]:
        stages = [(name, *(f"{row['stages'][point]:.2f}" for row in rows)) for point, name in STAGES.items()]
        head = ("stage, s", *(row["model"] for row in rows))
        parts += ["Where it goes, in other starts with a stopwatch inside:", table(head, stages)]
    return "\n\n".join(parts)


def _peak(found: dict[str, Any]) -> str:
    peaks = ", ".join(f"{name} **{one['median']:,.0f}**" for name, one in found["peaks"].items())
    text = f"""## The engine beside the machine's peak
The peak is a chain of products of 1,024 × 2,048 by 2,048 × 2,048 through OpenVINO on all threads, in 10⁹ operations a second: {peaks}
(medians of {found["rounds"]} rounds, in which everything here took turns). A window of n tokens counts layers · (2 n (4 H² + 2 H I) + 4 n² H) operations, for
hidden size H and inner size I: linear layers and attention, padding not counted. *Everything* is one batch at a time on all threads; the
SQuAD rows are questions at their real lengths from text to answer, in process. An int8 model is served in {found["served"]} on this CPU.
"""
    cells = [
        (
            row["model"],
            row["precision"],
            row["case"] + (f" ({row['questions']} questions)" if row["questions"] else ""),
            f"{row['gops']['median']:,.0f} ({row['gops']['least']:,.0f} – {row['gops']['most']:,.0f})",
            f"{100 * row['share']:.0f} %",
        )
        for row in found["rows"]
    ]
    names = (*GROUPS, REST)
    profiles = [
        (row["model"], row["precision"], *(f"{100 * row['shares'][name]:.0f} %" for name in names))
        for row in found["profiles"]
    ]
    head = ("model", "precision", "case", "10⁹ operations/s (least – most)", "share of the peak")
    return "\n\n".join(
        [
            text.rstrip(),
            table(head, cells),
            "Where a batch of 8 × 128 spends its time, by OpenVINO's counters:",
            table(("model", "precision", *names), profiles),
        ]
    )


def _tried(found: dict[str, Any]) -> str:
    pages = f" Transparent huge pages of this machine: `{found['huge_pages']}`." if found["huge_pages"] else ""
    text = f"""## Tried for the engine
{found["questions"]} SQuAD questions from text to answer in process, embedded model in {found["precision"]}, {found["per_second"]:.1f} a second as it is. Each variant is a process of
its own; they take turns, and the ratio to ours is the median of {found["rounds"]} rounds, least and most in brackets: above 1 is faster than ours.{pages}
"""
    cells = [(row["name"], f"{row['ratio']:.2f} ({row['least']:.2f} – {row['most']:.2f})") for row in found["rows"]]
    return text + "\n" + table(("variant", "speed, ours is 1"), cells)


SECTIONS: Mapping[str, Callable[[Any], str]] = {"start": _start, "peak": _peak, "tried": _tried}
