"""boto3 clients for a region, profile and endpoint, each created once.

A local SageMaker is only an `endpoint_url` on the loopback interface: the same calls go there. It gets placeholder
credentials unless a profile or the environment has some, so that boto3 does not look for real ones on the network.
"""

import ipaddress
import shlex
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mooring.deploy.faults import in_words
from mooring.errors import DeployError, UsageError, echo
from mooring.installation import install_command

LOCAL_REGION = "us-east-1"
_ATTEMPTS = 5
_CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where to deploy, as given by the user; None for the value in the environment or configuration files."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None

    @property
    def flags(self) -> str:
        """The place as flags for a command line, with a leading space; "" if nothing was given."""
        given = (("region", self.region), ("profile", self.profile), ("endpoint-url", self.endpoint_url))
        return "".join(f" --{name} {shlex.quote(value)}" for name, value in given if value)


class Session:
    """Clients of one account and region. Safe to share among threads."""

    def __init__(self, place: Place = Place(), boto_session: Any = None) -> None:
        """`boto_session` is a boto3 Session to use instead of one for `place`.

        Raises DeployError without boto3, AccountError for an unknown profile or a missing region.
        """
        boto3 = _boto3()
        _check_address(place.endpoint_url)
        self.place = place
        self._clients: dict[tuple[str, float, int], Any] = {}
        self._lock = threading.Lock()
        with in_words("Opening a session"):
            made = boto_session or boto3.Session(profile_name=place.profile)
            address = place.endpoint_url or _configured(made)
            self.local = is_loopback(address)
            region = place.region or made.region_name or (LOCAL_REGION if self.local else None)
            made_up = self.local and boto_session is None and place.profile is None and not _in_environment()
            self.keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"} if made_up else {}
            self._session = made
            self.region = str(region) if region else self.client("sagemaker").meta.region_name
        self._account: tuple[str, str] | None = None

    def client(self, service: str, *, read_timeout_s: float = 60.0, attempts: int = _ATTEMPTS) -> Any:
        """boto3's client of the service. `attempts` is the number of botocore's own attempts."""
        from botocore.config import Config

        key = (service, read_timeout_s, attempts)
        with self._lock:
            if key not in self._clients:
                config = Config(
                    connect_timeout=min(_CONNECT_S, read_timeout_s),
                    read_timeout=read_timeout_s,
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    max_pool_connections=32,
                )
                region = getattr(self, "region", None)
                where = {"region_name": region, "endpoint_url": self.place.endpoint_url, **self.keys}
                self._clients[key] = self._session.client(service, config=config, **where)
            return self._clients[key]

    @property
    def account(self) -> str:
        """The account's number. Raises AccountError without valid credentials."""
        return self._identity()[0]

    @property
    def caller(self) -> str:
        """ARN of the caller."""
        return self._identity()[1]

    @property
    def default_bucket(self) -> str:
        """The SageMaker SDK's default bucket, which AmazonSageMakerFullAccess lets a role read."""
        return f"sagemaker-{self.region}-{self.account}"

    def instance_types(self) -> Sequence[str]:
        """Instance types for endpoints that this boto3 knows; SageMaker may have newer ones."""
        shapes = self.client("sagemaker").meta.service_model
        found: Sequence[str] = shapes.shape_for("ProductionVariantInstanceType").enum
        return found

    def _identity(self) -> tuple[str, str]:
        if self._account is None:
            with in_words("Checking the AWS identity"):
                answer = self.client("sts").get_caller_identity()
            self._account = (str(answer["Account"]), str(answer["Arn"]))
        return self._account


def _boto3() -> Any:
    try:
        import boto3
    except ImportError as error:
        hint = f"Install it: {install_command('aws')}"
        raise DeployError("Deploying needs boto3, which is not installed.", hint=hint) from error
    return boto3


def _check_address(address: str | None) -> None:
    parts = urlsplit(address or "http://nothing")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--endpoint-url {echo(address)} is not a URL.", hint="It looks like http://127.0.0.1:4567.")


def _configured(session: Any) -> str | None:
    """The loopback address in AWS_ENDPOINT_URL, its SageMaker form or the profile, as botocore reads them; or None."""
    region = session.region_name or LOCAL_REGION
    address = str(session.client("sagemaker", region_name=region).meta.endpoint_url)
    return address if is_loopback(address) else None


def is_loopback(address: str | None) -> bool:
    """Whether the address is on the loopback interface."""
    host = urlsplit(address or "").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_environment() -> bool:
    """Whether environment variables have credentials, as botocore reads them."""
    from botocore.credentials import EnvProvider
    from botocore.exceptions import PartialCredentialsError

    try:
        return EnvProvider().load() is not None
    except PartialCredentialsError:
        return False
