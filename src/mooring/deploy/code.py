"""Check a model's own code, without running it, for what would fail in the image."""

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
"""Python version of Mooring's own image."""

IN_IMAGE = frozenset(
    {
        "mooring", "numpy", "openvino", "tokenizers", "huggingface_hub", "msgspec", "starlette", "uvicorn", "structlog",
        "click", "rich", "prometheus_client", "yaml", "requests", "httpx", "tqdm", "packaging", "filelock", "fsspec",
        "sagemaker_inference", "sagemaker_huggingface_inference_toolkit", "mms",
    }
)  # fmt: skip
"""Top-level modules of the image `serve`, with the stand-ins for the stock toolkits."""

SHOWN = 5
"""Maximum number of files named in a remark."""

_DISTRIBUTION_OF = {"sklearn": "scikit-learn", "PIL": "pillow", "cv2": "opencv-python", "bs4": "beautifulsoup4"}
_FULL = frozenset({"torch", "transformers"})

Remark = tuple[Literal["error", "warning", "ok"], str, str]
"""Level, message and hint."""


@dataclass(frozen=True, slots=True)
class Code:
    """The code of an archive."""

    files: Mapping[str, Path]
    """By name in the archive."""
    start: str
    """The file that the container runs, such as code/inference.py."""

    @property
    def folder(self) -> str:
        """Folder of `start`; "" at the top."""
        return PurePosixPath(self.start).parent.as_posix().removeprefix(".")

    @property
    def sources(self) -> dict[str, Path]:
        """The Python files that may run: all below a folder `code`, or at the top `start` and its imports there."""
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
    """Top-level names of all modules that a file imports anywhere; empty if it is not valid Python."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return set()
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {module for node in nodes for module in _modules(node)}


def examine(files: Mapping[str, Path], root: Path, located: Located, version: tuple[int, int]) -> Iterator[Remark]:
    """Check the code of the model in `root`, packed as `files`. `version` is the image's Python version."""
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
            what = f"{place} is not valid in Python {python}, which the image has: {getattr(error, 'msg', error)}."
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
        what = f"The container will not run {shown}: neither code/ nor the top folder has inference.py or handler.py."
    return (
        "warning",
        what,
        "Move or rename the file, name it with --env SAGEMAKER_PROGRAM=FILE, or delete it if it is not used.",
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
        yield "error", f"{start} has no class {ENDPOINT_CLASS}.", "Define it with __init__(self, path) and __call__."
    for sentence in uncalled(start, tree):
        yield "warning", sentence, "The server finds functions by name."


def _sources(name: str, wanted: Requirements) -> Iterator[Remark]:
    """Check where packages are installed from when the container starts."""
    if not wanted.packages:
        return
    count = "1 package is" if wanted.count == 1 else f"{wanted.count} packages are"
    if wanted.no_index and all(package.source in ("index", "path") for package in wanted.packages):
        yield "ok", f"{name}: {count} installed at every start, without an index", ""
    else:
        yield (
            "warning",
            f"{count} installed from the network at every start of the container.",
            "Without network access the start fails. Install them in your own image, FROM mooring.",
        )
    if repositories := [package for package in wanted.packages if package.source == "vcs"]:
        yield (
            "warning",
            f"{repositories[0].place} installs from a repository, but the image has no git.",
            "Install git and the package in your own image, FROM mooring, or name a wheel.",
        )


def _imports(requirements: str, wanted: Requirements, trees: Mapping[str, ast.Module]) -> Iterator[Remark]:
    """Imports that are not in the image, the folder, the standard library or the requirements."""
    own = {PurePosixPath(name).stem for name in trees} | {part for name in trees for part in PurePosixPath(name).parts}
    for name, tree in trees.items():
        for node in _top_level(tree):
            for module in _modules(node):
                known = module in sys.stdlib_module_names or module in IN_IMAGE or module in own
                if known or canonicalize_name(_DISTRIBUTION_OF.get(module, module)) in wanted.names:
                    continue
                way = f"Add it to {requirements}"
                way += ", or use the image of moor image --target full." if module in _FULL else "."
                yield "warning", f"{name}:{node.lineno} imports {module}, which the image does not have.", way


def _top_level(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run when the file is loaded. One inside try or a function may be meant to fail."""
    yield from (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [node.module.partition(".")[0]] if node.module and node.level == 0 else []
