"""Deploy a model to a SageMaker endpoint, and call it. From Python: `from mooring.deploy import Model, Predictor`.

spec.py, fit.py                    the wanted deployment, checked against the platform's limits (pure)
requests.py, plan.py, actions.py   actions from the spec and the observed state (pure); cloudformation.py: as a template
session.py, faults.py              boto3 clients, and botocore's errors translated
observe.py, apply.py, wait.py      read the state, execute actions, wait; nothing else has effects in the account
archive.py, pack.py, image.py      the model as model.tar.gz, names of images
deployment.py, transform.py        the steps of a command, reported to a `Progress`
invoke.py, answer.py, model.py     `Predictor`, its answers and when to ask again; `Model`
doctor.py, code.py                 checks before anything is uploaded
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mooring.deploy.invoke import Predictor
    from mooring.deploy.model import Model

__all__ = ["Model", "Predictor"]

_PLACES = {"Model": "mooring.deploy.model", "Predictor": "mooring.deploy.invoke"}
"""Imported on first use: some commands use parts of this package without boto3."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'mooring.deploy' has no attribute {name!r}")
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        from mooring.installation import install_command

        raise ImportError(f"mooring.deploy.{name} needs boto3. Install it: {install_command('aws')}")
    return getattr(import_module(_PLACES[name]), name)
