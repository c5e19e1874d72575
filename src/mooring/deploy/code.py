"""Examine a model's own code without running it: what would fail with it in the image. For `doctor.py`."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from packaging.utils import canonicalize_name

from mooring.deploy.requirements import Requirements, read_requirements
from mooring.handler.find import ENDPOINT_CLASS, FUNCTIONS, HOOKS, Located, defined_names, kind_of
from mooring.handler.names import uncalled
from mooring.model.code import CODE_FOLDER, REQUIREMENTS

IMAGE_PYTHON = (3, 11)
"""Of Mooring's own image."""

IN_IMAGE = frozenset(
    {
        "mooring", "numpy", "openvino", "tokenizers", "huggingface_hub", "msgspec", "starlette", "uvicorn", "structlog",
        "click", "rich", "prometheus_client", "yaml", "requests", "httpx", "tqdm", "packaging", "filelock", "fsspec",
        "sagemaker_inference", "sagemaker_huggingface_inference_toolkit", "mms",
    }
)  # fmt: skip
"""Top-level names that can be imported in the image `serve`, the stand-ins of the stock toolkits among them."""

SHOWN = 5
"""Files that one remark names."""

_DISTRIBUTION_OF = {"sklearn": "scikit-learn", "PIL": "pillow", "cv2": "opencv-python", "bs4": "beautifulsoup4"}
_FULL = frozenset({"torch", "transformers"})

Remark = tuple[Literal["error", "warning", "ok"], str, str]
"""Level, what, and the way out."""


@dataclass(frozen=True, slots=True)
class Code:
    """The code of an archive: its files by their names in it, and the one that the container starts from."""

    files: Mapping[str, Path]
    start: str
    """Such as code/inference.py."""

    @property
    def folder(self) -> str:
        """Of the start; "" at the top."""
        return PurePosixPath(self.start).parent.as_posix().removeprefix(".")

    @property
    def sources(self) -> dict[str, Path]:
        """The Python files that run: all below a folder `code`; at the top, the start and what it imports there."""
        home = PurePosixPath(self.start).parent
        names = [name for name in self.files if name.endswith(".py")]
        if home.name == CODE_FOLDER:
            return {name: self.files[name] for name in names if PurePosixPath(name).is_relative_to(home)}
        found, waiting = dict[str, Path](), [self.start]
        while waiting:
            name = waiting.pop()
            found[name] = self.files[name]
            imported = {str(home / f"{module}.py") for module in _imported(self.files[name])}
            waiting += sorted(imported & self.files.keys() - found.keys())
        return found


def _imported(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, wherever in it; none if it is not Python."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return set()
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {module for node in nodes for module in _modules(node)}


def examine(files: Mapping[str, Path], root: Path, located: Located, version: tuple[int, int]) -> Iterator[Remark]:
    """Everything about the code of the model in `root`, packed as `files`. `version` is the image's Python."""
    if located.problem is not None:
        yield "error", located.problem.message, located.problem.hint
    if located.idle:
        yield _idle(root, located)
    if located.path is None:
        return
    code = Code(files, located.path.relative_to(root).as_posix())
    trees: dict[str, ast.Module] = {}
    for name, path in code.sources.items():
        try:
            trees[name] = ast.parse(path.read_bytes(), name, feature_version=version)
        except (SyntaxError, ValueError, RecursionError) as error:
            place = f"{name}:{getattr(error, 'lineno', None) or 1}"
            python = ".".join(map(str, version))
            what = f"{place} cannot be read by Python {python}, which the image has: {getattr(error, 'msg', error)}."
            yield "error", what, f"Try it: python{python} -m py_compile {name}"
    if code.start in trees:
        yield from _functions(code.start, trees[code.start])
    name = str(PurePosixPath(code.folder) / REQUIREMENTS)
    wanted = read_requirements(files, name, version) if name in files else Requirements()
    yield from ((remark.level, remark.what, remark.way_out) for remark in wanted.remarks)
    yield from _sources(name, wanted)
    yield from _imports(name, wanted, trees)


def _idle(root: Path, located: Located) -> Remark:
    shown = ", ".join(_name(path, root) for path in located.idle[:SHOWN])
    more = len(located.idle) - SHOWN
    shown += f" and {more} more files" if more > 0 else ""
    if located.path is not None:
        what = f"The container will not run {shown}: the model's code is {_name(located.path, root)}."
    else:
        what = (
            f"The container will not run {shown}: there is neither inference.py nor handler.py in code/ or at the top."
        )
    return (
        "warning",
        what,
        "Move or rename the file, or name it with --env SAGEMAKER_PROGRAM=FILE; delete what is not used.",
    )


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _functions(start: str, tree: ast.Module) -> Iterator[Remark]:
    defined = frozenset(defined_names(tree))
    endpoint = kind_of(PurePosixPath(start).name, defined) == "endpoint"
    wanted = {ENDPOINT_CLASS} if endpoint else {*FUNCTIONS, *HOOKS}
    if live := sorted(defined & wanted):
        yield "ok", f"{start}: {', '.join(live)}", ""
    elif endpoint:
        yield "error", f"{start} has no class {ENDPOINT_CLASS}.", "Define it, with __init__(self, path) and __call__."
    for sentence in uncalled(start, tree):
        yield "warning", sentence, "The server calls functions by their names only."


def _sources(name: str, wanted: Requirements) -> Iterator[Remark]:
    """Where packages come from when the container starts."""
    if not wanted.packages:
        return
    count = "1 package is" if wanted.count == 1 else f"{wanted.count} packages are"
    if wanted.no_index and all(package.source in ("index", "path") for package in wanted.packages):
        yield "ok", f"{name}: {count} installed at every start, without an index", ""
    else:
        yield (
            "warning",
            f"{count} installed from the network at every start of the container.",
            "Without a network the start fails: put them into an image of your own, FROM mooring.",
        )
    if repositories := [package for package in wanted.packages if package.source == "vcs"]:
        yield (
            "warning",
            f"{repositories[0].place} installs from a repository, which needs git, and the image has none.",
            "Put git and the package into an image of your own, FROM mooring, or name a wheel.",
        )


def _imports(requirements: str, wanted: Requirements, trees: Mapping[str, ast.Module]) -> Iterator[Remark]:
    """Modules that are in neither the image, the folder, the standard library nor the requirements."""
    own = {PurePosixPath(name).stem for name in trees} | {part for name in trees for part in PurePosixPath(name).parts}
    for name, tree in trees.items():
        for node in _top_level(tree):
            for module in _modules(node):
                known = module in sys.stdlib_module_names or module in IN_IMAGE or module in own
                if known or canonicalize_name(_DISTRIBUTION_OF.get(module, module)) in wanted.names:
                    continue
                way = f"Add it to {requirements}"
                way += ", or build the image with it: moor image --target full." if module in _FULL else "."
                yield "warning", f"{name}:{node.lineno} imports {module}, which the image does not have.", way


def _top_level(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run when the file is loaded; one inside try or a function may be meant to fail."""
    yield from (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [node.module.partition(".")[0]] if node.module and node.level == 0 else []
