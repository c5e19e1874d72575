"""Refuse what needs an extra that is not installed, with the command that installs it."""

from importlib.util import find_spec

from mooring.errors import UsageError
from mooring.installation import install_command


def need(module: str, extra: str, what: str) -> None:
    """Raise UsageError if the module cannot be imported. `what` needs it."""
    if find_spec(module) is None:
        raise UsageError(
            f"{what} needs {module}, which is not installed.", hint=f"Install it: {install_command(extra)}"
        )
