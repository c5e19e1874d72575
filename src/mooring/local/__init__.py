"""A SageMaker on localhost: the wire formats of the real one, endpoints that really run, state that survives a restart.

    with mooring.local.start("data") as local:
        client = boto3.client("sagemaker", endpoint_url=local.url)

`moor local` runs one as a program of its own.
"""

from typing import Any

__all__ = ["start"]


def __getattr__(name: str) -> Any:
    if name != "start":
        raise AttributeError(f"module 'mooring.local' has no attribute {name!r}")
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        from mooring.installation import install_command

        raise ImportError(f"mooring.local needs boto3. Install it: {install_command('aws')}")
    from mooring.local.started import start

    return start
