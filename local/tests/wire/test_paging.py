"""Pages of lists that keep their places."""

import pytest

from mooring_local.wire.faults import Fault
from mooring_local.wire.paging import page

REFUSAL = Fault("ValidationException", "No token of ours.")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 10])
def test_pages_have_every_item_once(size: int) -> None:
    """And no token leads to a page of nothing."""
    found, token = page([1, 2, 3, 4], None, size, REFUSAL)
    while token is not None:
        more, token = page([1, 2, 3, 4], token, size, REFUSAL)
        assert more
        found += more
    assert found == [1, 2, 3, 4]
    assert page([], None, size, REFUSAL) == ([], None)


@pytest.mark.parametrize("token", ["", "-1", "1.5", " 1", "1\n", "٣", "9" * 13, "9" * 5000, "next"])
def test_a_token_that_was_made_up_is_refused(token: str) -> None:
    """Also a number that Python would not read."""
    with pytest.raises(Fault, match="No token of ours"):
        page([1], token, 1, REFUSAL)


def test_a_token_beyond_the_end_leads_to_nothing() -> None:
    """Things may have been deleted meanwhile."""
    assert page([1], "7", 1, REFUSAL) == ([], None)
