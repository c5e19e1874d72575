"""Trainings of tiny random models: they learn, and are continued exactly."""

import json
import os
import re
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mooring.cli import run
from mooring.model.folder import ModelFolder
from mooring.progress import Silent
from mooring.tokenization.load import load_tokenizer
from mooring_training.checkpoint import FILE, MOMENTS, set_moments
from mooring_training.network import Network, load_network
from mooring_training.objectives import Questions, Text
from mooring_training.questions import read_questions
from mooring_training.recipe import Data, Model, Optimizer, Recipe, read_recipe
from mooring_training.trainer import LOG, Plan, Trainer, rate_at
from tests.support.tiny_models import write_tiny_bert
from training.tests.support.tiny_data import write_squad

RECIPES = Path(__file__).parents[1] / "recipes"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Tiny tensors gain nothing from more."""
    torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A random BERT of two layers."""
    return write_tiny_bert(tmp_path / "tiny")


def questions_of(folder: Path, optimizer: Optimizer, **more: Any) -> Questions:
    """The objective of the tiny questions."""
    recipe = Recipe("questions", Model("x"), Data(("x",)), optimizer=optimizer, **more)
    asked = read_questions(write_squad(folder.parent / "squad.json"))
    return Questions(recipe, asked, load_tokenizer(ModelFolder(folder)), [])


def trainer(network: Network, objective: Any, optimizer: Optimizer, work: Path, **more: Any) -> Trainer:
    return Trainer(network, objective, optimizer, Plan(work, "print", seed=1, **more), Silent())


class Repeated:
    """The first batch of an objective, again and again."""

    def __init__(self, inner: Questions, steps: int) -> None:
        self._inner, self.steps = inner, steps

    def losses(self, network: Network, _step: int) -> Mapping[str, Tensor]:
        return self._inner.losses(network, 0)

    def tokens(self, _step: int) -> int:
        return self._inner.tokens(0)


def test_one_batch_is_learned_by_heart(folder: Path, tmp_path: Path) -> None:
    """Answerable questions and moved ones: the loss falls to almost nothing, and every answer is right."""
    optimizer = Optimizer(learning_rate=3e-3, batch_tokens=600, dropout=0.0)
    objective = Repeated(questions_of(folder, optimizer), 60)
    trained = trainer(load_network(folder), objective, optimizer, tmp_path / "work")
    trained.run()
    lines = [json.loads(line) for line in (tmp_path / "work" / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 61))
    assert lines[0]["loss"] > 2
    assert lines[-1]["loss"] < 0.1


def test_bf16_is_close_to_fp32(folder: Path, tmp_path: Path) -> None:
    """Losses of the first steps, on any CPU."""
    optimizer = Optimizer(learning_rate=1e-3, batch_tokens=600, dropout=0.0)
    losses = []
    for bf16 in (False, True):
        work = tmp_path / str(bf16)
        trainer(load_network(folder), Repeated(questions_of(folder, optimizer), 3), optimizer, work, bf16=bf16).run()
        losses.append([json.loads(line)["loss"] for line in (work / LOG).read_text().splitlines()])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


class Interrupting:
    """An objective during one of whose steps SIGINT arrives."""

    def __init__(self, inner: Questions, at: int) -> None:
        self._inner, self._at = inner, at
        self.steps = inner.steps
        self.tokens = inner.tokens

    def losses(self, network: Network, step: int) -> Mapping[str, Tensor]:
        if step == self._at and threading.current_thread() is threading.main_thread():
            os.kill(os.getpid(), signal.SIGINT)
        return self._inner.losses(network, step)


