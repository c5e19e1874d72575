"""Find and check the execution role of SageMaker."""

import json
import re
from typing import Any

from mooring.deploy.faults import in_words, is_denied, is_missing
from mooring.deploy.session import Session
from mooring.errors import AccountError, echo
from mooring.progress import Progress

SERVICE = "sagemaker.amazonaws.com"
LOCAL_ROLE = "SageMakerLocal"
"""The role that a local SageMaker has from the start."""
_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]+)")
_ASSUMED = re.compile(r"arn:aws[a-z-]*:sts::\d{12}:assumed-role/([\w+=,.@-]+)/.*")
_WANTED = "Name a role that trusts SageMaker with --role ARN. The policy AmazonSageMakerFullAccess is sufficient."


def role_arn(session: Session, role: str | None, progress: Progress) -> str:
    """The role's ARN. Raises AccountError if the role does not exist, or SageMaker may not assume it.

    Without `role`, it is the caller's own role, as in a SageMaker notebook; a local SageMaker accepts any.
    """
    if role is None and session.local:
        return f"arn:aws:iam::{session.account}:role/{LOCAL_ROLE}"
    name = role or _caller_role(session)
    found = _ARN.fullmatch(name)
    if found is None and ":" in name:
        hint = "A role's ARN looks like arn:aws:iam::123456789012:role/NAME."
        raise AccountError(f"{echo(name)} is not the ARN of a role.", hint=hint)
    iam = session.client("iam")
    with in_words(f"Looking for the role {name}"):
        try:
            there = iam.get_role(RoleName=found[2] if found else name)["Role"]
        except iam.exceptions.ClientError as error:
            if is_missing(error):
                raise AccountError(
                    f"Role {echo(name)} not found in account {session.account}.", hint=_WANTED
                ) from error
            if is_denied(error) and found:
                progress.note(f"The role {found[2]} was not checked: the caller has no permission for iam:GetRole.")
                return name
            raise
    if not trusts_sagemaker(there.get("AssumeRolePolicyDocument")):
        raise AccountError(
            f"SageMaker may not assume the role {name}: its trust policy does not name {SERVICE}.",
            hint='Add this to the trust policy: {"Effect": "Allow", "Action": "sts:AssumeRole", '
            f'"Principal": {{"Service": "{SERVICE}"}}}}',
        )
    return str(there["Arn"])


def _caller_role(session: Session) -> str:
    found = _ASSUMED.fullmatch(session.caller)
    if found is None:
        raise AccountError("SageMaker needs an execution role, and the caller is not a role.", hint=_WANTED)
    return found[1]


def trusts_sagemaker(document: Any) -> bool:
    """Whether a trust policy (decoded by boto3) lets SageMaker assume the role. An unknown form counts as yes."""
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
