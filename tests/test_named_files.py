"""Files that prose names are there: a docstring or a page that names one must follow when it moves."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"(?<![\w./*-])((?:[a-z_0-9]+/)*[a-z_0-9]+\.py)\b")
USERS = {"inference.py", "handler.py", "model.py", "train.py", "conftest.py", "main.py", "other.py"}
"""Files of users, which texts name too."""
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
TEXTS = [
    path
    for path in TRACKED
    if (path.endswith(".py") and path.startswith(("src/", "local/src/", "training/src/")) and "/compat/" not in path)
    or (path.endswith(".md") and not path.startswith("models/") and path != "CHANGELOG.md")
]


def prose(path: str) -> Iterator[str]:
    """Docstrings of a module, its classes and functions; all of a page."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.skipif(not TRACKED, reason="this is no git checkout: files are not listed")
@pytest.mark.parametrize("path", TEXTS)
def test_a_named_file_is_there(path: str) -> None:
    """By its name or the end of its path."""
    endings = {f"/{tracked}" for tracked in TRACKED}
    named = {name for text in prose(path) for name in NAMED.findall(text)}
    missing = [
        name
        for name in sorted(named)
        if name.rpartition("/")[2] not in USERS and not any(tracked.endswith(f"/{name}") for tracked in endings)
    ]
    assert missing == []
