"""A local SageMaker emulator: the real API's wire formats, running endpoints, and persistent state.

    with mooring_local.start("data") as local:
        client = boto3.client("sagemaker", endpoint_url=local.url)

`moor local` runs it as a program.
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["start"]


def __getattr__(name: str) -> Any:
    # Imported late: the command line imports this package even when no server is needed.
    if name != "start":
        raise AttributeError(f"module 'mooring_local' has no attribute {name!r}")
    from mooring_local.started import start

    return start
