"""The pause between a worker's death and the next start."""

import pytest

from mooring.container.child import FIRST_PAUSE_S, LONGEST_PAUSE_S, SETTLED_S, pause
from mooring.container.link import decode


def test_the_pause_doubles_up_to_a_bound() -> None:
    """A worker that dies again and again does not take all of the CPU."""
    pauses = [0.0]
    for _ in range(12):
        pauses.append(pause(1.0, pauses[-1]))
    assert pauses[1:4] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_after_a_long_life_it_begins_anew() -> None:
    """What killed it now is not what killed it then."""
    assert pause(SETTLED_S, LONGEST_PAUSE_S) == FIRST_PAUSE_S


@pytest.mark.parametrize("line", [b"", b"not json", b"[1]", b"7", b"\xff"])
def test_a_line_that_is_no_message_is_none(line: bytes) -> None:
    """Whatever a worker writes there, the supervisor goes on."""
    assert decode(line) is None


def test_a_message_is_decoded() -> None:
    """As `Reporter.say` writes it."""
    assert decode(b'{"kind": "ready", "facts": {"a": 1}}') == {"kind": "ready", "facts": {"a": 1}}
