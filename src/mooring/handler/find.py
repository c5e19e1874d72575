"""Find the user code of a model on disk without running it. Called by `wiring/` and `container/`.

Code runs from the places where the stock containers look, or else from the only folder `code` in the model. Other files
that look like code are reported as idle, so nothing is left out silently.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mooring.errors import HandlerError, echo
from mooring.model.code import (
    CODE_FOLDER,
    DEFAULT_PROGRAM,
    ENDPOINT_FILE,
    ENTRIES,
    REQUIREMENTS,
    code_below,
)

ENDPOINT_CLASS = "EndpointHandler"
FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
HOOKS = ("pre_model_fn", "model_warmup_fn")
"""Hooks before and after the model is loaded, as in the SageMaker inference toolkit."""
OWN = frozenset({"model_fn", "predict_fn", "transform_fn"})
"""If one of these exists, user code computes instead of the engine."""

Kind = Literal["functions", "endpoint"]


@dataclass(frozen=True, slots=True)
class Located:
    """The place of a model's code. `path` None: no code would be run."""

    path: Path | None
    idle: tuple[Path, ...] = ()
    """Other code of the model that is not run."""
    complete: bool = True
    """Whether the whole model was searched."""
    problem: HandlerError | None = None
    """Why it is unclear which file to run; callers that want to run code raise it."""

    @property
    def first(self) -> Path | None:
        """The code file to name in a message."""
        return self.path or next(iter(self.idle), None)


@dataclass(frozen=True, slots=True)
class UserCode:
    """A file with user functions or an EndpointHandler."""

    path: Path
    kind: Kind
    defined: frozenset[str]
    """The top-level names of the file, as far as visible without running it."""
    requirements: Path | None
    """Beside it."""

    @property
    def own(self) -> bool:
        """Whether user code computes, one call at a time."""
        return self.kind == "endpoint" or bool(self.defined & OWN)


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. `top` is the top of the model's archive, if it is not `model` itself."""

    model: Path | None = None
    top: Path | None = None
    base: Path | None = None
    """The platform's folder: its model/code may hold code for any served model."""
    submitted: str | None = None
    """A path or file:// URL, searched first."""

    @property
    def folders(self) -> list[Path]:
        """The existing places, in order of precedence."""
        found = []
        if self.submitted:
            found.append(Path(self.submitted.removeprefix("file://")))
        for folder in (self.model, self.top):
            if folder is not None:
                found += [folder / CODE_FOLDER, folder]
        if self.base is not None:
            found.append(self.base / "model" / CODE_FOLDER)
        return [folder for folder in dict.fromkeys(found) if folder.is_dir()]

    @property
    def roots(self) -> list[Path]:
        """The folders that contain the model."""
        found = [self.top or self.model, self.base / "model" if self.base is not None else None]
        return list(dict.fromkeys(folder for folder in found if folder is not None))


def locate(places: Places, program: str | None = None, *, required: bool = True) -> Located:
    """Find the code that would be run, and other code.

    `program` is the file name if the user gave one; unless it is `required`, a model may have no code. A missing
    program and several candidate folders are problems.
    """
    wanted = ENTRIES if program is None else (program if program.endswith(".py") else f"{program}.py",)
    listings = [(root, code_below(root)) for root in places.roots]
    everywhere = [root / name for root, listing in listings for name in listing.names]
    path, problem = _usual(places.folders, wanted), None
    if path is None:
        path, problem = _only(everywhere, wanted)
    if path is None and problem is None and program is not None and (required or everywhere):
        problem = _nowhere(places, wanted[0], everywhere)
    complete = all(listing.complete for _, listing in listings)
    return Located(path, tuple(_idle(path, everywhere)), complete, problem)


def read_code(path: Path) -> UserCode:
    """The definitions of the file. Raises HandlerError if it is not valid Python."""
    path = path.absolute()  # as in frames and modules
    names = frozenset(defined_names(parse(path)))
    requirements = path.parent / REQUIREMENTS
    return UserCode(path, kind_of(path.name, names), names, requirements if requirements.is_file() else None)


