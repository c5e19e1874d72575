"""An honest client is answered while slow ones hold more connections than there are places, with and without nginx."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.attack import MIXTURE
from bench.slow_clients import attacked, honest

from mooring.container.proxy import find_nginx
from mooring.testing import running_server
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire

IN_FLIGHT = 20
SOCKETS = 300
"""More than the connections that 20 requests in flight allow without nginx: 144."""


@pytest.fixture(scope="module", params=["none", "nginx"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a server with few places."""
    if request.param == "nginx" and find_nginx() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light libnginx-mod-http-lua")
    model: Path = write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")
    flags = ("--front", request.param, "--max-in-flight", str(IN_FLIGHT), "--max-body-bytes", "1000000")
    with running_server(str(model), "--log-level", "error", *flags) as server:
        yield int(server.url.rpartition(":")[2])


@pytest.mark.parametrize("kind", ["slow bodies", "slow chunks", MIXTURE])
def test_slow_clients_lock_nobody_out(port: int, kind: str) -> None:
    """All come from one address. Each request is answered, if later on a busy machine."""
    with attacked(kind, port, SOCKETS, 0.5):
        found = honest(port, 2.0)
    assert found["failures"] == []
    assert found["p50"] < 2000
