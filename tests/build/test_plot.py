"""The plot of what was explored: well-formed, and everything on it."""

import xml.etree.ElementTree as ET

from mooring.build.candidates import Candidate
from mooring.build.ladder import BF16, FP32, INT8, quantised
from mooring.build.plot import COLOURS, draw
from mooring.build.recipe import OFF, Recipe
from tests.support.candidates import candidate, explored

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: ET.Element) -> list[str]:
    """All that is written on it."""
    return ["".join(node.itertext()) for node in picture.iter(f"{SVG}text")]


def test_every_candidate_that_was_built_is_on_it_and_in_the_key() -> None:
    """By name, with the outcome's colour; the best one is marked; a failed build is left out."""
    plain = quantised(Recipe(smooth_alpha=OFF))
    found = explored(
        [candidate(FP32), candidate(BF16), candidate(INT8, ratio=2), candidate(plain, upper=9), Candidate(FP32)]
    )
    picture = ET.fromstring(draw(found))
    written = texts(picture)
    assert {"fp32", "bf16", "int8 smooth=0.95 (best)", "int8 smooth=off"} <= set(written)
    discs = [ET.tostring(node).decode() for node in picture.iter() if node.get("id", "").startswith("candidate ")]
    assert len(discs) == 4
    assert sum(COLOURS["failed"] in disc for disc in discs) == 1
    assert all(written.count(number) >= 2 for number in "1234")
    assert "limit 0.5" in written


def test_one_candidate_can_be_drawn() -> None:
    """Axes without any width would divide by zero."""
    ET.fromstring(draw(explored([candidate(FP32)])))
