"""The page's sections on start, engine and growth: the figures that they say are those that were measured."""

from pathlib import Path
from typing import Any

from bench.parts.start import STAGES

from bench import page, plots

SPREAD = {"median": 40.0, "least": 30.0, "most": 50.0}
PEAK: dict[str, Any] = {
    "served": "fp32",
    "rounds": 3,
    "peaks": {"fp32": {**SPREAD, "median": 100.0}, "int8": SPREAD},
    "rows": [
        {"model": "M", "precision": "fp32", "case": "SQuAD, two streams", "questions": 36, "gops": SPREAD, "share": 0.4}
    ],
    "profiles": [
        {
            "model": "M",
            "precision": "fp32",
            "shares": {
                "matrix products": 0.8, "attention": 0.1, "normalisation, activation": 0.06, "the rest": 0.04,
            },
        }
    ],
}  # fmt: skip
TRIED: dict[str, Any] = {
    "precision": "fp32",
    "questions": 60,
    "rounds": 3,
    "huge_pages": "always [madvise] never",
    "per_second": 20.0,
    "rows": [{"name": "pinned", "ratio": 0.9, "least": 0.8, "most": 1.1}],
}
LENGTH: dict[str, Any] = {
    "turns": 5,
    "window": 128,
    "lengths": [{"tokens": n, "p50": 0.5 * n, "most": 0.6 * n} for n in (8, 64, 256, 384, 512)],
    "windows": [{"windows": n, "seconds": 0.03 * n} for n in (1, 10, 100, 1000)],
}
CLIENTS: list[dict[str, Any]] = [
    {"clients": n, "requests": 80, "per_second": min(20.0, 15.0 * n), "p50": 60.0 * n, "p99": p99, "errors": 0}
    for n, p99 in ((1, 90.0), (2, 180.0), (4, 400.0), (8, None))
]
MEMORY = [{"windows": n, "bytes": 300_000_000 + 4_000 * n} for n in (0, 1_000, 5_000, 10_000)]
LAYOUTS = {
    "streams": [{"streams": n, "bytes": 100_000_000 + 100_000_000 * n} for n in (1, 2, 4)],
    "workers": [{"workers": n, "bytes": 300_000_000 * n} for n in (1, 2, 4)],
}
GROWTH = {"growth-length": LENGTH, "growth-clients": CLIENTS, "growth-memory": MEMORY, "growth-layouts": LAYOUTS}


def test_start_shows_its_stages() -> None:
    """Each model in a row, and in a column of the stages."""
    one = {"starts": 7, "seconds": 0.81, "slowest": 0.9, "answer": 0.85, "slowest_answer": 0.95, "pss": 235e6}
    rows = [{**one, "model": name, "stages": dict.fromkeys(STAGES, 0.1)} for name in ("M", "D")]
    text = page.SECTIONS["start"](rows)
    assert "| M | 0.81 (0.90) | 0.85 (0.95) | 235 |" in text
    assert "| stage, s | M | D |" in text
    assert "| compiling | 0.10 | 0.10 |" in text


def test_start_reads_what_was_kept_before() -> None:
    """Figures of a machine that is not at hand any more have no first answer and no stages."""
    text = page.SECTIONS["start"]({"starts": 7, "seconds": 0.8, "slowest": 0.85, "pss": 235e6})
    assert "| embedded MiniLM | 0.80 (0.85) | – | 235 |" in text


def test_the_engine_stands_beside_the_peak() -> None:
    """Share, spread, number of questions, profile."""
    text = page.SECTIONS["peak"](PEAK)
    assert "fp32 **100**, int8 **40**" in text
    assert "| M | fp32 | SQuAD, two streams (36 questions) | 40 (30 – 50) | 40 % |" in text
    assert "| M | fp32 | 80 % | 10 % | 6 % | 4 % |" in text


def test_what_was_tried_has_its_spread() -> None:
    """A ratio without it would be believed."""
    text = page.SECTIONS["tried"](TRIED)
    assert "| pinned | 0.90 (0.80 – 1.10) |" in text
    assert "`always [madvise] never`" in text


def test_growth_says_whether_it_is_linear() -> None:
    """From the figures: all of these are made to be."""
    said = {name: page.SECTIONS[name](figures) for name, figures in GROWTH.items()}
    assert "**linear (exponent 1.00)**" in said["growth-length"]
    assert "| 1,000 | 30.00 | 30.0 |" in said["growth-length"]
    assert "at 2 clients: **20.0**, 1.33\ntimes one client's" in said["growth-clients"]
    assert "| 8 | 20.0 | 480 | – | 80 | 0 |" in said["growth-clients"]
    assert "**linear (exponent 1.00)**: 4.0 kB a window" in said["growth-memory"]
    assert "by 100 MB for each" in said["growth-layouts"]
    assert "Over workers it grows **linear (exponent 1.00)**" in said["growth-layouts"]


def test_a_queue_that_weighs_nothing_has_no_exponent() -> None:
    """Memory may fall between two looks."""
    rows = [{"windows": 0, "bytes": 300_000_000}, {"windows": 1_000, "bytes": 299_000_000}]
    assert "lost in the noise" in page.SECTIONS["growth-memory"](rows)


def test_no_workers_without_nginx() -> None:
    """Then there is nothing to say of them."""
    assert "workers | MB" not in page.SECTIONS["growth-layouts"]({**LAYOUTS, "workers": []})


def test_every_plot_of_the_page_is_drawn(tmp_path: Path) -> None:
    """The same figures make the same file: the page's history has no noise."""
    for name, figures in GROWTH.items():
        plots.draw(name, figures, tmp_path)
        assert f"({name}.svg)" in page.SECTIONS[name](figures)
    drawn = tmp_path / "growth-memory.svg"
    first = drawn.read_bytes()
    plots.draw("growth-memory", MEMORY, tmp_path)
    assert drawn.read_bytes() == first
    plots.draw("start", {}, tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(GROWTH)
