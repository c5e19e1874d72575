"""The answer of an asynchronous endpoint, which appears later as an object in S3."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from mooring.deploy import answer
from mooring.deploy.faults import asked, is_hidden
from mooring.deploy.session import Session
from mooring.deploy.wait import pause_after
from mooring.errors import DeadlineExceeded, InvokeError


@dataclass(frozen=True)
class AsyncAnswer:
    """An answer that is not there yet, and where it will appear."""

    session: Session = field(repr=False)
    inference_id: str
    output_path: str
    failure_path: str | None = None

    def result(self, timeout_s: float = 900.0) -> Any:
        """Wait for the answer, decoded as `Predictor.predict` does. Raises InvokeError or DeadlineExceeded."""
        began = time.monotonic()
        while True:
            body = self._fetch(self.output_path)
            if body is not None:
                return answer.decoded(body)
            if self.failure_path and (failure := self._fetch(self.failure_path)) is not None:
                raise InvokeError(
                    f"The request {self.inference_id} failed: {failure.decode(errors='replace')[:500]}",
                    hint=self.failure_path,
                )
            waited = time.monotonic() - began
            if waited + pause_after(waited) > timeout_s:
                raise DeadlineExceeded(
                    f"No answer to the request {self.inference_id} within {timeout_s:g} s.",
                    hint=f"It may still appear at {self.output_path}.",
                )
            time.sleep(pause_after(waited))

    async def aresult(self, timeout_s: float = 900.0) -> Any:
        """`result` without blocking the event loop."""
        return await asyncio.to_thread(self.result, timeout_s)

    def _fetch(self, uri: str) -> bytes | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3 = self.session.client("s3")

        def fetch() -> bytes:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body

        return asked(f"Looking for the answer at {uri}", fetch, is_hidden)
