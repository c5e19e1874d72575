"""A file of user code in, its module out, with the line at fault if it cannot be imported. Called by `wiring/`."""

import importlib.util
import os
import subprocess
import sys
import traceback
from pathlib import Path
from types import ModuleType

import structlog

from mooring.errors import HandlerError
from mooring.handler.find import UserCode

COMPAT = Path(__file__).parent / "compat"
"""Packages of the stock toolkits; on the path only where the real ones are not installed."""
STOOD_IN_FOR = ("sagemaker_inference", "sagemaker_huggingface_inference_toolkit", "mms")


def load_module(code: UserCode) -> ModuleType:
    """Import it, under its file's name, with its folder on the path as the stock toolkit has it.

    Raises HandlerError with the exception, file and line.
    """
    _extend_path(code.path.parent)
    name = code.path.stem
    spec = importlib.util.spec_from_file_location(name, code.path)
    assert spec is not None  # noqa: S101 - a .py file has one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    # Its own imports of itself, and pickles of its classes, find it there.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        said = f"{type(error).__name__}: {str(error)[:300]} ({place_of(error, code.path)})"
        raise HandlerError(
            f"{code.path.name} cannot be imported: {said}.",
            hint="What it imports has to be in the image, in its folder, or in a requirements.txt beside it.",
        ) from error
    return module


def _extend_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    if str(COMPAT) not in sys.path and not all(importlib.util.find_spec(name) for name in STOOD_IN_FOR):
        # Last, so that any real one wins.
        sys.path.append(str(COMPAT))


def place_of(error: BaseException, path: Path) -> str:
    """file:line of the innermost frame in the user's folder; else of the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)] or list(frames)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    return f"{Path(mine[-1].filename).name}:{mine[-1].lineno}" if mine else path.name


def install_requirements(requirements: Path, target: Path, timeout_s: float) -> None:
    """`pip install -r` into a folder that goes on the path; once, however many workers want it.

    Raises HandlerError if pip fails or takes too long.
    """
    log = structlog.get_logger("mooring.handler")
    done = target / ".installed"
    if not done.exists():
        log.info("installing requirements", file=str(requirements), timeout_s=timeout_s)
        command = [*_pip(), "install", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
        command += ["--target", str(target), "-r", str(requirements)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise HandlerError(
                f"pip did not install {requirements} within {timeout_s:g} s.",
                hint="Give it longer with MOORING_REQUIREMENTS_TIMEOUT_S, or put the packages into the image.",
            ) from error
        if result.returncode:
            last = "\n".join(result.stderr.strip().splitlines()[-5:])
            raise HandlerError(
                f"pip cannot install {requirements}: {last}",
                hint="Without a network, put the packages into the image, or wheels beside it with --find-links.",
            )
        done.touch()
    if str(target) not in sys.path:
        sys.path.insert(0, str(target))


def _pip() -> list[str]:
    """The interpreter's own pip, or another Python's that installs for it: the image has pip only once."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    return ["pip", "--python", os.path.realpath(sys.executable) if sys.prefix == sys.base_prefix else sys.executable]