def kind_of(name: str, defined: frozenset[str]) -> Kind:
    """Judged by the file's definitions, or by its name if they are inconclusive."""
    if defined & frozenset(FUNCTIONS):
        return "functions"
    return "endpoint" if ENDPOINT_CLASS in defined or name == ENDPOINT_FILE else "functions"


def parse(path: Path) -> ast.Module:
    """The file's syntax tree. Raises HandlerError with the line if it is not valid Python."""
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError, RecursionError) as error:
        place = f"{path.name}:{getattr(error, 'lineno', None) or 1}"
        raise HandlerError(
            f"{place} is not valid Python: {error}.", hint=f"Check it: python -m py_compile {path}"
        ) from error
    except OSError as error:
        raise HandlerError(
            f"Cannot read {path}: {error.strerror or error}.", hint="Make it readable: chmod a+r."
        ) from error


def defined_names(tree: ast.Module) -> set[str]:
    """Names defined, assigned or imported at the top level, including if and try; "*" for a star import."""
    names: set[str] = set()
    for node in top_level(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run on import, including those inside if, try and with."""
    for node in body:
        yield node
        for part in ("body", "orelse", "handlers", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
                yield from top_level(getattr(node, part, ()))


def _usual(folders: Sequence[Path], wanted: Sequence[str]) -> Path | None:
    return next((path for folder in folders for name in wanted if (path := folder / name).is_file()), None)


def _only(everywhere: Sequence[Path], wanted: Sequence[str]) -> tuple[Path | None, HandlerError | None]:
    """The file in the only other folder `code` of the model; in other folders it may be a sample.

    Several such folders are a problem.
    """
    found = [path for path in everywhere if path.parent.name == CODE_FOLDER and path.name in wanted]
    folders = list(dict.fromkeys(path.parent for path in found))
    if len(folders) > 1:
        return None, HandlerError(
            f"The model has code in several folders: {', '.join(str(folder) for folder in folders[:5])}.",
            hint="Choose the one to run with SAGEMAKER_SUBMIT_DIRECTORY or --submit-dir.",
        )
    return min(found, key=lambda path: wanted.index(path.name), default=None), None


def _nowhere(places: Places, name: str, everywhere: Sequence[Path]) -> HandlerError:
    looked = ", ".join(str(folder) for folder in places.folders) or "any folder"
    there = f" The model contains {', '.join(str(path) for path in everywhere[:5])}." if everywhere else ""
    return HandlerError(
        f"{echo(name)} not found in {looked}.{there}",
        hint="Set SAGEMAKER_PROGRAM to a file in the model's code/ folder.",
    )


def _idle(chosen: Path | None, everywhere: Sequence[Path]) -> list[Path]:
    """Code that does not run. Files beside the chosen one, and below its folder `code`, are its helpers."""
    if chosen is None:
        return list(everywhere)
    file, home = chosen.resolve(), chosen.parent.resolve()
    idle = []
    for path in everywhere:
        real = path.resolve()
        helper = real.is_relative_to(home) if chosen.parent.name == CODE_FOLDER else real.parent == home
        if real != file and (not helper or _rival(chosen, path)):
            idle.append(path)
    return idle


def _rival(chosen: Path, path: Path) -> bool:
    """Whether `path` is a handler.py with its own endpoint beside an inference.py that does not import it."""
    if path.parent.resolve() != chosen.parent.resolve() or path.name != ENDPOINT_FILE or chosen.name != DEFAULT_PROGRAM:
        return False
    try:
        imported = {
            name
            for node in ast.walk(parse(chosen))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        }
        return ENDPOINT_CLASS in defined_names(parse(path)) and path.stem not in imported
    except HandlerError:
        return False  # reported when the file is read to run it
