"""A decoded request, as the protocols pass it to a service."""

import re
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
_SCOPE = re.compile(r"Credential=[^,\s]{1,300}/\d{8}/([a-z0-9-]{1,32})/([a-z0-9-]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Partition:
    """An AWS partition."""

    name: str = "aws"
    """Its name in ARNs."""
    suffix: str = "amazonaws.com"
    """Domain of its services."""
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
"""Partitions by region prefix; all other regions are in `aws`."""


def partition_of(region: str) -> Partition:
    """The partition of a region."""
    return next((one for prefix, one in _PARTITIONS.items() if region.startswith(prefix)), Partition())


@dataclass(frozen=True, slots=True)
class Place:
    """Region (from the caller's signature) and account (there is only one)."""

    region: str = DEFAULT_REGION
    account: str = ACCOUNT

    def arn(self, kind: str, name: str, service: str = "sagemaker") -> str:
        """arn:PARTITION:sagemaker:REGION:ACCOUNT:kind/name; the name keeps its case."""
        return f"arn:{self.partition.name}:{service}:{self.region}:{self.account}:{kind}/{name}"

    @property
    def partition(self) -> Partition:
        """The partition of the region."""
        return partition_of(self.region)


def region_of(arn: str) -> str:
    """The region in an ARN; the default region if it is not an ARN."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 and parts[3] else DEFAULT_REGION


def place_of(authorization: str | None) -> Place:
    """The place in the scope of a version 4 signature. The signature is not checked: any key is accepted."""
    found = _SCOPE.search(authorization or "")
    return Place(region=found[1]) if found else Place()


@dataclass(frozen=True, slots=True)
class Call:
    """The input of a handler."""

    parameters: dict[str, Any]
    """Already checked against the service's model."""
    place: Place
