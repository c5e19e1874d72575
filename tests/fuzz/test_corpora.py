"""The corpora reach most branches of the parsers, with inputs that are accepted as well as refused."""

import pytest

from tests.fuzz.corpora import CORPORA
from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.measure import measured

COVERAGE, ACCEPTANCE = 0.85, 0.2


def test_every_harness_has_a_corpus() -> None:
    """And no corpus is without a harness."""
    assert set(CORPORA) == set(HARNESSES)


@pytest.mark.parametrize("name", HARNESSES)
def test_a_corpus_reaches_its_parser(name: str) -> None:
    """Every input is accepted or refused; `python -m tests.fuzz.measure` prints the figures."""
    found = measured(name)
    assert found.coverage >= COVERAGE, found.missing
    assert found.acceptance >= ACCEPTANCE
