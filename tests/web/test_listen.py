"""Addresses that can be had, and what is said of those that cannot."""

import socket
from pathlib import Path

import pytest

from mooring.errors import ListenError, UsageError
from mooring.web.listen import Address, close, listen

pytestmark = pytest.mark.wire


def test_port_0_is_any_free_one() -> None:
    """The real one is known before anybody is served."""
    address = Address("127.0.0.1", 0)
    bound = listen(address)
    assert bound[0].getsockname()[1] > 0
    close(address, bound)


def test_localhost_is_one_port_on_each_of_its_addresses() -> None:
    """IPv4 and IPv6, where there is any."""
    address = Address("localhost", 0)
    bound = listen(address)
    assert len({one.getsockname()[1] for one in bound}) == 1
    close(address, bound)


def test_a_port_in_use_is_named_with_the_flag_that_changes_it() -> None:
    """And nothing stays bound."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            listen(Address("127.0.0.1", port))
    assert f"Port {port} is in use" in str(caught.value)
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("host", ["no such host", "256.1.1.1", "x" * 300, "192.0.2.1"])
def test_a_wrong_host_is_a_usage_error(host: str) -> None:
    """A name without an address, or the address of another machine."""
    with pytest.raises(UsageError) as caught:
        listen(Address(host, 0))
    assert host[:20] in str(caught.value)
    assert "--host" in caught.value.hint


def test_a_unix_socket_is_removed_in_the_end(tmp_path: Path) -> None:
    """And one that a killed server left is taken over."""
    address = Address(unix=tmp_path / "s")
    assert address.unix is not None
    left = listen(address)
    left[0].close()
    bound = listen(address)
    with pytest.raises(ListenError, match="Another program listens"):
        listen(address)
    close(address, bound)
    assert not address.unix.exists()


def test_a_unix_socket_needs_its_folder(tmp_path: Path) -> None:
    """Said as a sentence."""
    with pytest.raises(ListenError, match="Check that its folder exists"):
        listen(Address(unix=tmp_path / "nowhere" / "s"))


def test_a_file_in_the_place_of_a_unix_socket_is_not_removed(tmp_path: Path) -> None:
    """It may be somebody's."""
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(ListenError):
        listen(Address(unix=path))
    assert path.read_text() == "mine"
