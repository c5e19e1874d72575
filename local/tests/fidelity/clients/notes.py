"""What a program tells its test, and boto3 for what is not the client's own. Imported by the programs beside it."""

import json
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

QUESTION = {"question": "Where does Amina live?", "context": "My name is Amina and I live in Lisbon."}
ASKED = {"inputs": QUESTION}
OFTEN = {"Delay": 1, "MaxAttempts": 60}
MARK = "by-hand"
"""In the user agent of what the program asks by itself: it is no request of the client's. See tap.py."""


def did(what: str, saw: Any) -> None:
    """A line for the test: what was done, and what was seen of it."""
    print("\n" + json.dumps({"did": what, "saw": saw}), flush=True)


def cannot(what: str, call: Callable[[], Any]) -> None:
    """What fails, and with which words: the test knows of it, and would like to hear if it were mended."""
    try:
        call()
    except Exception as error:  # that is the question
        print("\n" + json.dumps({"cannot": what, "because": f"{type(error).__name__}: {error}"[:400]}), flush=True)
    else:
        did(what, "works now")


def by_hand(service: str) -> Any:
    """boto3's client."""
    return boto3.client(service, config=Config(user_agent_extra=MARK))


def wait(name: str, for_what: str = "endpoint_in_service") -> None:
    """For an endpoint: the SDK's own waiting sleeps for 30 s before it looks for the first time."""
    by_hand("sagemaker").get_waiter(for_what).wait(EndpointName=name, WaiterConfig=OFTEN)


def there(uri: str) -> bytes:
    """An object that comes later."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = by_hand("s3")
    s3.get_waiter("object_exists").wait(Bucket=bucket, Key=key, WaiterConfig=OFTEN)
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
