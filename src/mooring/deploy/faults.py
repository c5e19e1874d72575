"""What boto3 and botocore raise in, what a user can do about it out. Called around every call that is made of AWS."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mooring.deploy.manifest import how_to_convert
from mooring.errors import AccountError, DeployError, MooringError
from mooring.spelling import nearest

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_UNKNOWN_KEYS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "AuthFailure",
        "MissingAuthenticationToken",
        "InvalidSignatureException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403"})
_BUSY = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"})
_MISSING = frozenset(
    {
        "ResourceNotFound",
        "ResourceNotFoundException",
        "ObjectNotFoundException",
        "RepositoryNotFoundException",
        "ImageNotFoundException",
        "NoSuchEntity",
        "NoSuchBucket",
        "NoSuchKey",
        "404",
    }
)
_TAKEN = frozenset({"BucketAlreadyOwnedByYou", "RepositoryAlreadyExistsException"})


@contextmanager
def in_words(doing: str) -> Iterator[None]:
    """`doing` completes "… failed": "Creating the model". Raises AccountError or DeployError for botocore's errors."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise of_answer(doing, error.response) from error
    except (BotoCoreError, Boto3Error) as error:
        raise of_client(doing, error) from error


def code_of(error: Exception) -> str:
    """The service's code of an error; "" for one that no service sent."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, Mapping) else ""


def is_missing(error: Exception) -> bool:
    """Whether a service says that there is no such thing. SageMaker says so with its general ValidationException."""
    code = code_of(error)
    if code in _MISSING:
        return True
    response: Any = getattr(error, "response", {})
    return code == "ValidationException" and "Could not find" in str(response.get("Error", {}).get("Message", ""))


def is_denied(error: Exception) -> bool:
    """Whether the caller may not do that."""
    return code_of(error) in _DENIED


def is_taken(error: Exception) -> bool:
    """Whether a service says that there is one of that name already."""
    response: Any = getattr(error, "response", None) or {}
    return code_of(error) in _TAKEN or "already existing" in str(response.get("Error", {}).get("Message", ""))


def was_refused(error: BaseException | None) -> bool:
    """Whether a service answered that it will not: then nothing was made. Where a connection broke, nobody knows."""
    from botocore.exceptions import ClientError

    while error is not None and not isinstance(error, ClientError):
        error = error.__cause__ or error.__context__
    return error is not None and 400 <= error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500


def _shortened(said: str) -> str:
    """A service lists every value that it takes, hundreds of instance types say: the nearest ones are enough."""
    found = re.search(r"Value '(.*?)' at .*enum value set: \[(.*?)\]", said, re.DOTALL)
    if found is None or len(allowed := found[2].split(", ")) <= _SHOWN:
        return said
    near = nearest(found[1], allowed, count=3, cutoff=0.5) or allowed[:3]
    return said.replace(found[2], f"{', '.join(near)}, … {len(allowed)} in all")


def of_answer(doing: str, response: Mapping[str, Any]) -> MooringError:
    """The error for what a service answered."""
    fault = response.get("Error", {})
    code, said = str(fault.get("Code", "")), _shortened(str(fault.get("Message", "")).strip())
    what = f"{doing} failed: {said or code}"
    what = what if what.endswith(".") else f"{what}."
    if code in _EXPIRED:
        return AccountError(
            f"{doing} failed: the credentials have expired ({code}).",
            hint="Sign in again (aws sso login, or a new session token), then run the same command.",
        )
    if code in _UNKNOWN_KEYS:
        return AccountError(
            f"{doing} failed: AWS does not know these credentials ({code}).",
            hint="See whose they are: aws sts get-caller-identity; --profile names others.",
        )
    if code in _DENIED:
        return AccountError(what, hint=_denied(said))
    if code in ("ResourceLimitExceeded", "ServiceQuotaExceededException"):
        return AccountError(
            f"{what} ({code})",
            hint="Ask for more in the console under Service Quotas → Amazon SageMaker, or choose another "
            "--instance-type, or fewer instances.",
        )
    if code in _BUSY:
        return DeployError(f"{what} ({code})", hint="AWS asks to slow down: run the same command again in a minute.")
    if "manifest media type" in said:
        image = re.search(r"for image (\S+?)\.?(\s|$)", said)
        return DeployError(what, hint=how_to_convert(image[1] if image else "IMAGE"))
    return DeployError(f"{what} ({code})" if said else what, hint=_HINTS.get(code, ""))


_SHOWN = 12
"""Values that fit into a line."""

_HINTS = {
    "InvalidBucketName": "3 to 63 lower-case letters, digits, hyphens and dots: name another --bucket.",
    "NoSuchBucket": "Name a bucket of yours with --bucket, or leave it out for the account's default.",
    "BucketAlreadyExists": "That name belongs to another account: name a bucket of yours with --bucket.",
    "ImageTagAlreadyExistsException": "The image has to be written again in Docker's format, under the same tag: let "
    "the repository's tags be overwritten, aws ecr put-image-tag-mutability --image-tag-mutability MUTABLE.",
    "PermanentRedirect": "The bucket is in another region: name one in this region with --bucket.",
}


def _denied(said: str) -> str:
    action = re.search(r"\b([a-z0-9-]+:[A-Z]\w+)", said)
    if action is None:
        return "The policies of the caller (aws sts get-caller-identity says who) have to allow it."
    if action[1] == "iam:PassRole":
        return (
            "Whoever deploys hands the role over to SageMaker: give the caller iam:PassRole on that role, with "
            "sagemaker.amazonaws.com as iam:PassedToService."
        )
    return f"The caller (aws sts get-caller-identity says who) needs {action[1]}."


def of_client(doing: str, error: Exception) -> MooringError:
    """The error for what never came to an answer: credentials, region, connection."""
    name, said = type(error).__name__, str(error).strip().rstrip(".")
    make = _CLIENT.get(name)
    if make is not None:
        return make(doing, said)
    # boto3's own wrapper of what a transfer met; the service's words are in its text.
    found = re.search(r"An error occurred \((\w+)\) when calling the \w+ operation[^:]*: (.*)", said)
    if found:
        return of_answer(doing, {"Error": {"Code": found[1], "Message": found[2]}})
    return DeployError(f"{doing} failed: {name}: {said}.")


def _no_credentials(doing: str, _said: str) -> MooringError:
    return AccountError(
        f"{doing} failed: there are no AWS credentials.",
        hint="aws configure, or aws sso login, or --profile; for a try without an account: moor local, and "
        "--endpoint-url http://127.0.0.1:4567.",
    )


def _half_credentials(doing: str, said: str) -> MooringError:
    return AccountError(f"{doing} failed: {said}.", hint="Set both variables, or neither and aws configure.")


def _no_region(doing: str, _said: str) -> MooringError:
    return AccountError(
        f"{doing} failed: no region is set.",
        hint="Name one: --region eu-central-1, or AWS_DEFAULT_REGION; for a try without an account: moor local, and "
        "--endpoint-url http://127.0.0.1:4567.",
    )


def _no_profile(_doing: str, said: str) -> MooringError:
    return AccountError(f"{said}.", hint="The profiles there are: aws configure list-profiles")


def _expired(doing: str, said: str) -> MooringError:
    return AccountError(f"{doing} failed: {said}.", hint="Sign in again: aws sso login")


def _no_connection(doing: str, said: str) -> MooringError:
    return DeployError(
        f"{doing} failed: {said}.", hint="Is the connection there, the region right, and `moor local` running?"
    )


_CLIENT: Mapping[str, Callable[[str, str], MooringError]] = {
    "NoCredentialsError": _no_credentials,
    "PartialCredentialsError": _half_credentials,
    "CredentialRetrievalError": _expired,
    "NoRegionError": _no_region,
    "ProfileNotFound": _no_profile,
    "SSOTokenLoadError": _expired,
    "UnauthorizedSSOTokenError": _expired,
    "TokenRetrievalError": _expired,
    "LoginRefreshRequired": _expired,
    "EndpointConnectionError": _no_connection,
    "ConnectTimeoutError": _no_connection,
    "ConnectionClosedError": _no_connection,
    "ReadTimeoutError": _no_connection,
    "ProxyConnectionError": _no_connection,
    "SSLError": _no_connection,
}
