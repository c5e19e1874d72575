"""A plan whose calls may or may not have arrived."""

import pytest

from mooring.deploy.actions import Action, Plan
from mooring.deploy.apply import Done, apply, undo
from mooring.deploy.session import Place, Session
from mooring.errors import DeployError
from mooring.progress import Silent

pytestmark = pytest.mark.wire


def failing(*more: Action) -> Plan:
    """A model is made, and then something that cannot be."""
    role = "arn:aws:iam::123456789012:role/x"
    request = {"ModelName": "half-1", "PrimaryContainer": {"Image": "mooring"}, "ExecutionRoleArn": role}
    undo = Action("delete", "model", "half-1", {"ModelName": "half-1"})
    return Plan((Action("create", "model", "half-1", request, "", undo), *more))


def test_after_a_broken_connection_nobody_knows() -> None:
    """A call without an answer may have been heard: it counts as made, and what cannot be undone is named."""
    gone, done = Session(Place(endpoint_url="http://127.0.0.1:9")), Done()
    with pytest.raises(DeployError, match="Could not connect"):
        apply(gone, failing(), Silent(), done)
    assert done.made == ["model half-1"]
    assert "Could not connect" in undo(gone, done, Silent())[0]
