"""Translate boto3 errors into actionable ones. Wraps every call to AWS."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from mooring.deploy.manifest import how_to_convert
from mooring.errors import AccountError, DeployError, MooringError
from mooring.spelling import nearest

Result = TypeVar("Result")

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_UNKNOWN_KEYS = frozenset({
    "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "AuthFailure", "MissingAuthenticationToken", "InvalidSignatureException",
})  # fmt: skip
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403"})
_BUSY = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"})
_MISSING = frozenset({
    "ResourceNotFound", "ResourceNotFoundException", "ObjectNotFoundException", "RepositoryNotFoundException",
    "ImageNotFoundException", "NoSuchEntity", "NoSuchBucket", "NoSuchKey", "404",
})  # fmt: skip
_TAKEN = frozenset({"BucketAlreadyOwnedByYou", "RepositoryAlreadyExistsException"})


@contextmanager
def in_words(doing: str) -> Iterator[None]:
    """Raise AccountError or DeployError for botocore's errors. `doing` completes "… failed": "Creating the model"."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise of_answer(doing, error.response) from error
    except (BotoCoreError, Boto3Error) as error:
        raise of_client(doing, error) from error


def code_of(error: Exception) -> str:
    """The error code of the service; "" for an error that no service sent."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, Mapping) else ""


def is_missing(error: Exception) -> bool:
    """Whether the resource does not exist. SageMaker reports that with its general ValidationException."""
    code = code_of(error)
    if code in _MISSING:
        return True
    response: Any = getattr(error, "response", {})
    return code == "ValidationException" and "Could not find" in str(response.get("Error", {}).get("Message", ""))


def is_denied(error: Exception) -> bool:
    """Whether the caller lacks permission."""
    return code_of(error) in _DENIED


def is_hidden(error: Exception) -> bool:
    """Whether the resource may not exist. Without the right to list, S3 answers 403 for a missing object."""
    return is_missing(error) or is_denied(error)


def asked(doing: str, call: Callable[[], Result], unless: Callable[[Exception], bool] = is_missing) -> Result | None:
    """The result of `call`; None if a service refuses it with an error for which `unless` holds.

    Raises what `in_words` raises for other errors.
    """
    from botocore.exceptions import ClientError

    with in_words(doing):
        try:
            return call()
        except ClientError as error:
            if not unless(error):
                raise
    return None


def is_taken(error: Exception) -> bool:
    """Whether the name already exists."""
    response: Any = getattr(error, "response", None) or {}
    return code_of(error) in _TAKEN or "already existing" in str(response.get("Error", {}).get("Message", ""))


def was_refused(error: BaseException | None) -> bool:
    """Whether a service refused the call, so that it had no effect. After a broken connection that is unknown."""
    from botocore.exceptions import ClientError

    while error is not None and not isinstance(error, ClientError):
        error = error.__cause__ or error.__context__
    return error is not None and 400 <= error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500


def _shortened(said: str) -> str:
    """Shorten a service's list of accepted values, such as hundreds of instance types, to the nearest ones."""
    found = re.search(r"Value '(.*?)' at .*enum value set: \[(.*?)\]", said, re.DOTALL)
    if found is None or len(allowed := found[2].split(", ")) <= _SHOWN:
        return said
    near = nearest(found[1], allowed, count=3, cutoff=0.5) or allowed[:3]
    return said.replace(found[2], f"{', '.join(near)}, … ({len(allowed)} in total)")


