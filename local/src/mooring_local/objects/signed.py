"""Parse signatures of S3 requests, in a header or in a presigned URL. Pure.

Signatures are not checked. A presigned URL carries headers in its query: `?x-amz-meta-a=1` counts as the header.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mooring_local.wire.faults import Fault

DEFAULT_REGION = "us-east-1"
_CREDENTIAL = re.compile(r"[^/]*/\d+/([a-z0-9-]+)/")
_VERSION_4 = frozenset(
    {
        *("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders"),
        *("x-amz-signature", "x-amz-security-token", "x-amz-content-sha256"),
    }
)
_VERSION_2 = frozenset({"awsaccesskeyid", "signature", "expires"})
_HEADERS = ("content-type", "content-md5")
"""Headers that botocore also puts into the query of a URL signed with version 2."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A request without its signature."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    region: str


def unpacked(query: Mapping[str, str], headers: Mapping[str, str]) -> Signed:
    """Separate the signature. `headers`: names in lower case. Raises AccessDenied for an expired URL."""
    lower = {name.lower(): value for name, value in query.items()}
    by_url = "x-amz-signature" in lower or "awsaccesskeyid" in lower
    if not by_url:
        found = re.search(r"Credential=([^,\s]+)", headers.get("authorization", ""))
        return Signed(query, headers, _region(found[1] if found else ""))
    _check_age(lower)
    rest, carried = {}, {}
    for name, value in query.items():
        small = name.lower()
        if small in _VERSION_4 or small in _VERSION_2:
            continue
        if small.startswith("x-amz-") or small in _HEADERS:
            carried[small] = value
        else:
            rest[name] = value
    return Signed(rest, {**carried, **headers}, _region(lower.get("x-amz-credential", "")))


def _region(credential: str) -> str:
    found = _CREDENTIAL.match(credential)
    return found[1] if found else DEFAULT_REGION


def _check_age(query: Mapping[str, str]) -> None:
    """Check the expiry of a presigned URL. Unreadable times are accepted, as signatures are not checked either."""
    try:
        if "x-amz-expires" in query:
            begun = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            until = begun.timestamp() + int(query["x-amz-expires"])
        else:
            until = float(query["expires"])
        ended = datetime.fromtimestamp(until, UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return
    if (now := time.time()) > until:
        members = {"Expires": _stamp(ended), "ServerTime": _stamp(datetime.fromtimestamp(now, UTC))}
        raise Fault("AccessDenied", "Request has expired", 403, members)


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
