"""Answers are typed, and the dicts that users know."""

import dataclasses

import pytest

from mooring.deploy.answer import Answer, read

RAW = {"score": 0.9, "start": 0, "end": 3, "answer": "Ada"}


def test_a_dict_in_all_that_matters() -> None:
    """Keys, items, get, unpacking, membership, comparison."""
    said = read(RAW)
    assert isinstance(said, Answer)
    assert said["answer"] == said.answer == said.text == str(said) == "Ada"
    assert {**said} == dict(said) == RAW
    assert said == RAW
    assert list(said) == list(RAW)
    assert said.get("nope", 1) == 1
    assert "score" in said
    assert (dict(said.items()), list(said.values()), len(said)) == (RAW, list(RAW.values()), 4)
    with pytest.raises(KeyError):
        said["nope"]


def test_frozen_and_hashable() -> None:
    """A value."""
    said = read(RAW)
    with pytest.raises(dataclasses.FrozenInstanceError):
        said.score = 1
    assert len({said, read(RAW)}) == 1
    assert said != {"score": 1}
    assert said != 5


def test_other_tasks_answers_stay_as_they_are() -> None:
    """Only what has exactly an answer's members is one."""
    assert read([RAW, [RAW]]) == [RAW, [RAW]]
    assert type(read({**RAW, "more": 1})) is dict
    assert read([{"label": "POSITIVE"}]) == [{"label": "POSITIVE"}]
