"""A role's name or ARN (or none) in, the checked ARN of the role that SageMaker works with out. For `deployment.py`."""

import json
import re
from typing import Any

from mooring.deploy.faults import in_words, is_denied, is_missing
from mooring.deploy.narrator import Narrator
from mooring.deploy.session import Session
from mooring.errors import AccountError, echo

SERVICE = "sagemaker.amazonaws.com"
LOCAL_ROLE = "SageMakerLocal"
"""That a local SageMaker has from the start."""
_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]+)")
_ASSUMED = re.compile(r"arn:aws[a-z-]*:sts::\d{12}:assumed-role/([\w+=,.@-]+)/.*")
_WANTED = "Name one that trusts SageMaker: --role ARN. The policy AmazonSageMakerFullAccess is what it needs at most."


def role_arn(session: Session, role: str | None, narrator: Narrator) -> str:
    """The ARN. Raises AccountError if there is no such role, or SageMaker may not take it.

    Without a name: the role that the caller is in, as in a notebook of SageMaker's; at a local SageMaker any.
    """
    if role is None and session.local:
        return f"arn:aws:iam::{session.account}:role/{LOCAL_ROLE}"
    name = role or _caller_role(session)
    found = _ARN.fullmatch(name)
    if found is None and ":" in name:
        raise AccountError(f"{echo(name)} is no role's ARN.", hint="It looks like arn:aws:iam::123456789012:role/NAME.")
    iam = session.client("iam")
    with in_words(f"Looking for the role {name}"):
        try:
            there = iam.get_role(RoleName=found[2] if found else name)["Role"]
        except iam.exceptions.ClientError as error:
            if is_missing(error):
                raise AccountError(
                    f"There is no role {echo(name)} in account {session.account}.", hint=_WANTED
                ) from error
            if is_denied(error) and found:
                narrator.note(f"The caller may not look at the role {found[2]} (iam:GetRole), so it is taken as it is.")
                return name
            raise
    if not trusts_sagemaker(there.get("AssumeRolePolicyDocument")):
        raise AccountError(
            f"SageMaker may not take the role {name}: its trust policy does not name {SERVICE}.",
            hint='Add to it: {"Effect": "Allow", "Action": "sts:AssumeRole", '
            f'"Principal": {{"Service": "{SERVICE}"}}}}',
        )
    return str(there["Arn"])


def _caller_role(session: Session) -> str:
    found = _ASSUMED.fullmatch(session.caller)
    if found is None:
        raise AccountError("SageMaker needs a role to fetch the model and the image with.", hint=_WANTED)
    return found[1]


def trusts_sagemaker(document: Any) -> bool:
    """Whether a trust policy (boto3 hands it over decoded) lets SageMaker take the role; one that is not known does."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return True
    if not isinstance(document, dict):
        return True
    statements = document.get("Statement", [])
    return any(_allows(each) for each in (statements if isinstance(statements, list) else [statements]))


def _allows(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = principal.get("Service", []) if isinstance(principal, dict) else principal
    named = [services] if isinstance(services, str) else services
    return statement.get("Effect") == "Allow" and (SERVICE in named or "*" in named)
