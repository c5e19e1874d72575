"""boto3's clients of a local server, and what it adds to operations: waiters and paginators."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
from botocore import xform_name

PATIENCE_S = 60.0
Found = TypeVar("Found")


@dataclass
class Clients:
    """By name; notes what was waited for and paged through."""

    variables: Mapping[str, str]
    waited: set[str] = field(default_factory=set)
    paged: set[str] = field(default_factory=set)
    _made: dict[str, Any] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """For models."""
        return self.variables["SAGEMAKER_ROLE"]

    def of(self, service: str) -> Any:
        """As a program would have it whose environment has the variables."""
        if service not in self._made:
            given = self.variables
            session = boto3.Session(
                given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], region_name=given["AWS_REGION"]
            )
            self._made[service] = session.client(service, endpoint_url=given["AWS_ENDPOINT_URL"])
        return self._made[service]

    def wait(self, service: str, waiter: str, **parameters: Any) -> None:
        """As boto3 waits, but more often."""
        self.waited.add(f"{service}.{waiter}")
        self.of(service).get_waiter(waiter).wait(**parameters, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def pages(self, service: str, operation: str, size: int | None = 1, **parameters: Any) -> int:
        """How many pages of that size there are, without an empty one at the end."""
        self.paged.add(f"{service}.{operation}")
        paginator = self.of(service).get_paginator(operation)
        keys = [str(key.expression) for key in paginator.result_keys]
        config = {} if size is None else {"PageSize": size}
        pages = list(paginator.paginate(**parameters, PaginationConfig=config))
        return len([page for page in pages if any(page.get(key) for key in keys)]) or 1

    def until(self, look: Callable[[], Found], true: Callable[[Found], bool]) -> Found:
        """For what boto3 has no waiter for."""
        end = time.monotonic() + PATIENCE_S
        while not true(found := look()):
            assert time.monotonic() < end, found
            time.sleep(0.2)
        return found

    def pageable(self, service: str, operations: set[str]) -> set[str]:
        """Those of the operations that boto3 pages through."""
        names = {xform_name(operation) for operation in operations}
        return {f"{service}.{name}" for name in names if self.of(service).can_paginate(name)}

    def waitable(self, service: str, operations: set[str]) -> set[str]:
        """The waiters that ask one of the operations."""
        client = self.of(service)
        waiters = {name: client.get_waiter(name).config.operation for name in client.waiter_names}
        return {f"{service}.{name}" for name, operation in waiters.items() if operation in operations}