def of_answer(doing: str, response: Mapping[str, Any]) -> MooringError:
    """The error for a service's response."""
    fault = response.get("Error", {})
    code, said = str(fault.get("Code", "")), _shortened(str(fault.get("Message", "")).strip())
    what = f"{doing} failed: {said or code}"
    what = what if what.endswith(".") else f"{what}."
    if code in _EXPIRED:
        return AccountError(
            f"{doing} failed: the credentials have expired ({code}).",
            hint="Sign in again (aws sso login, or a new session token), then run the same command again.",
        )
    if code in _UNKNOWN_KEYS:
        return AccountError(
            f"{doing} failed: AWS does not know these credentials ({code}).",
            hint="Check them with aws sts get-caller-identity, or use others with --profile.",
        )
    if code in _DENIED:
        return AccountError(what, hint=_denied(said))
    if code in ("ResourceLimitExceeded", "ServiceQuotaExceededException"):
        return AccountError(
            f"{what} ({code})",
            hint="Request an increase in the console under Service Quotas → Amazon SageMaker, or use another "
            "--instance-type or fewer instances.",
        )
    if code in _BUSY:
        return DeployError(
            f"{what} ({code})", hint="AWS limits the rate of calls. Run the same command again in a minute."
        )
    if "manifest media type" in said:
        image = re.search(r"for image (\S+?)\.?(\s|$)", said)
        return DeployError(what, hint=how_to_convert(image[1] if image else "IMAGE"))
    return DeployError(f"{what} ({code})" if said else what, hint=_HINTS.get(code, ""))


_SHOWN = 12
"""Number of values that fit on a line."""

_HINTS = {
    "InvalidBucketName": "Use another --bucket: 3 to 63 lower-case letters, digits, hyphens and dots.",
    "NoSuchBucket": "Name an existing bucket with --bucket, or leave it out for the account's default.",
    "BucketAlreadyExists": "That bucket belongs to another account. Name one of your own with --bucket.",
    "ImageTagAlreadyExistsException": "The image must be written again in Docker's format under the same tag. Allow "
    "that with aws ecr put-image-tag-mutability --image-tag-mutability MUTABLE.",
    "PermanentRedirect": "The bucket is in another region. Name one in this region with --bucket.",
}


def _denied(said: str) -> str:
    action = re.search(r"\b([a-z0-9-]+:[A-Z]\w+)", said)
    if action is None:
        return "Allow it in the caller's policies. aws sts get-caller-identity shows the caller."
    if action[1] == "iam:PassRole":
        return (
            "Deploying passes the role to SageMaker: allow the caller iam:PassRole on that role, with "
            "sagemaker.amazonaws.com as iam:PassedToService."
        )
    return f"The caller needs {action[1]}. aws sts get-caller-identity shows the caller."


def of_client(doing: str, error: Exception) -> MooringError:
    """The error for a call without a response: credentials, region, connection."""
    name, said = type(error).__name__, str(error).strip().rstrip(".")
    for names, (error_class, message, hint) in _CLIENT.items():
        if name in names.split():
            return error_class(message.format(doing=doing, said=said), hint=hint)
    # boto3's wrapper of a transfer's error, with the service's message in its text.
    found = re.search(r"An error occurred \((\w+)\) when calling the \w+ operation[^:]*: (.*)", said)
    if found:
        return of_answer(doing, {"Error": {"Code": found[1], "Message": found[2]}})
    return DeployError(f"{doing} failed: {name}: {said}.")


_LOCAL = "To try without an account: moor local, and --endpoint-url http://127.0.0.1:4567."

_CLIENT: Mapping[str, tuple[type[DeployError], str, str]] = {
    "NoCredentialsError": (
        AccountError,
        "{doing} failed: no AWS credentials found.",
        f"Run aws configure or aws sso login, or use --profile. {_LOCAL}",
    ),
    "PartialCredentialsError": (
        AccountError,
        "{doing} failed: {said}.",
        "Set both variables, or unset both and run aws configure.",
    ),
    "NoRegionError": (
        AccountError,
        "{doing} failed: no region is set.",
        f"Use --region eu-central-1 or AWS_DEFAULT_REGION. {_LOCAL}",
    ),
    "ProfileNotFound": (AccountError, "{said}.", "List the profiles with aws configure list-profiles."),
    "CredentialRetrievalError SSOTokenLoadError UnauthorizedSSOTokenError TokenRetrievalError LoginRefreshRequired": (
        AccountError,
        "{doing} failed: {said}.",
        "Sign in again with aws sso login.",
    ),
    "EndpointConnectionError ConnectTimeoutError ConnectionClosedError ReadTimeoutError ProxyConnectionError "
    "SSLError": (
        DeployError,
        "{doing} failed: {said}.",
        "Check the network and the region, and that `moor local` runs if you use it.",
    ),
}
"""By the names of botocore's classes: the error, its message and its hint."""
