"""STS: every key belongs to the one account, with the role SageMakerLocal."""

import time
from collections.abc import Mapping
from typing import Any

from mooring_local.identity.iam import FIRST_ROLE
from mooring_local.wire.call import Call
from mooring_local.wire.service import Handler

DEFAULT_S = 3600
_ID = "AROALOCALSAGEMAKER00"


def handlers() -> dict[str, Handler]:
    """Handlers by operation name."""
    return {
        "GetCallerIdentity": _identity,
        "AssumeRole": _assume,
        "GetSessionToken": _session,
    }


def _identity(call: Call) -> Mapping[str, Any]:
    """Return the role SageMakerLocal for every caller."""
    account = call.place.account
    return {
        "UserId": f"{_ID}:local",
        "Account": account,
        "Arn": f"arn:{call.place.partition.name}:sts::{account}:assumed-role/{FIRST_ROLE}/local",
    }


def _assume(call: Call) -> Mapping[str, Any]:
    """Assume any role, whether it exists or not: roles are not enforced here."""
    session, role = call.parameters["RoleSessionName"], call.parameters["RoleArn"].split("/")[-1]
    return {
        "Credentials": _credentials(call),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{_ID}:{session}",
            "Arn": f"arn:{call.place.partition.name}:sts::{call.place.account}:assumed-role/{role}/{session}",
        },
        "PackedPolicySize": 0,
        "SourceIdentity": call.parameters.get("SourceIdentity"),
    }


def _session(call: Call) -> Mapping[str, Any]:
    """Return new keys; any key is accepted here."""
    return {"Credentials": _credentials(call)}


def _credentials(call: Call) -> dict[str, Any]:
    """New credentials. Keys are not checked."""
    return {
        "AccessKeyId": "ASIALOCALSAGEMAKER00",
        "SecretAccessKey": "not-a-secret-every-key-is-accepted-here",
        "SessionToken": "not-a-secret-every-token-is-accepted-here",
        "Expiration": time.time() + call.parameters.get("DurationSeconds", DEFAULT_S),
    }
