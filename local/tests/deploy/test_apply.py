"""A plan that is broken off: by another run, by a fault, by the user; what is undone and what is said."""

import dataclasses
from pathlib import Path

import pytest

from mooring.deploy.actions import Action, Plan
from mooring.deploy.archive import Wanted
from mooring.deploy.deployment import Order, carry_out, prepare, propose, remove, survey
from mooring.deploy.session import Session
from mooring.deploy.spec import Spec
from mooring.errors import NameTaken
from mooring.progress import Silent
from tests.deploy.test_apply import failing

pytestmark = pytest.mark.wire


class Heard(Silent):
    """Keeps what was noted; raises `what` when a step with `at` in its title begins."""

    def __init__(self, at: str = "", what: BaseException | None = None) -> None:
        super().__init__()
        self._at, self._what = at, what

    def begin(self, title: str, _total: int | None = None) -> None:
        """Perhaps Ctrl-C."""
        if self._what is not None and self._at in title:
            raise self._what


def batch_model(session: Session, place: Path, name: str, artefact: Path) -> Spec:
    """A deployment without an endpoint: an archive and a model, made in no time."""
    return prepare(session, Order(name, Wanted(str(artefact)), bucket=f"{name}-own", compute=None), place, Silent())


def models(session: Session, name: str) -> list[str]:
    """Those of the deployment."""
    found = session.client("sagemaker").list_models(NameContains=name)["Models"]
    return [each["ModelName"] for each in found]


def keys(session: Session, bucket: str) -> list[str]:
    """What is in the bucket; nothing where there is none."""
    s3 = session.client("s3")
    if bucket not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        return []
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def half() -> Spec:
    """Whose plan that is."""
    return Spec("half", "mooring", "arn:aws:iam::123456789012:role/x", None)


REFUSED = Action("create", "endpoint-config", "half-2", {"EndpointConfigName": "half-2", "ProductionVariants": []})


def test_another_run_was_faster(session: Session, artefact: Path, tmp_path: Path) -> None:
    """Its archive and its model are not taken from under it."""
    spec = batch_model(session, tmp_path, "race", artefact)
    mine = propose(session, spec)
    carry_out(session, spec, propose(session, spec), Silent())
    heard = Heard()
    with pytest.raises(NameTaken, match="perhaps by another run"):
        carry_out(session, spec, dataclasses.replace(mine, actions=mine.actions[1:]), heard)
    assert len(models(session, "race")) == len(keys(session, "race-own")) == 1
    assert "moor destroy race --bucket race-own --endpoint-url http://127.0.0.1" in heard.notes[-1]
    remove(session, survey(session, "race", None), Silent())
    assert models(session, "race") == keys(session, "race-own") == []


def test_the_command_that_is_named_finds_what_is_left(session: Session, artefact: Path, tmp_path: Path) -> None:
    """Broken off before a model says in which bucket the archive is."""
    spec = batch_model(session, tmp_path, "early", artefact)
    heard = Heard("Creating the model", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        carry_out(session, spec, propose(session, spec), heard)
    assert "bucket early-own, archive s3://early-own/" in heard.notes[-1]
    assert "moor destroy early --bucket early-own" in heard.notes[-1]
    assert len(keys(session, "early-own")) == 1
    remove(session, survey(session, "early", "early-own"), Silent())
    assert keys(session, "early-own") == []


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit(143)])
def test_breaking_off_the_undoing(session: Session, signal: BaseException) -> None:
    """What is not undone yet is named."""
    heard = Heard("Deleting the model", signal)
    with pytest.raises(type(signal)):
        carry_out(session, half(), failing(REFUSED), heard)
    assert "This run created: model half-1." in heard.notes[-1]
    assert models(session, "half-1") == ["half-1"]
    session.client("sagemaker").delete_model(ModelName="half-1")


def test_faults_of_any_sort_are_undone(session: Session, tmp_path: Path) -> None:
    """The archive has gone from the disk, say."""
    request = {"Filename": str(tmp_path / "gone"), "Bucket": "b", "Key": "k"}
    with pytest.raises(FileNotFoundError):
        carry_out(session, half(), failing(Action("upload", "archive", "s3://b/k", request)), Silent())
    assert models(session, "half-1") == []


def test_what_exists_already_is_named_too(session: Session) -> None:
    """A run that only waited has made nothing, and yet there is something."""
    heard = Heard("Waiting", KeyboardInterrupt())
    waiting = Action("wait", "endpoint", "half", {"EndpointName": "half", "until": "InService"})
    with pytest.raises(KeyboardInterrupt):
        carry_out(session, half(), Plan((waiting,), ("endpoint half",)), heard)
    assert "created nothing" in heard.notes[-1]
    assert "Already there: endpoint half." in heard.notes[-1]
