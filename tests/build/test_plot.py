"""The plot of what was explored: well-formed, and everything on it."""

import xml.etree.ElementTree as ET

from mooring.build.candidates import Candidate
from mooring.build.ladder import BF16, FP32, INT8, quantised
from mooring.build.plot import BOTTOM, LEFT, RIGHT, TOP, draw, span_of
from mooring.build.recipe import OFF, Recipe
from tests.support.candidates import candidate, explored

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: ET.Element) -> list[str]:
    """All that is written on it."""
    return ["".join(node.itertext()) for node in picture.iter(f"{SVG}text")]


def test_every_candidate_that_was_built_is_on_it_and_in_the_key() -> None:
    """By name, with the outcome's colour, inside the axes; the best one is marked; a failed build is left out."""
    plain = quantised(Recipe(smooth_alpha=OFF))
    found = explored(
        [candidate(FP32), candidate(BF16), candidate(INT8, ratio=2), candidate(plain, upper=9), Candidate(FP32)]
    )
    picture = ET.fromstring(draw(found))
    written = texts(picture)
    assert {"fp32", "bf16", "int8 smooth=0.95 (best)", "int8 smooth=off"} <= set(written)
    discs = [node for node in picture.iter(f"{SVG}circle") if node.get("class") != "ring"]
    plotted = [node for node in discs if float(node.get("cx", 0)) <= RIGHT]
    assert [node.get("class") for node in plotted].count("failed") == 1
    assert len(plotted) == 4
    assert all(float(node.get("cx", 0)) >= LEFT and TOP <= float(node.get("cy", 0)) <= BOTTOM for node in plotted)
    assert "limit 0.5" in written


def test_it_needs_nothing_from_elsewhere() -> None:
    """No script, no link, no font to load."""
    text = draw(explored([candidate(FP32), candidate(INT8)]))
    assert "<script" not in text
    assert "url(" not in text
    assert text.count("http") == 1  # the namespace


def test_one_candidate_can_be_drawn() -> None:
    """Axes without any width would divide by zero."""
    ET.fromstring(draw(explored([candidate(FP32)])))


def test_ticks_are_round_and_inside() -> None:
    """At most six; values outside are drawn at the end of the axis."""
    axis = span_of([0.42, 1.03], 0, 100)
    assert [round(tick, 6) for tick in axis.ticks()] == [0.4, 0.6, 0.8, 1.0]
    assert (axis(-5), axis(5)) == (0, 100)
