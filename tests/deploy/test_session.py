"""Region, profile and endpoint → clients: what is local, whose credentials go where."""

from pathlib import Path
from typing import Any

import pytest

from mooring.deploy.session import Place, Session, is_loopback
from mooring.errors import AccountError, UsageError

KEYS = {"AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real"}


def key_of(session: Session) -> str:
    """Whose signature a call would carry."""
    credentials: Any = session.client("sts")._request_signer._credentials
    return str(credentials.access_key)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:4567", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://x.localhost:1", True),
        ("https://sagemaker.eu-west-1.amazonaws.com", False),
        ("http://10.0.0.1:4567", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_the_loopback_interface_is_local(url: str | None, local: bool) -> None:
    """By name or number; nothing else is."""
    assert is_loopback(url) is local


@pytest.mark.wire
def test_a_local_one_needs_nothing() -> None:
    """Neither a region nor credentials, and none are looked for."""
    session = Session(Place(endpoint_url="http://127.0.0.1:4567"))
    assert (session.local, session.region, key_of(session)) == (True, "us-east-1", "local")
    assert session.client("sts").meta.endpoint_url == "http://127.0.0.1:4567"
    assert session.client("sts") is session.client("sts")
    assert session.client("sts") is not session.client("sts", read_timeout_s=5)


@pytest.mark.wire
def test_the_environments_address_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `moor local env` sets; the environment's own keys stay."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4567")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    session = Session()
    assert (session.local, session.region, key_of(session)) == (True, "eu-west-1", "real")


@pytest.mark.wire
def test_a_profile_is_used_even_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names one means it."""
    path = tmp_path / "credentials"
    path.write_text("[mine]\naws_access_key_id = mine\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    assert key_of(Session(Place(profile="mine", endpoint_url="http://127.0.0.1:1"))) == "mine"


@pytest.mark.wire
def test_a_given_boto3_session_is_taken_as_it_is() -> None:
    """That of a SageMaker SDK session, say."""
    import boto3

    given = boto3.Session("theirs", "x", region_name="ap-south-1")
    session = Session(Place(endpoint_url="http://127.0.0.1:1"), given)
    assert (session.region, key_of(session)) == ("ap-south-1", "theirs")


@pytest.mark.wire
def test_no_region() -> None:
    """In words, before anything is asked."""
    with pytest.raises(AccountError, match="no region"):
        Session()


@pytest.mark.parametrize("address", ["not-a-url", "127.0.0.1:4567", "ftp://x", "http://"])
def test_an_address_that_is_none(address: str) -> None:
    """Before boto3 stumbles over it."""
    with pytest.raises(UsageError, match="is not a URL"):
        Session(Place(endpoint_url=address))


def test_a_place_as_flags() -> None:
    """For a command that a message names: only what was said, quoted."""
    assert Place().flags == ""
    assert Place("eu-west-1", "my own", "http://127.0.0.1:1").flags == (
        " --region eu-west-1 --profile 'my own' --endpoint-url http://127.0.0.1:1"
    )


@pytest.mark.wire
def test_clients_of_other_patience_do_not_mix() -> None:
    """Whose errors are tried again by botocore, and whose by us."""
    session = Session(Place(endpoint_url="http://127.0.0.1:1"))
    assert session.client("sts", attempts=1) is not session.client("sts")
    assert session.client("sts", read_timeout_s=2).meta.config.connect_timeout == 2
    assert "ml.c7i.large" in session.instance_types()
