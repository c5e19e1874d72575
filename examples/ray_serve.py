"""Serve a model with Ray Serve: `pip install '.[ray]' 'ray[serve]'`, then `python examples/ray_serve.py [MODEL]`.

    curl -s http://127.0.0.1:8000/ -d '{"inputs": {"question": "Who wrote it?", "context": "Ada wrote it in 1843."}}'

Each replica opens the model once and answers concurrent requests in shared batches. Ray Serve adds replicas, machines
and autoscaling; nginx, deadlines and the other routes of `moor serve` are not part of it.
"""

import asyncio
import sys

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

import mooring
from mooring.errors import MooringError, RequestError, UsageError


@serve.deployment(num_replicas=1, max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
class Model:
    """One replica."""

    def __init__(self, source: str | None) -> None:
        self.model = mooring.open(source, threads=1)

    async def __call__(self, request: Request) -> JSONResponse:
        """Answer `inputs` and `parameters` as /invocations does."""
        try:
            body = await request.json()
            answer = await asyncio.to_thread(self.model, body["inputs"], **body.get("parameters", {}))
        except (RequestError, UsageError, ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": str(error) if isinstance(error, MooringError) else "invalid request"}, 400)
        return JSONResponse(answer)


if __name__ == "__main__":
    serve.run(Model.bind(sys.argv[1] if len(sys.argv) > 1 else None), blocking=True)
