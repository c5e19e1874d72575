"""AWS's errors in words: what happened, and what to do."""

from collections.abc import Callable

import pytest
from botocore import exceptions

from mooring.deploy.faults import in_words, is_denied, is_missing
from mooring.errors import AccountError, DeployError


def refusal(code: str, message: str = "no") -> Exception:
    """As a service's answer becomes."""
    error: Exception = exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "CreateModel")
    return error


ANSWERS = [
    ("ExpiredTokenException", "x", AccountError, "have expired", "aws sso login"),
    ("UnrecognizedClientException", "x", AccountError, "does not know these credentials", "get-caller-identity"),
    ("AccessDeniedException", "not authorized to perform: iam:PassRole on x", AccountError, "PassRole", "iam:PassRole"),
    (
        "AccessDeniedException",
        "not authorized to perform: sagemaker:CreateModel",
        AccountError,
        "",
        "sagemaker:CreateModel",
    ),
    ("ResourceLimitExceeded", "The account-level limit is 0", AccountError, "limit is 0", "Service Quotas"),
    ("ThrottlingException", "Rate exceeded", DeployError, "Rate exceeded", "again in a minute"),
    ("ValidationException", "Bad thing", DeployError, "Bad thing", ""),
    ("BucketAlreadyExists", "taken", DeployError, "taken", "--bucket"),
]


@pytest.mark.parametrize(("code", "message", "kind", "said", "hint"), ANSWERS)
def test_what_a_service_answers(code: str, message: str, kind: type[Exception], said: str, hint: str) -> None:
    """The step, the service's words, and the way out."""
    with pytest.raises(DeployError) as caught, in_words("Creating the model"):
        raise refusal(code, message)
    assert type(caught.value) is kind
    assert caught.value.message.startswith("Creating the model failed")
    assert said in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (exceptions.NoCredentialsError, AccountError, "no AWS credentials"),
        (exceptions.NoRegionError, AccountError, "no region"),
        (lambda: exceptions.ProfileNotFound(profile="x"), AccountError, "profile \\(x\\)"),
        (lambda: exceptions.EndpointConnectionError(endpoint_url="http://x"), DeployError, "http://x"),
        (
            lambda: exceptions.UnknownServiceError(service_name="x", known_service_names="y"),
            DeployError,
            "UnknownService",
        ),
    ],
)
def test_what_never_came_to_an_answer(make: Callable[[], Exception], kind: type[Exception], said: str) -> None:
    """Credentials, region, profile and connection."""
    with pytest.raises(kind, match=said), in_words("Looking"):
        raise make()


def test_a_transfers_wrapper_keeps_the_services_words() -> None:
    """boto3 hides the code of what an upload met in a text."""
    from boto3.exceptions import S3UploadFailedError

    text = (
        "Failed to upload x to b/k: An error occurred (AccessDenied) when calling the PutObject operation: s3:PutObject"
    )
    with pytest.raises(AccountError, match="s3:PutObject"), in_words("Uploading"):
        raise S3UploadFailedError(text)


def test_what_is_missing_and_what_is_denied() -> None:
    """SageMaker's general ValidationException means both "not there" and "wrong"."""
    assert is_missing(refusal("ValidationException", 'Could not find endpoint "arn".'))
    assert not is_missing(refusal("ValidationException", "1 validation error"))
    assert is_missing(refusal("404"))
    assert is_denied(refusal("AccessDenied"))
    assert not is_missing(ValueError())
