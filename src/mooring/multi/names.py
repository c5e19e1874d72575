"""What a model of a multi-model server may be called. Used by `registry.py` and by `container/models.py`."""

from mooring.errors import InvalidRequest, echo

NAME_LIMIT = 1024


def check_name(name: object) -> str:
    """Raises InvalidRequest for a name that cannot be one."""
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT or "/" in name or not name.isprintable():
        raise InvalidRequest(
            f"it is {echo(name)}; it must be 1 to {NAME_LIMIT} characters without /.", pointer="/model_name"
        )
    return name
