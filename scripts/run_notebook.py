"""Run a notebook in its own folder and save its outputs: `make notebook`.

    python scripts/run_notebook.py notebooks/deploy_question_answering.ipynb [--check]

--check runs it without saving. Execution times and the kernel's version, which differ from run to run, are not saved.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

TIMEOUT_S = 120


def run(path: Path) -> Any:
    """The notebook with the outputs of this run. Raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def main() -> None:
    """Run the notebook and save it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--check", action="store_true", help="run the notebook without saving")
    options = parser.parse_args()
    try:
        done = run(options.notebook)
    except CellExecutionError as error:
        sys.exit(str(error))
    if not options.check:
        nbformat.write(done, options.notebook)
    print(f"{options.notebook}: {sum(cell.cell_type == 'code' for cell in done.cells)} cells ran")


if __name__ == "__main__":
    main()
