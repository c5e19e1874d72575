"""Find a model's own code on disk, without running any of it. Called by `wiring/` and `container/`.

Code runs from the places where the stock containers look, or else from the one folder `code` that the model has
anywhere. Whatever else looks like code is reported as idle, so that nothing is left out silently.
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
"""Called before and after the model is loaded, as by the SageMaker inference toolkit."""
OWN = frozenset({"model_fn", "predict_fn", "transform_fn"})
"""With one of these the engine does not compute by itself: the user's code decides."""

Kind = Literal["functions", "endpoint"]


@dataclass(frozen=True, slots=True)
class Located:
    """Where a model's code is. `path` None: no code would be run."""

    path: Path | None
    idle: tuple[Path, ...] = ()
    """Other code of the model, which is not run."""
    complete: bool = True
    """Whether all of the model was searched."""
    problem: HandlerError | None = None
    """Why it cannot be told which file is to be run; for whoever wants to run it to raise."""

    @property
    def first(self) -> Path | None:
        """The code to name when only one can be named."""
        return self.path or next(iter(self.idle), None)


@dataclass(frozen=True, slots=True)
class UserCode:
    """A file with the user's functions, or their class."""

    path: Path
    kind: Kind
    defined: frozenset[str]
    """The names that the file defines at its top level, as far as that can be seen without running it."""
    requirements: Path | None
    """Beside it."""

    @property
    def own(self) -> bool:
        """Whether calls run one at a time in the user's code."""
        return self.kind == "endpoint" or bool(self.defined & OWN)


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. `top` is the top of the archive that the model was in, if that is not `model` itself."""

    model: Path | None = None
    top: Path | None = None
    base: Path | None = None
    """The platform's folder: code may be in its model/code, whatever model is served."""
    submitted: str | None = None
    """A path or file:// URL, looked at first."""

    @property
    def folders(self) -> list[Path]:
        """Those that exist, in the order in which they are looked at."""
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
        """The folders that hold everything of the model."""
        found = [self.top or self.model, self.base / "model" if self.base is not None else None]
        return list(dict.fromkeys(folder for folder in found if folder is not None))


def locate(places: Places, program: str | None = None, *, required: bool = True) -> Located:
    """Find the code that would be run, and what else there is.

    `program` is the file's name if the user gave one; unless it is `required`, a model may have no code at all. It is
    a problem if the program is nowhere, or if several folders could be meant.
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
    """What the file defines. Raises HandlerError if it is not Python."""
    path = path.absolute()  # as frames and modules have it
    names = frozenset(defined_names(parse(path)))
    requirements = path.parent / REQUIREMENTS
    return UserCode(path, kind_of(path.name, names), names, requirements if requirements.is_file() else None)


def kind_of(name: str, defined: frozenset[str]) -> Kind:
    """By what the file defines; by its name if that does not tell."""
    if defined & frozenset(FUNCTIONS):
        return "functions"
    return "endpoint" if ENDPOINT_CLASS in defined or name == ENDPOINT_FILE else "functions"


def parse(path: Path) -> ast.Module:
    """The file's syntax tree. Raises HandlerError with its line if it is not Python."""
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError, RecursionError) as error:
        place = f"{path.name}:{getattr(error, 'lineno', None) or 1}"
        raise HandlerError(f"{place} is not Python: {error}.", hint=f"Check it: python -m py_compile {path}") from error
    except OSError as error:
        raise HandlerError(
            f"{path} cannot be read: {error.strerror or error}.", hint="Make it readable: chmod a+r."
        ) from error


def defined_names(tree: ast.Module) -> set[str]:
    """What is defined, assigned or imported at the top level, if and try included; "*" for what an import hides."""
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
    """The statements that run when a file is imported, those inside if, try and with included."""
    for node in body:
        yield node
        for part in ("body", "orelse", "handlers", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
                yield from top_level(getattr(node, part, ()))


def _usual(folders: Sequence[Path], wanted: Sequence[str]) -> Path | None:
    return next((path for folder in folders for name in wanted if (path := folder / name).is_file()), None)


def _only(everywhere: Sequence[Path], wanted: Sequence[str]) -> tuple[Path | None, HandlerError | None]:
    """The file in the one folder `code` elsewhere in the model; in a folder of another name it may be a sample.

    If several folders have one, which of them is meant is a problem.
    """
    found = [path for path in everywhere if path.parent.name == CODE_FOLDER and path.name in wanted]
    folders = list(dict.fromkeys(path.parent for path in found))
    if len(folders) > 1:
        return None, HandlerError(
            f"The model has code in several folders: {', '.join(str(folder) for folder in folders[:5])}.",
            hint="Name the one to run with SAGEMAKER_SUBMIT_DIRECTORY or --submit-dir.",
        )
    return min(found, key=lambda path: wanted.index(path.name), default=None), None


def _nowhere(places: Places, name: str, everywhere: Sequence[Path]) -> HandlerError:
    looked = ", ".join(str(folder) for folder in places.folders) or "any folder"
    there = f" The model has {', '.join(str(path) for path in everywhere[:5])}." if everywhere else ""
    return HandlerError(
        f"There is no {echo(name)} in {looked}.{there}",
        hint="SAGEMAKER_PROGRAM names a file of the model's code/ folder.",
    )


def _idle(chosen: Path | None, everywhere: Sequence[Path]) -> list[Path]:
    """Code that is not part of what runs. Files beside the chosen one, and below its folder `code`, are its helpers."""
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
    """Whether `path` is handler.py with an endpoint of its own beside an inference.py that does not import it."""
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
        return False  # reported when the file is read to be run
