"""An S3 on a folder: in process, and at a real port for boto3."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from mooring_local.objects.api import S3
from mooring_local.objects.store import ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """One with the empty bucket `bucket`."""
    store = ObjectStore(tmp_path / "s3")
    store.create_bucket("bucket")
    return store


@pytest.fixture(scope="session")
def s3_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the served one."""
    return tmp_path_factory.mktemp("s3")


@pytest.fixture(scope="session")
def s3_url(s3_root: Path) -> Iterator[str]:
    """The address of an S3 that runs in a thread."""
    server = uvicorn.Server(
        uvicorn.Config(S3(ObjectStore(s3_root)).asgi, interface="asgi3", lifespan="off", log_level="warning")
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def s3(s3_url: str) -> Any:
    """boto3's client of it."""
    return client_of(s3_url)


def client_of(url: str, region: str = "eu-west-1") -> Any:
    """boto3's S3 client, which does not try again."""
    session = boto3.Session("AKIATEST", "secret", region_name=region)
    return session.client("s3", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def bucket(s3: Any, s3_root: Path) -> Iterator[str]:
    """An empty bucket of its own for each test."""
    name = f"bucket-{len(list(s3_root.iterdir()))}-{threading.get_ident() % 1000}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield name
    for version in s3.list_object_versions(Bucket=name).get("Versions", []):
        s3.delete_object(Bucket=name, Key=version["Key"])
    s3.delete_bucket(Bucket=name)


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """Code and status of the error that the call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
