"""Mooring: a Hugging Face encoder model, answering over HTTP on a CPU, the same bytes everywhere."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["Model", "Predictor", "__version__"]

_PLACES = {"Model": "mooring.deploy.model", "Predictor": "mooring.deploy.invoke"}
"""Imported when they are asked for: `import mooring` stays cheap, and serving needs no boto3."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'mooring' has no attribute {name!r}")
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        from mooring.installation import install_command

        raise ImportError(f"mooring.{name} needs boto3. Install it: {install_command('aws')}")
    return getattr(import_module(_PLACES[name]), name)
