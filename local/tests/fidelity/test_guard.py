"""What keeps the clients on this machine does so, in each environment; they see the variables that they are given."""

from collections.abc import Callable

import pytest

from local.tests.fidelity.environments import Place

pytestmark = pytest.mark.sdk
ELSEWHERE = """
import os, socket, urllib.request
for address in ("http://192.0.2.1/", "https://sts.us-east-1.amazonaws.com/"):
    try:
        urllib.request.urlopen(address, timeout=1)
    except OSError as error:
        print("refused", error)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9))
except OSError as error:
    print("refused", error)
print(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"]).status)
print(sorted(name for name in os.environ if name.startswith("AWS_")))
"""


@pytest.mark.parametrize("name", ["sdk2", "sdk3", "awscli"])
def test_only_this_machine_is_reached(
    name: str, place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and addresses elsewhere are refused and noted, by TCP and UDP; the caller's own variables do not leak."""
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://192.0.2.2")
    there = place(name)
    ran = there.run("python", "-c", ELSEWHERE)
    assert ran.output.count("refused") == 3
    assert len(ran.refused) == 3
    *_, status, variables = ran.output.splitlines()
    assert status == "200"
    assert variables == str(sorted(variable for variable in there.variables if variable.startswith("AWS_")))
