"""AWS's errors in words: what happened, and what to do."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore import exceptions

from mooring.deploy.faults import in_words, is_denied, is_missing, is_taken, was_refused
from mooring.errors import AccountError, DeployError


def refusal(code: str, message: str = "no", status: int = 400) -> Exception:
    """As a service's answer becomes."""
    about = {"HTTPStatusCode": status}
    said: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": about}
    error: Exception = exceptions.ClientError(said, "CreateModel")
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
    (
        "ValidationException",
        "Unsupported manifest media type application/vnd.oci.image.index.v1+json for image host/mine:1. "
        "Ensure that valid manifest media type is used for specified image.",
        DeployError,
        "application/vnd.oci.image.index.v1+json",
        "docker://host/mine:1 docker://host/mine:docker",
    ),
    ("ImageTagAlreadyExistsException", "the tag is immutable", DeployError, "immutable", "put-image-tag-mutability"),
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
        (lambda: exceptions.PartialCredentialsError(provider="env", cred_var="X"), AccountError, "missing: X"),
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


def test_a_list_of_hundreds_is_shortened_to_the_nearest() -> None:
    """What SageMaker says of an instance type that there is not."""
    types = [f"ml.{family}.{size}large" for family in ("c7i", "c7g", "m5") for size in ("", "x", "2x", "4x", "8x")]
    said = f"1 error: Value 'ml.c7.large' at 'x' failed: Member must satisfy enum value set: [{', '.join(types)}]"
    with pytest.raises(DeployError) as caught, in_words("Creating"):
        raise refusal("ValidationException", said)
    assert "ml.c7i.large" in caught.value.message
    assert "(15 in total)" in caught.value.message
    assert "ml.m5.8xlarge" not in caught.value.message


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (refusal("ValidationException", status=400), True),
        (refusal("InternalFailure", status=500), False),
        (exceptions.ReadTimeoutError(endpoint_url="http://x"), False),
    ],
)
def test_only_a_refusal_says_that_nothing_was_made(error: Exception, refused: bool) -> None:
    """A fault of the service's own, or no answer, leaves that open."""
    with pytest.raises(DeployError) as caught, in_words("Creating"):
        raise error
    assert was_refused(caught.value) is refused


def test_what_is_taken() -> None:
    """SageMaker says so in words, others by a code."""
    assert is_taken(refusal("ValidationException", 'Cannot create already existing model "arn".'))
    assert is_taken(refusal("RepositoryAlreadyExistsException"))
    assert not is_taken(refusal("ValidationException"))
