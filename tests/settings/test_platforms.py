"""Variables of SageMaker and of the stock toolkit keep their meaning, and what they do not change is said."""

from typing import Any

import pytest

from mooring.errors import UsageError
from mooring.settings import environment_notes, load_settings


@pytest.mark.parametrize(
    ("environ", "name", "value"),
    [
        ({"SAGEMAKER_BIND_TO_PORT": "9000"}, "port", 9000),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}, "deadline_s", 120.0),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "0.5"}, "deadline_s", 30.0),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "45"}, "deadline_s", 45.0),
        (
            {"SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "45", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"},
            "deadline_s",
            45.0,
        ),
        ({"MMS_DEFAULT_RESPONSE_TIMEOUT": "1"}, "deadline_s", 60.0),
        ({"MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS": "5"}, "deadline_s", 5.0),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "6"}, "max_body_bytes", 6 * 1024 * 1024),
        ({"MMS_MAX_REQUEST_SIZE": "2000000000"}, "max_body_bytes", 2_000_000_000),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "3"}, "workers", 3),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "0"}, "workers", 0),
        ({"MMS_DEFAULT_WORKERS_PER_MODEL": "2"}, "workers", 2),
        ({"MMS_JOB_QUEUE_SIZE": "100"}, "max_in_flight", 100),
        ({"OMP_NUM_THREADS": "2"}, "threads", 2),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "20"}, "log_level", "info"),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "10"}, "log_level", "debug"),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "25"}, "log_level", "warning"),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "50"}, "log_level", "critical"),
        ({"HF_MODEL_ID": "owner/name"}, "model", "owner/name"),
        ({"HF_MODEL_REVISION": "v1"}, "revision", "v1"),
        ({"HF_REVISION": "v1"}, "revision", "v1"),
        ({"HF_TASK": "question-answering"}, "task", "question-answering"),
        ({"HF_API_TOKEN": "t"}, "hub_token", "t"),
        ({"HF_HUB_TOKEN": "t"}, "hub_token", "t"),
        ({"SAGEMAKER_PROGRAM": "mine.py"}, "program", "mine.py"),
        ({"SAGEMAKER_PROGRAM": ""}, "program", None),
        ({"SAGEMAKER_SUBMIT_DIRECTORY": ""}, "submit_dir", None),
        ({"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code"}, "submit_dir", "/opt/ml/code"),
        ({"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}, "default_accept", "text/csv"),
        ({"MOORING_PORT": "1", "SAGEMAKER_BIND_TO_PORT": "2"}, "port", 1),
    ],
)
def test_what_they_set(environ: dict[str, str], name: str, value: Any) -> None:
    """In the stock container's units; our own variable wins, and empty is not set."""
    assert getattr(load_settings(environ), name) == value


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "soon", "a number of minutes"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "-1", "a number of minutes"),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "six", "a number of megabytes"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "two", "a whole number"),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "loud", "a whole number, 20 for info"),
        ("OMP_NUM_THREADS", "-2", "a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_may_be(name: str, text: str, allowed: str) -> None:
    """By the variable that holds it."""
    with pytest.raises(UsageError) as caught:
        load_settings({name: text})
    assert name in caught.value.message
    assert text in caught.value.message
    assert allowed in caught.value.hint


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"},
            "SAGEMAKER_MODEL_SERVER_TIMEOUT=2 is read as minutes, as the stock server reads it: deadline_s is 120.0.",
        ),
        (
            {"SAGEMAKER_MODEL_SERVER_VMARGS": "-Xmx1g"},
            "SAGEMAKER_MODEL_SERVER_VMARGS has no effect: there is no Java here.",
        ),
        (
            {"HF_TRUST_REMOTE_CODE": "true"},
            "HF_TRUST_REMOTE_CODE has no effect: code from a model's repository is never run.",
        ),
        ({"MMS_SOMETHING_NEW": "1"}, "MMS_SOMETHING_NEW has no effect here."),
    ],
)
def test_what_a_user_should_know_is_said_once(environ: dict[str, str], said: str) -> None:
    """A line each."""
    assert environment_notes(environ) == (said,)


def test_what_is_plain_is_not_commented_on() -> None:
    """Nor what does not decide."""
    plain = {
        "SAGEMAKER_BIND_TO_PORT": "9000",
        "HF_MODEL_ID": "a/b",
        "MMS_MAX_REQUEST_SIZE": "5",
        "SAGEMAKER_PROGRAM": "",
    }
    assert environment_notes(plain) == ()
    assert environment_notes({"MOORING_DEADLINE_S": "5", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}) == ()