def test_a_continued_training_equals_an_uninterrupted_one(folder: Path, tmp_path: Path) -> None:
    """With dropout: bit by bit the same weights and losses after Ctrl-C in the middle of step 8."""
    optimizer = Optimizer(epochs=4, learning_rate=1e-3, batch_tokens=300, dropout=0.1, attention_dropout=0.1)
    objective = questions_of(folder, optimizer)
    whole = trainer(load_network(folder), objective, optimizer, tmp_path / "whole")
    whole.run()
    first = trainer(load_network(folder), Interrupting(objective, 7), optimizer, tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert first.step == 8
    again = trainer(load_network(folder), objective, optimizer, tmp_path / "parts")
    assert again.step == 8
    again.run()
    for name, weight in whole.network.weights.items():
        assert torch.equal(weight, again.network.weights[name]), name
    assert (tmp_path / "whole" / LOG).read_text() == (tmp_path / "parts" / LOG).read_text()


def test_a_continued_optimizer_is_on_the_device_of_its_weights() -> None:
    """All of its state: a fused AdamW on a GPU refuses a step counter on the CPU."""
    weight = torch.zeros(2, device="meta", requires_grad=True)
    optimizer = torch.optim.AdamW([weight])
    set_moments(optimizer, {"w": weight}, {"w": {kind: torch.zeros(2) for kind in MOMENTS}}, 3)
    assert {tensor.device.type for tensor in optimizer.state[weight].values()} == {"meta"}


def test_the_seed_decides(folder: Path) -> None:
    """Other questions are moved, in another order."""
    optimizer = Optimizer(epochs=1, batch_tokens=300)
    sizes = [[questions_of(folder, optimizer, seed=seed).tokens(step) for step in range(5)] for seed in (1, 1, 2)]
    assert sizes[0] == sizes[1] != sizes[2]


def test_the_learning_rate_rises_and_falls() -> None:
    """Linearly: half way up at the middle of the warm-up, half way down in the middle of the rest."""
    options = Optimizer(learning_rate=1.0, warmup=0.2)
    rates = [rate_at(step, 100, options) for step in (0, 9, 19, 20, 60, 99)]
    assert rates == pytest.approx([0.05, 0.5, 1.0, 1.0, 0.5, 1 / 80])


def test_three_losses_on_text(tmp_path: Path) -> None:
    """A student that is its teacher has only the loss of the masked tokens; another one gets closer to its teacher."""
    teacher = load_network(write_tiny_bert(tmp_path / "teacher", head="masked"))
    student = load_network(write_tiny_bert(tmp_path / "student", head="masked", seed=1))
    optimizer = Optimizer(epochs=10, learning_rate=5e-3, batch_tokens=400, dropout=0.0)
    recipe = Recipe("text", Model("x", teachers=("t",)), Data(("x",)), optimizer=optimizer)
    texts = [one.context for one in read_questions(write_squad(tmp_path / "squad.json", articles=8))]
    objective = Text(recipe, texts, load_tokenizer(ModelFolder(tmp_path / "teacher")), teacher)
    same = {name: loss.item() for name, loss in objective.losses(teacher, 0).items()}
    assert set(same) == {"masked", "distillation", "cosine"}
    assert same["distillation"] == pytest.approx(0, abs=1e-5)
    assert same["cosine"] == pytest.approx(0, abs=1e-5)
    before = {name: loss.item() for name, loss in objective.losses(student, 0).items()}
    trained = trainer(student, objective, optimizer, tmp_path / "work")
    trained.run()
    after = {name: loss.item() for name, loss in objective.losses(trained.network, 0).items()}
    assert all(after[name] < 0.8 * before[name] for name in before), (before, after)


def test_fifteen_percent_of_the_words_are_hidden(tmp_path: Path) -> None:
    """Never a special token; most of them behind [MASK]; the same ones for the same step."""
    teacher = load_network(write_tiny_bert(tmp_path / "teacher", head="masked"))
    tokenizer = load_tokenizer(ModelFolder(tmp_path / "teacher"))
    recipe = Recipe("text", Model("x"), Data(("x",)), optimizer=Optimizer(batch_tokens=100_000))
    texts = [one.context for one in read_questions(write_squad(tmp_path / "squad.json", articles=40))]
    seen = []

    class Spy:
        """Keeps the ids that a network is given."""

        has_masked_head, device = True, teacher.device

        def hidden(self, batch: Any) -> Tensor:
            seen.append(batch.ids)
            return teacher.hidden(batch)

        def vocabulary(self, hidden: Tensor) -> Tensor:
            seen.append(torch.tensor(len(hidden)))
            return teacher.vocabulary(hidden)

    objective = Text(recipe, texts, tokenizer, None)
    for _ in range(2):
        objective.losses(Spy(), 0)  # type: ignore[arg-type]
    ids, hidden = seen[0], int(seen[1])
    assert torch.equal(ids, seen[2])
    assert hidden == pytest.approx(0.15 * ids.numel(), rel=0.15)
    assert int((ids == tokenizer.habits.mask_id).sum()) == pytest.approx(0.8 * hidden, rel=0.1)
    assert (ids[:, 0] == tokenizer.cls_id).all()


RECIPE = """
kind = "questions"
seed = 3
[model]
start = "{start}"
[data]
files = ["squad.json"]
held_out = 0.25
[optimizer]
epochs = {epochs}
learning_rate = 3e-3
batch_tokens = 600
snapshots = 2
"""


def test_the_command_from_recipe_to_answer(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped and continued, judged, averaged, and served by moor ask."""
    monkeypatch.chdir(tmp_path)
    write_squad(tmp_path / "squad.json")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(start=folder.name, epochs=3))
    train = ["distil", "train", "recipe.toml", "--data", ".", "-o", "out", "--threads", "1"]
    assert run([*train, "--stop-after", "0.01"]) == 130
    assert "Run the same command to continue" in capsys.readouterr().err
    assert not Path("out").exists()
    assert run(train) == 0
    said = capsys.readouterr()
    assert "Wrote out." in said.out
    assert "tokens per second" in said.err
    assert {path.name for path in Path("out").iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    record = json.loads(Path("out/distil.json").read_text())
    assert record["held_back"]["pairs"] == 6
    assert record["calibration"]["after"] <= record["calibration"]["before"]
    assert Path("out.work/loss.svg").read_text().startswith("<svg")
    snapshots = sorted(str(path) for path in Path("out.work").glob("step-*"))
    assert len(snapshots) == 2
    assert json.loads(Path(snapshots[0], "config.json").read_text())["mooring"] == {"no_answer": True}
    assert run(["distil", "average", *snapshots, "-o", "mean"]) == 0
    assert run(["distil", "calibrate", "mean", "squad.json", "--held-out", "0.25", "-o", "soft", "--threads", "1"]) == 0
    assert run(["distil", "calibrate", "mean", "-o", "given", "--temperature", "2"]) == 0
    made = json.loads(Path("given/distil.json").read_text())
    assert (made["calibration"], made["of"]["name"]) == ({"temperature": 2}, "mean")
    averaged = made["of"]["record"]["average"]
    assert [one["name"] for one in averaged] == [Path(one).name for one in snapshots]
    assert averaged[1]["record"]["step"] == record["steps"]
    halves = (load_network(Path(name)).weights["qa_outputs.weight"] for name in ("mean", "given"))
    assert torch.allclose(next(halves), 2 * next(halves), rtol=1e-2)
    assert run(["distil", "calibrate", "mean", "-o", "neither"]) == 2
    assert "Provide either FILES" in capsys.readouterr().err
    capsys.readouterr()
    assert run(["distil", "judge", "squad.json", "-m", "soft", "--json", "--threads", "1"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert (judged["answerable"], judged["pairs"]) == (24, 24)
    assert run(train) == 2
    assert "out already exists" in capsys.readouterr().err
    before = Path("out/model.safetensors").read_bytes()
    assert run([*train, "--force", "--restart"]) == 0
    assert Path("out/model.safetensors").read_bytes() == before
    assert not list(tmp_path.glob(".out*"))


def test_another_recipe_does_not_continue(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--restart begins again."""
    monkeypatch.chdir(tmp_path)
    write_squad(tmp_path / "squad.json")
    train = ["distil", "train", "recipe.toml", "--data", ".", "-o", "out", "--threads", "1", "--stop-after", "0.01"]
    for epochs, code in ((12, 130), (13, 2)):
        (tmp_path / "recipe.toml").write_text(RECIPE.format(start=folder.name, epochs=epochs))
        assert run(train) == code
    assert f"out.work/{FILE} belongs to another recipe" in capsys.readouterr().err
    assert run([*train, "--restart"]) == 130


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("kind", "tasks"), "Invalid enum value 'tasks'"),
        (("epochs = 1", "epohcs = 1"), "unknown field `epohcs`"),
        (("held_out = 0.25", "held_out = 2"), r"Expected `float` <= 1.0 - at `\$.data.held_out`"),
        (("snapshots = 2", "snapshots = 2\n[loss]\nsoft = 1.0"), "loss.soft is 1, but model.teachers is empty"),
        (("snapshots = 2", "snapshots = 2\n[loss]\nhard = 0.0"), "loss.hard and loss.soft are both 0"),
    ],
)
def test_a_recipe_with_a_fault(
    change: tuple[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its field is named, before anything is read."""
    text = RECIPE.format(start="x", epochs=1).replace("questions", change[1]) if change[0] == "kind" else ""
    (tmp_path / "r.toml").write_text(text or RECIPE.format(start="x", epochs=1).replace(*change))
    assert run(["distil", "train", str(tmp_path / "r.toml"), "--data", ".", "-o", str(tmp_path / "out")]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_of_the_project_are_valid(path: Path) -> None:
    """Their models are folders of this repository, or made by another recipe."""
    assert read_recipe(path).kind in ("questions", "spans", "text")
