"""Real boto3: every operation that is implemented, each of its paginators and waiters, against a whole local server."""

import boto3
import pytest

from local.tests.fidelity import boto3_others, boto3_sagemaker
from local.tests.fidelity.book import Book
from local.tests.fidelity.boto3_clients import Clients
from local.tests.fidelity.tap import RUNTIME, Tap
from mooring_local.objects.api import ROUTES
from mooring_local.started import Started

pytestmark = pytest.mark.sdk


def implemented(tap: Tap) -> dict[str, set[str]]:
    """By service; that a bucket has no CORS, say, is an answer of S3's and no operation."""
    return {
        **{name: set(one.handlers) for name, one in tap.services.items()},
        "sagemaker-runtime": set(RUNTIME.values()),
        "s3": {route.name for route in ROUTES.values() if " " not in route.name},
    }


def test_every_operation_paginator_and_waiter(local: Started, tap: Tap, book: Book) -> None:
    """Nothing that is implemented is left out, and all of it is answered."""
    clients = Clients(local.environment())
    boto3_sagemaker.endpoints(clients)
    boto3_sagemaker.asynchronous(clients)
    boto3_sagemaker.components(clients)
    boto3_sagemaker.jobs(clients)
    boto3_sagemaker.scaling(clients)
    boto3_others.objects(clients)
    boto3_others.multipart(clients)
    boto3_others.roles(clients)
    boto3_others.images(clients)
    boto3_sagemaker.the_end(clients)

    there = implemented(tap)
    assert {f"{service}.{name}" for service, names in there.items() for name in names} - tap.answered() == set()
    assert clients.paged == {name for service in there for name in clients.pageable(service, there[service])}
    assert clients.waited == {name for service in there for name in clients.waitable(service, there[service])}
    assert not [one for one in tap.seen if one.status >= 500]
    did = [*(f"paginator {name}" for name in clients.paged), *(f"waiter {name}" for name in clients.waited)]
    book.passed(("boto3", boto3.__version__), tap, did)
