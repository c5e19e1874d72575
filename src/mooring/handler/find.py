"""A model's folder in, the user's code beside it out, with none of it run. Called by `wiring/` and `container/`."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mooring.errors import HandlerError, echo

DEFAULT_PROGRAM = "inference.py"
ENDPOINT_FILE = "handler.py"
ENDPOINT_CLASS = "EndpointHandler"
REQUIREMENTS = "requirements.txt"
FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
OWN = frozenset({"model_fn", "predict_fn", "transform_fn", ENDPOINT_CLASS})
"""With one of these the engine does not compute by itself: the user's code decides."""


@dataclass(frozen=True, slots=True)
class UserCode:
    """A file with the user's functions, or their class."""

    path: Path
    kind: Literal["functions", "endpoint"]
    defined: frozenset[str]
    """Of `FUNCTIONS` and `ENDPOINT_CLASS`, what the file defines at its top level, as far as that can be seen."""
    requirements: Path | None
    """Beside it."""

    @property
    def own(self) -> bool:
        """Whether calls run one at a time in the user's code."""
        return bool(self.defined & OWN)


def find_code(folders: Sequence[Path], program: str | None) -> UserCode | None:
    """The first code there is in `folders`, in their order; None if there is none.

    `program` is the file's name if the user gave one. Raises HandlerError if that is nowhere, or a file is not Python.
    """
    name = program or DEFAULT_PROGRAM
    name = name if name.endswith(".py") else f"{name}.py"
    for folder in folders:
        if (path := folder / name).is_file():
            return _code(path, "functions")
        if program is None and (path := folder / ENDPOINT_FILE).is_file():
            return _code(path, "endpoint")
    if program is not None:
        places = ", ".join(str(folder) for folder in folders) or "any folder"
        raise HandlerError(
            f"There is no {echo(name)} in {places}.", hint="SAGEMAKER_PROGRAM names a file of the model's code/ folder."
        )
    return None


def code_folders(model: Path | None, base: Path | None, submitted: str | None) -> list[Path]:
    """Where code may be: what was submitted, the model's code/ and its top, the platform's code/."""
    folders = []
    if submitted:
        folders.append(Path(submitted.removeprefix("file://")))
    if model is not None:
        folders += [model / "code", model]
    if base is not None:
        folders.append(base / "model" / "code")
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _code(path: Path, kind: Literal["functions", "endpoint"]) -> UserCode:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        place = f"{path.name}:{getattr(error, 'lineno', None) or 1}"
        raise HandlerError(f"{place} is not Python: {error}.", hint="Run it through python once.") from error
    wanted = {*FUNCTIONS, ENDPOINT_CLASS}
    requirements = path.parent / REQUIREMENTS
    return UserCode(path, kind, frozenset(_names(tree) & wanted), requirements if requirements.is_file() else None)


def _names(tree: ast.Module) -> set[str]:
    """What is defined, assigned or imported at the top level."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names
