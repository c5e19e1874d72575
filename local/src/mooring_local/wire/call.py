"""One request to a service, understood: what the protocols hand to the services."""

import re
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
_SCOPE = re.compile(r"Credential=[^,\s]{1,300}/\d{8}/([a-z0-9-]{1,32})/([a-z0-9-]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of AWS with accounts and addresses of its own."""

    name: str = "aws"
    """In ARNs."""
    suffix: str = "amazonaws.com"
    """Of its services' addresses."""
    console: str = "console.aws.amazon.com"


_PARTITIONS = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn", "console.amazonaws.cn"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com", "console.amazonaws-us-gov.com"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov", "console.c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov", "console.sc2s.sgov.gov"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov", "console.csp.hci.ic.gov"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk", "console.cloud.adc-e.uk"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu", "console.amazonaws.eu"),
}
"""By how the names of their regions begin; all other regions are in the one named `aws`."""


def partition_of(region: str) -> Partition:
    """Where a region is."""
    return next((one for prefix, one in _PARTITIONS.items() if region.startswith(prefix)), Partition())


@dataclass(frozen=True, slots=True)
class Place:
    """Where the caller believes to be: the region of its signature, and the one account there is here."""

    region: str = DEFAULT_REGION
    account: str = ACCOUNT

    def arn(self, kind: str, name: str, service: str = "sagemaker") -> str:
        """arn:PARTITION:sagemaker:REGION:ACCOUNT:kind/name; the name keeps its case."""
        return f"arn:{self.partition.name}:{service}:{self.region}:{self.account}:{kind}/{name}"

    @property
    def partition(self) -> Partition:
        """That of the region."""
        return partition_of(self.region)


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
