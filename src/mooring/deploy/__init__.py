"""From a model to a SageMaker endpoint: facts → decisions → effects.

spec.py, limits.py, instances.py   what is wanted, and whether the platform could have it (pure)
requests.py, plan.py, removal.py   spec × what was observed → actions (pure); cloudformation.py: the same as a template
session.py, faults.py              clients, and what botocore raises in words
observe.py, apply.py, wait.py      look, do, wait: the only modules that change anything
archive.py, pack.py, image.py      the model as model.tar.gz, the image as SageMaker can pull it
deployment.py, transform.py        the story of one command, told to a `Narrator`
invoke.py, answer.py, retry.py     `Predictor`; asynchronous.py: answers that come later; model.py: `Model`
narrator.py                        who is told
doctor.py, code.py                 what would fail, before anything is uploaded

Called by `cli/` and by those who use it from Python: `from mooring.deploy import Model, Predictor`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mooring.deploy.invoke import Predictor
    from mooring.deploy.model import Model

__all__ = ["Model", "Predictor"]

_PLACES = {"Model": "mooring.deploy.model", "Predictor": "mooring.deploy.invoke"}
"""Imported when they are asked for: some commands use parts of this package without boto3."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'mooring.deploy' has no attribute {name!r}")
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        from mooring.installation import install_command

        raise ImportError(f"mooring.deploy.{name} needs boto3. Install it: {install_command('aws')}")
    return getattr(import_module(_PLACES[name]), name)
