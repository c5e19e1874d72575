"""A resolved model and settings in, the model's own code ready to answer out, if it has any. For `server.py`."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import UsageError
from mooring.handler.find import UserCode, code_folders, find_code
from mooring.handler.functions import UserFunctions, read_endpoint, read_functions
from mooring.handler.load import install_requirements, load_module
from mooring.handler.own import OwnService, transform_by_endpoint, transform_with
from mooring.handler.pipeline import Pipeline, provide
from mooring.model.source import ResolvedModel
from mooring.settings import Settings
from mooring.wiring.model import OpenedModel

STUCK_GRACE_S = 30.0
"""How long after its deadline a call of user code may still run before the process counts as hung."""

Open = Callable[[Path], OpenedModel]
"""The model of a folder, opened with the server's settings."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """User code, imported."""

    code: UserCode
    functions: UserFunctions
    endpoint: type | None
    """EndpointHandler, where the code is one."""

    @property
    def own(self) -> bool:
        """Whether it predicts by itself, and the engine has no part in it."""
        functions = self.functions
        return bool(self.endpoint or functions.model_fn or functions.predict_fn or functions.transform_fn)

    @property
    def facts(self) -> dict[str, Any]:
        """For /info and the start-up text."""
        live = [self.endpoint.__name__] if self.endpoint else list(self.functions.live)
        return {"file": self.code.path.name, "functions": live, "computes": "itself" if self.own else "engine"}


def user_code_of(settings: Settings, found: ResolvedModel | None) -> UserCode | None:
    """Where the model's own code is. Code of a Hub repository is none: it is not run.

    Raises UsageError where there is some and nobody said whether to run it, HandlerError if it is not Python.
    """
    folder = found.folder if found is not None and found.kind in ("folder", "archive") else None
    code = find_code(code_folders(folder, settings.base_dir, settings.submit_dir), settings.program)
    if code is not None and settings.run_code is None:
        raise UsageError(
            f"The model has code of its own: {code.path}. Running it means running a program.",
            hint="If you trust it: --run-code. To serve the model without it: --no-run-code.",
        )
    return code if settings.run_code else None


def load_user_code(settings: Settings, code: UserCode) -> Loaded:
    """Install its requirements, import it, and look at its functions. Raises HandlerError with file and line."""
    if code.requirements is not None:
        install_requirements(code.requirements, _packages(settings), settings.requirements_timeout_s)
    module = load_module(code)
    if code.kind == "endpoint":
        return Loaded(code, UserFunctions(), read_endpoint(module))
    return Loaded(code, read_functions(module), None)


def _packages(settings: Settings) -> Path:
    """The folder that was given, or one that goes away with this process."""
    if settings.packages_dir is not None:
        return settings.packages_dir
    folder = Path(tempfile.mkdtemp(prefix="mooring-packages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def own_service(settings: Settings, loaded: Loaded, folder: Path, open_model: Open) -> OwnService:
    """What answers instead of the engine. `open_model` is for code that predicts with our model."""
    path, place = loaded.code.path, str(folder)

    def load() -> Any:
        if loaded.endpoint is not None:
            return loaded.endpoint(place)
        if loaded.functions.model_fn is not None:
            return loaded.functions.model_fn(place, None)
        return _pipeline(folder)

    def _pipeline(place: Path) -> Pipeline:
        opened = open_model(place)
        return Pipeline(opened.task, opened.backend)

    provide(lambda named: _pipeline(Path(named)))
    transform = transform_by_endpoint(path) if loaded.endpoint else transform_with(loaded.functions, path)
    return OwnService(load, transform, path, place, settings.deadline_s + STUCK_GRACE_S)
