"""One request to a service, understood: what the protocols hand to the services."""

import re
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
_SCOPE = re.compile(r"Credential=[^,\s]{1,300}/\d{8}/([a-z0-9-]{1,32})/([a-z0-9-]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the caller believes to be: the region of its signature, and the one account there is here."""

    region: str = DEFAULT_REGION
    account: str = ACCOUNT

    def arn(self, kind: str, name: str, service: str = "sagemaker") -> str:
        """arn:aws:sagemaker:REGION:ACCOUNT:kind/name; the name keeps its case."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}/{name}"


def region_of(arn: str) -> str:
    """The region in an ARN; the default one for what is none."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 and parts[3] else DEFAULT_REGION


def place_of(authorization: str | None) -> Place:
    """The place named by the scope of a version 4 signature. The signature itself is not checked: any key will do."""
    found = _SCOPE.search(authorization or "")
    return Place(region=found[1]) if found else Place()


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation's handler is told."""

    parameters: dict[str, Any]
    """They obey the service's model."""
    place: Place
