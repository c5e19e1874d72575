"""The notebook with the SageMaker SDK, run as a program in the SDK's environment against the local SageMaker."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from local.tests.fidelity.environments import Place

NOTEBOOK = Path(__file__).resolve().parents[3] / "notebooks" / "sagemaker_sdk.ipynb"


def program() -> str:
    """Its cells, run from its folder. What it would install has to be there."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    code = re.sub(r"%pip .*", "raise SystemExit('something is not installed')", code)
    return f"import os\n\nos.chdir({str(NOTEBOOK.parent)!r})\n{code}\n"


def test_its_cells_are_a_program() -> None:
    """And it is committed without anything of the machine that it was written on."""
    compile(program(), NOTEBOOK.name, "exec")
    assert not re.search(r"/(home|root|tmp|work)/", NOTEBOOK.read_text(encoding="utf-8"))


@pytest.mark.sdk
def test_it_runs_from_top_to_bottom(place: Callable[[str], Place], tmp_path: Path) -> None:
    """Create, deploy, ask, print the container's response, windows by transformers' tokenizer, clean up."""
    script = tmp_path / "notebook.py"
    script.write_text(program(), encoding="utf-8")
    ran = place("sdk2").run("python", script)
    assert re.search(r'"start":127,"end":145,"answer":"Richard Trevithick"\}', ran.output), ran.output
    assert "window 2: " in ran.output
    assert "answer from windows: Richard Trevithick" in ran.output
    assert "models left: []" in ran.output
    assert ran.refused == ()
