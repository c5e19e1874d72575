"""The shipped server fixture: a server that answers, or an error with the reason."""

from pathlib import Path

import pytest

from mooring.testing import RunningServer, ServerFailed, running_server
from tests.support.tiny_models import write_tiny_bert

pytestmark = pytest.mark.wire


def test_the_embedded_model_answers(mooring_server: RunningServer) -> None:
    """Ready when the fixture returns, with parameters passed on."""
    context = "Ada Lovelace wrote the first program in 1843."
    found = mooring_server.ask("Who wrote the first program?", context)
    assert found["answer"] == "Ada Lovelace"
    assert len(mooring_server.ask("When?", context, top_k=2)) == 2
    assert mooring_server.info()["ready"] is True


def test_a_server_that_cannot_start_raises_with_its_reason() -> None:
    """Instead of a test that hangs."""
    with pytest.raises(ServerFailed) as caught, running_server("./no/such/model"):
        pass
    assert "exit code 3" in str(caught.value)
    assert "No file or folder" in str(caught.value)


def test_a_server_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """And that is said."""
    folder = str(write_tiny_bert(tmp_path))
    with pytest.raises(ServerFailed, match=r"not ready within 0\.01 s"), running_server(folder, timeout_s=0.01):
        pass


def test_it_has_ended_when_the_block_has(tmp_path: Path) -> None:
    """Cleanly."""
    with running_server(str(write_tiny_bert(tmp_path)), "--threads", "1") as server:
        assert server.process.poll() is None
    assert server.process.returncode == 0
