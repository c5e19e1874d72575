"""What is worth another try, and after how long."""

import pytest

from mooring.deploy.answer import Retries, worth_it


@pytest.mark.parametrize(
    ("status", "original", "code", "again"),
    [
        (429, None, "ModelNotReadyException", True),
        (503, None, "ServiceUnavailable", True),
        (400, None, "ThrottlingException", True),
        (424, 429, "ModelError", True),
        (424, 503, "ModelError", True),
        (424, 400, "ModelError", False),
        (424, 500, "ModelError", False),
        (424, 0, "ModelError", False),
        (400, None, "ValidationError", False),
        (413, None, "RequestEntityTooLargeException", False),
        (403, None, "AccessDeniedException", False),
        (500, None, "InternalFailure", False),
    ],
)
def test_only_a_busy_endpoint_is_asked_again(status: int, original: int | None, code: str, again: bool) -> None:
    """The model's own status decides where there is one."""
    assert worth_it(status, original, code) is again


def test_pauses_double_and_scatter() -> None:
    """Between half and all of a bound, up to the longest."""
    least, most = Retries(random=lambda: 0.0), Retries(random=lambda: 1.0)
    assert [most.pause(n) for n in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert [least.pause(n) for n in (1, 2, 3)] == [0.05, 0.1, 0.2]
    assert most.pause(5000) == 8.0
