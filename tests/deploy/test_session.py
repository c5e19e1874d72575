"""Region, profile and endpoint → clients: what is local, whose credentials go where."""

from pathlib import Path
from typing import Any

import pytest

from mooring.deploy.session import Place, Session
from mooring.errors import AccountError

pytestmark = pytest.mark.wire
"""No socket is opened, but boto3 takes its time to make clients."""

KEYS = {"AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real"}


def key_of(session: Session) -> str:
    """Whose signature a call would carry."""
    credentials: Any = session.client("sagemaker")._request_signer._credentials
    return str(credentials.access_key)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4567", "http://localhost:1", "http://[::1]:1", "http://x.localhost:1"]
)
def test_the_loopback_interface_is_local(url: str) -> None:
    """It needs neither a region nor credentials, and none are looked for."""
    session = Session(Place(endpoint_url=url))
    assert (session.local, session.region, key_of(session)) == (True, "us-east-1", "local")
    assert session.client("s3").meta.endpoint_url == url


def test_the_environments_address_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `moor local env` sets; the environment's own keys stay."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4567")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    session = Session()
    assert (session.local, session.region, key_of(session)) == (True, "eu-west-1", "real")


@pytest.mark.parametrize("url", [None, "https://sagemaker.example.com", "http://10.0.0.1:4567"])
def test_anything_else_is_not(url: str | None) -> None:
    """Real accounts, and SageMakers elsewhere."""
    assert not Session(Place("eu-west-1", endpoint_url=url)).local


def test_a_profile_is_used_even_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names one means it."""
    path = tmp_path / "credentials"
    path.write_text("[mine]\naws_access_key_id = mine\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    assert key_of(Session(Place(profile="mine", endpoint_url="http://127.0.0.1:1"))) == "mine"


def test_a_given_boto3_session_is_taken_as_it_is() -> None:
    """That of a SageMaker SDK session, say."""
    import boto3

    given = boto3.Session("theirs", "x", region_name="ap-south-1")
    session = Session(Place(endpoint_url="http://127.0.0.1:1"), given)
    assert (session.region, key_of(session)) == ("ap-south-1", "theirs")


def test_no_region() -> None:
    """In words, before anything is asked."""
    with pytest.raises(AccountError, match="no region"):
        Session()


def test_clients_are_made_once() -> None:
    """One per service and patience."""
    session = Session(Place(endpoint_url="http://127.0.0.1:1"))
    assert session.client("s3") is session.client("s3")
    assert session.client("s3") is not session.client("s3", read_timeout_s=5)
