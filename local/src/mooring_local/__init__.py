"""A SageMaker on localhost: the wire formats of the real one, endpoints that really run, state that survives a restart.

    with mooring_local.start("data") as local:
        client = boto3.client("sagemaker", endpoint_url=local.url)

`moor local` runs one as a program of its own.
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["start"]


def __getattr__(name: str) -> Any:
    # Here, because the command line imports this package before it knows that a server is wanted.
    if name != "start":
        raise AttributeError(f"module 'mooring_local' has no attribute {name!r}")
    from mooring_local.started import start

    return start
