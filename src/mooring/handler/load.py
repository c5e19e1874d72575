"""Import a file of user code, after installing what it requires. Called by `wiring/`."""

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
"""Packages of the stock toolkits; ours are on the path only where the real ones are not installed."""

_loaded: set[str] = set()
"""Folders that user code was imported from, in this process; each ends in a separator."""


def load_module(code: UserCode) -> ModuleType:
    """Import it, under its file's name, with its folder first on the path as the stock toolkit has it.

    Raises HandlerError with the exception, file and line.
    """
    _make_way(code.path.parent)
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
        said = f"{type(error).__name__}: {cut(text_of(error), 300)} ({place_of(error, code.path)})"
        raise HandlerError(f"{code.path.name} cannot be imported: {said}.", hint=advice(error)) from error
    return module


def _make_way(folder: Path) -> None:
    """Forget modules of other models' code: every model has an `inference`, and many have helpers of the same name.

    Functions that are loaded keep what they imported. What one of them imports later, while it is called, may be
    another model's module of that name.
    """
    own = f"{folder}{os.sep}"
    others = tuple(_loaded - {own})
    for name, module in list(sys.modules.items()) if others else ():
        if any(place.startswith(others) and not _installed(place) for place in _places(module)):
            del sys.modules[name]
    _loaded.add(own)


def _places(module: ModuleType) -> list[str]:
    """The file of a module, or the folders of a package without one."""
    file = getattr(module, "__file__", None)
    return [file] if isinstance(file, str) else [f"{place}{os.sep}" for place in getattr(module, "__path__", ())]


def _installed(place: str) -> bool:
    """Whether it is in an environment, which may lie in a user's folder, too."""
    return bool({"site-packages", "dist-packages"} & set(Path(place).parts))


def _extend_path(folder: Path) -> None:
    sys.path[:] = [str(folder), *(place for place in sys.path if place != str(folder))]
    if str(COMPAT) not in sys.path and not all(importlib.util.find_spec(name) for name in STOOD_IN_FOR):
        # Last, so that any real one wins.
        sys.path.append(str(COMPAT))
    # Files may be newer than the finders' listings of their folders.
    importlib.invalidate_caches()


def install_requirements(requirements: Path, packages: Path, timeout_s: float) -> None:
    """`pip install -r` into a folder below `packages` that goes on the path; once, however many workers want it.

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


def _key(requirements: Path) -> str:
    """One folder for each file and content: several models in one process have different requirements."""
    try:
        content = requirements.read_bytes()
    except OSError as error:
        raise HandlerError(
            f"{requirements} cannot be read: {error.strerror or error}.", hint="Make it readable: chmod a+r."
        ) from error
    return hashlib.sha256(f"{requirements.resolve()}\0".encode() + content).hexdigest()[:16]


def _pip() -> list[str]:
    """The interpreter's own pip, or another Python's that installs for it: the image has pip only once."""
    if importlib.util.find_spec("pip") is not None:
        # -P: a module beside the requirements must not take the place of one that pip imports.
        return [sys.executable, "-P", "-m", "pip"]
    return ["pip", "--python", os.path.realpath(sys.executable) if sys.prefix == sys.base_prefix else sys.executable]
