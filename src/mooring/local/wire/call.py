"""One request to a service, understood: what the protocols hand to the services."""

from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the caller believes to be: the region of its signature, and the one account there is here."""

    region: str = DEFAULT_REGION
    account: str = ACCOUNT

    def arn(self, kind: str, name: str, service: str = "sagemaker") -> str:
        """arn:aws:sagemaker:REGION:ACCOUNT:kind/name; the name keeps its case."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}/{name}"


@dataclass(frozen=True, slots=True)
class Call:
    """An operation of a service and its parameters, which obey the service's model."""

    service: str
    """botocore's name of it: "sagemaker", "logs", "sts" …"""
    operation: str
    parameters: dict[str, Any]
    place: Place
    request_id: str
    base_url: str
    """Of this server as the caller reached it, without a slash at the end."""
