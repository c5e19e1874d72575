"""The notebook, run from top to bottom against a local SageMaker, offline; and what is committed of it."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from scripts.run_notebook import run

PATH = Path(__file__).resolve().parents[3] / "notebooks" / "deploy_question_answering.ipynb"
ANSWERS = ("Richard Trevithick", "21 February 1804", "Pen-y-darren ironworks", "seventy", "ten tons of iron")


def said(notebook: Any) -> str:
    """Everything that its cells print or show as text."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "\n".join(text for text in texts if isinstance(text, str))


def check(notebook: Any) -> None:
    """The answers, the plot, the container's own response, and nothing left in the end."""
    text = said(notebook)
    for answer in ANSWERS:
        assert answer in text
    assert re.search(r'"start":127,"end":145,"answer":"Richard Trevithick"\}', text)
    assert "status       200" in text
    assert "/inputs/context: expected text, found a number: 1804" in text
    assert "endpoints left: []" in text
    shown = [kind for cell in notebook.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())]
    assert shown.count("image/png") == 1


@pytest.mark.wire
@pytest.mark.filterwarnings("ignore")  # of the kernel's and its client's
def test_it_runs_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no variable of AWS's set, and no network that a call could reach."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    check(run(PATH))


def test_it_is_committed_with_the_outputs_of_a_whole_run() -> None:
    """In order, without errors, and without anything of the machine that it ran on."""
    notebook = nbformat.read(PATH, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(output.output_type != "error" for cell in cells for output in cell.outputs)
    check(notebook)
    assert not re.search(r"/(home|root|tmp|work)/", PATH.read_text(encoding="utf-8"))
