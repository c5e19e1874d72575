"""The default model of user code: what it has of transformers' pipeline, and what it says of the rest."""

import copy
import json
from pathlib import Path

import pytest

from mooring.handler import load_model, pipeline
from mooring.handler.pipeline import Pipeline
from mooring.settings import load_settings
from mooring.tasks import TASKS
from mooring.testing import FakeBackend
from mooring.wiring.model import open_model
from tests.support.every_task import MODELS
from tests.support.text_task import TextTask


def made() -> Pipeline:
    """On fakes."""
    return Pipeline(TextTask(), FakeBackend())


def test_it_says_its_task_and_its_device() -> None:
    """As text, and as code for torch reads it."""
    model = made()
    assert (model.task, model.device, model.device.type) == ("question-answering", "cpu", "cpu")
    assert isinstance(model.task, str)


@pytest.mark.parametrize("name", ["tokenizer", "model", "framework", "preprocess", "save_pretrained"])
def test_what_it_lacks_says_so_and_what_to_do(name: str) -> None:
    """hasattr is false, and the error names the attribute."""
    model = made()
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match=rf"has no {name}: .*moor image --target full"):
        getattr(model, name)


def test_it_answers_as_a_pipeline_is_called() -> None:
    """One input, by name, and several; it can also be copied."""
    pair = {"question": "Who?", "context": "Ada wrote it."}
    model = copy.copy(made())
    assert model(pair) == model(question="Who?", context="Ada wrote it.")
    assert model([pair, pair]) == [model(pair), model(pair)]


def test_without_a_server_there_is_nothing_to_load_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file was started by hand."""
    monkeypatch.setattr(pipeline, "_openers", [])
    with pytest.raises(RuntimeError, match="moor serve --run-code"):
        load_model("/m")


@pytest.mark.wire
@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_pipeline(task: str, tmp_path: Path) -> None:
    """Called like transformers', with the same answers as the server's; plain lists and numbers."""
    settings = load_settings({}, model=str(MODELS[task](tmp_path)), task=task, compile_cache_bytes=0)
    opened = open_model(settings)
    try:
        model = Pipeline(opened.task, opened.backend)
        assert model.task == task
        example = opened.task.example
        answer = model(example["inputs"], **example.get("parameters", {}))
        assert json.loads(json.dumps(answer)) == answer
        assert answer
        several = model([example["inputs"]] * 2, **example.get("parameters", {}))
        assert len(several) == 2
        assert several[0] == several[1]
    finally:
        opened.backend.close()
