"""The model's own code in, what would fail with it in the image out, without running any of it. For `doctor.py`."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

from mooring.handler.find import DEFAULT_PROGRAM, ENDPOINT_CLASS, ENDPOINT_FILE, FUNCTIONS, REQUIREMENTS

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

_DISTRIBUTION_OF = {"sklearn": "scikit-learn", "PIL": "pillow", "cv2": "opencv-python", "bs4": "beautifulsoup4"}
_FULL = frozenset({"torch", "transformers"})
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?\s*([<>=!~]=?.*|@.*|;.*)?")

Remark = tuple[Literal["error", "warning", "ok"], str, str]
"""Level, what, and the way out."""


def has_own(files: Mapping[str, Path]) -> bool:
    """Whether the model brings code that the container will run."""
    return program(files) is not None


def program(files: Mapping[str, Path]) -> str | None:
    """The archive name of the file that the container starts from."""
    names = (f"code/{DEFAULT_PROGRAM}", f"code/{ENDPOINT_FILE}", DEFAULT_PROGRAM, ENDPOINT_FILE)
    return next((name for name in names if name in files), None)


def examine(files: Mapping[str, Path], version: tuple[int, int]) -> Iterator[Remark]:
    """Everything about code/; `version` is the image's Python."""
    start = program(files)
    sources = {name: path for name, path in files.items() if name.endswith(".py")}
    if start is None:
        if any(name.startswith("code/") for name in sources):
            what = f"code/ has neither {DEFAULT_PROGRAM} nor {ENDPOINT_FILE}: the container will not run it."
            yield "warning", what, "Rename the file, or name it with --env SAGEMAKER_PROGRAM=FILE."
        return
    trees: dict[str, ast.Module] = {}
    for name, path in sources.items():
        try:
            trees[name] = ast.parse(path.read_bytes(), name, feature_version=version)
        except (SyntaxError, ValueError) as error:
            place = f"{name}:{getattr(error, 'lineno', None) or 1}"
            python = ".".join(map(str, version))
            what = f"{place} cannot be read by Python {python}, which the image has: {getattr(error, 'msg', error)}."
            yield "error", what, f"Try it: python{python} -m py_compile {name}"
    if start in trees:
        yield from _functions(start, trees[start])
    yield from _requirements(files)
    yield from _imports(files, trees)


def _functions(start: str, tree: ast.Module) -> Iterator[Remark]:
    defined = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    wanted = {ENDPOINT_CLASS} if start.endswith(ENDPOINT_FILE) else set(FUNCTIONS)
    if live := sorted(defined & wanted):
        yield "ok", f"{start}: {', '.join(live)}", ""
    else:
        yield "warning", f"{start} defines none of {', '.join(sorted(wanted))}.", "Are they imported, or misspelt?"


def _requirements(files: Mapping[str, Path]) -> Iterator[Remark]:
    path = files.get(f"code/{REQUIREMENTS}")
    if path is None:
        return
    wanted = list(_lines(path))
    for number, line in wanted:
        if not line.startswith("-") and not _REQUIREMENT.fullmatch(line):
            yield (
                "error",
                f"code/{REQUIREMENTS}:{number} is no requirement: {line!r}.",
                "One package a line, as pip has it.",
            )
    if wanted:
        yield (
            "warning",
            f"{len(wanted)} packages are installed from the network at every start of the container.",
            "Without a network the start fails: put them into an image of your own, FROM mooring.",
        )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text:
            yield number, text


def _imports(files: Mapping[str, Path], trees: Mapping[str, ast.Module]) -> Iterator[Remark]:
    """Modules that are in neither the image, the folder, the standard library nor the requirements."""
    own = {PurePosixPath(name).stem for name in trees} | {part for name in trees for part in PurePosixPath(name).parts}
    path = files.get(f"code/{REQUIREMENTS}")
    installed = {_normal(re.split(r"[\s<>=!~;@\[]", line)[0]) for _, line in _lines(path)} if path else set[str]()
    for name, tree in trees.items():
        for node in _top_level(tree):
            for module in _modules(node):
                known = module in sys.stdlib_module_names or module in IN_IMAGE or module in own
                if known or _normal(_DISTRIBUTION_OF.get(module, module)) in installed:
                    continue
                way = f"Add it to code/{REQUIREMENTS}"
                way += ", or build the image with it: moor image --target full." if module in _FULL else "."
                yield "warning", f"{name}:{node.lineno} imports {module}, which the image does not have.", way


def _top_level(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run when the file is loaded; one inside try or a function may be meant to fail."""
    yield from (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [node.module.partition(".")[0]] if node.module and node.level == 0 else []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
