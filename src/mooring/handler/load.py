"""Import a file of user code after installing its requirements. Called by `wiring/`."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import structlog

from mooring.errors import HandlerError
from mooring.handler.find import UserCode
from mooring.handler.raised import COMPAT, advice, cut, place_of, text_of

STOOD_IN_FOR = ("sagemaker_inference", "sagemaker_huggingface_inference_toolkit", "mms")
"""Replacements of the stock toolkits; on the path only if the real ones are not installed."""

_loaded: set[str] = set()
"""Folders that user code was imported from in this process; each ends with a separator."""


def load_module(code: UserCode) -> ModuleType:
    """Import the file under its own name, with its folder first on the path, as the stock toolkit does.

    Raises HandlerError with the exception, file and line.
    """
    _make_way(code.path.parent)
    _extend_path(code.path.parent)
    name = code.path.stem
    spec = importlib.util.spec_from_file_location(name, code.path)
    assert spec is not None  # noqa: S101 - a .py file has one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    # Imports of itself, and pickles of its classes, find it there.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        said = f"{type(error).__name__}: {cut(text_of(error), 300)} ({place_of(error, code.path)})"
        raise HandlerError(f"Cannot import {code.path.name}: {said}.", hint=advice(error)) from error
    return module


def _make_way(folder: Path) -> None:
    """Unload modules of other models' code: every model has an `inference`, and helper names often collide.

    Loaded functions keep what they imported. An import during a later call may get another model's module of the same
    name.
    """
    own = f"{folder}{os.sep}"
    others = tuple(_loaded - {own})
    for name, module in list(sys.modules.items()) if others else ():
        if any(place.startswith(others) and not _installed(place) for place in _places(module)):
            del sys.modules[name]
    _loaded.add(own)


def _places(module: ModuleType) -> list[str]:
    """The file of a module, or the folders of a namespace package."""
    file = getattr(module, "__file__", None)
    return [file] if isinstance(file, str) else [f"{place}{os.sep}" for place in getattr(module, "__path__", ())]


def _installed(place: str) -> bool:
    """Whether it belongs to an installed environment, which may be inside a user's folder."""
    return bool({"site-packages", "dist-packages"} & set(Path(place).parts))


def _extend_path(folder: Path) -> None:
    sys.path[:] = [str(folder), *(place for place in sys.path if place != str(folder))]
    if str(COMPAT) not in sys.path and not all(importlib.util.find_spec(name) for name in STOOD_IN_FOR):
        # Last, so a real package wins.
        sys.path.append(str(COMPAT))
    # Files may be newer than the import system's cached listings.
    importlib.invalidate_caches()


def install_requirements(requirements: Path, packages: Path, timeout_s: float) -> None:
    """Run `pip install -r` into a folder below `packages` and put it on the path; once for all workers.

    Paths in the file are relative to its folder. Raises HandlerError if pip fails or takes too long.
    """
    log = structlog.get_logger("mooring.handler")
    target = packages / _key(requirements)
    done = target / ".installed"
    if not done.exists():
        log.info("installing requirements", file=str(requirements), timeout_s=timeout_s)
        command = [*_pip(), "install", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
        command += ["--target", str(target.resolve()), "-r", str(requirements.resolve())]
        try:
            result = subprocess.run(
                command, cwd=requirements.parent, capture_output=True, text=True, check=False, timeout=timeout_s
            )
        except subprocess.TimeoutExpired as error:
            raise HandlerError(
                f"pip did not install {requirements} within {timeout_s:g} s.",
                hint="Raise MOORING_REQUIREMENTS_TIMEOUT_S, or install the packages in the image.",
            ) from error
        if result.returncode:
            last = "\n".join(result.stderr.strip().splitlines()[-5:])
            raise HandlerError(
                f"pip failed to install {requirements}: {last}",
                hint="Without a network, install the packages in the image, or use local wheels with --find-links.",
            )
        done.touch()
    if str(target) not in sys.path:
        sys.path.insert(0, str(target))


def _key(requirements: Path) -> str:
    """One folder per file and content: several models in one process have different requirements."""
    try:
        content = requirements.read_bytes()
    except OSError as error:
        raise HandlerError(
            f"Cannot read {requirements}: {error.strerror or error}.", hint="Make it readable: chmod a+r."
        ) from error
    return hashlib.sha256(f"{requirements.resolve()}\0".encode() + content).hexdigest()[:16]


def _pip() -> list[str]:
    """This interpreter's pip, or another Python's that can install for it: the image has pip only once."""
    if importlib.util.find_spec("pip") is not None:
        # -P: a module beside the requirements must not shadow one that pip imports.
        return [sys.executable, "-P", "-m", "pip"]
    return ["pip", "--python", os.path.realpath(sys.executable) if sys.prefix == sys.base_prefix else sys.executable]
