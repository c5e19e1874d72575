"""Decide whether user code is run, load it, and build what answers with it. For `opening.py`."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import UsageError, echo
from mooring.handler.calls import guarded_start
from mooring.handler.context import Context
from mooring.handler.find import Located, Places, UserCode, locate, parse, read_code
from mooring.handler.functions import UserFunctions, read_endpoint, read_functions
from mooring.handler.load import install_requirements, load_module
from mooring.handler.names import uncalled
from mooring.handler.own import OwnService, transform_by_endpoint, transform_with
from mooring.handler.pipeline import Pipeline, provide
from mooring.model.archive import locate as locate_model
from mooring.model.source import ResolvedModel
from mooring.settings import Settings
from mooring.wiring.model import OpenedModel

STUCK_GRACE_S = 30.0
"""Time after the deadline for which a call of user code may run before the process counts as hung."""
SHOWN = 5
"""Most files named in one warning."""

Open = Callable[[Path], OpenedModel]
"""Opens the model of a folder with the server's settings."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """User code, imported."""

    code: UserCode
    functions: UserFunctions
    endpoint: type | None
    """The EndpointHandler class, if the code defines it."""
    warnings: tuple[str, ...] = ()
    """Functions that will not be called."""

    @property
    def own(self) -> bool:
        """Whether user code computes instead of the engine."""
        functions = self.functions
        return bool(self.endpoint or functions.model_fn or functions.predict_fn or functions.transform_fn)

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for /info and the startup text."""
        live = [self.endpoint.__name__] if self.endpoint else list(self.functions.live)
        return {"file": self.code.path.name, "functions": live, "computes": "itself" if self.own else "engine"}


def user_code_of(settings: Settings, found: ResolvedModel) -> tuple[UserCode | None, tuple[str, ...]]:
    """The code to run, if any, and warnings about code that is not run. Code from the Hub is never run.

    Raises UsageError for code without --run-code or --no-run-code, HandlerError if the file is ambiguous or not Python.
    """
    if settings.run_code is False:
        return None, ()
    located = locate_code(settings, found)
    if settings.run_code is None:
        refuse_unasked(located, found)
    if located.problem is not None:
        raise located.problem
    code = None if located.path is None else read_code(located.path)
    return code, tuple(_warnings(settings, located, found))


def locate_code(settings: Settings, found: ResolvedModel) -> Located:
    """Locate the code, and what of it would be run."""
    own = found.kind in ("folder", "archive")
    places = Places(found.folder if own else None, found.top, settings.base_dir, settings.submit_dir)
    return locate(places, settings.program, required=not settings.multi_model)


def refuse_unasked(located: Located, found: ResolvedModel) -> None:
    """Raise UsageError if there is code: the user must choose whether to run it."""
    first = located.first
    if first is None:
        return
    files = len(located.idle) + (located.path is not None)
    more = f" (and {files - 1} more files)" if files > 1 else ""
    raise UsageError(
        f"The model comes with code: {_named(first, found)}{more}.",
        hint="Run it with --run-code if you trust it, or ignore it with --no-run-code.",
    )


def _named(path: Path, found: ResolvedModel) -> str:
    """A path for the user: relative to the archive if unpacked temporarily."""
    root = found.top or found.folder
    if found.kind == "archive" and path.is_relative_to(root):
        return f"{path.relative_to(root)} in {found.source}"
    return str(path)


def _warnings(settings: Settings, located: Located, found: ResolvedModel) -> Iterator[str]:
    submitted = (settings.submit_dir or "").removeprefix("file://")
    if submitted and not Path(submitted).is_dir():
        where = echo(settings.submit_dir)
        yield f"No code is run from {where} (SAGEMAKER_SUBMIT_DIRECTORY): the folder does not exist."
    if located.idle:
        shown = ", ".join(_named(path, found) for path in located.idle[:SHOWN])
        more = len(located.idle) - SHOWN
        shown += f" and {more} more files" if more > 0 else ""
        if located.path is not None:
            yield f"Not run: {shown}. The model's code is {_named(located.path, found)}."
        else:
            yield (
                f"Not run: {shown}. Mooring runs inference.py or handler.py, in a folder code/ or beside "
                "config.json. Set SAGEMAKER_PROGRAM for another file, SAGEMAKER_SUBMIT_DIRECTORY for another folder."
            )
    if not located.complete:
        yield "The model has too many files to search all for code; only code/ and its own folder were fully searched."


def load_user_code(settings: Settings, code: UserCode) -> Loaded:
    """Install its requirements, import it, and read its functions. Raises HandlerError with file and line."""
    if code.requirements is not None:
        install_requirements(code.requirements, _packages(settings), settings.requirements_timeout_s)
    module = load_module(code)
    if code.kind == "endpoint":
        return Loaded(code, UserFunctions(), read_endpoint(module))
    functions = read_functions(module)
    warnings = tuple(uncalled(code.path.name, parse(code.path), functions.live))
    return Loaded(code, functions, None, warnings)


def _packages(settings: Settings) -> Path:
    """The configured folder, or one that is deleted at exit."""
    if settings.packages_dir is not None:
        return settings.packages_dir
    folder = Path(tempfile.mkdtemp(prefix="mooring-packages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def loading_context(loaded: Loaded, found: ResolvedModel, name: str) -> Context:
    """The context while the model loads. Its model_dir is the folder that holds the code, as on SageMaker."""
    folder, top = found.folder, found.top
    beside = top is not None and not loaded.code.path.is_relative_to(folder.absolute())
    return Context(name, str(top if beside else folder))


def own_service(settings: Settings, loaded: Loaded, loading: Context, open_model: Open) -> OwnService:
    """User code that answers instead of the engine. `open_model` is for code that uses our model."""
    functions, path, place = loaded.functions, loaded.code.path, str(loading.system_properties["model_dir"])

    def load(context: Context) -> Any:
        if (endpoint := loaded.endpoint) is not None:
            return guarded_start(endpoint.__name__, path, context, lambda: endpoint(place))
        before_load(loaded, context)
        model_fn = functions.model_fn
        if model_fn is None:
            model: Any = pipeline(place)
        else:
            model = guarded_start("model_fn", path, context, lambda: model_fn(place, context))
        after_load(loaded, context, model)
        return model

    def pipeline(named: str) -> Pipeline:
        opened = open_model(locate_model(Path(named)).folder)
        return Pipeline(opened.task, opened.backend)

    provide(pipeline)
    transform = transform_by_endpoint(path) if loaded.endpoint else transform_with(functions, path)
    return OwnService(load, transform, loading, settings.deadline_s + STUCK_GRACE_S)


def before_load(loaded: Loaded, context: Context) -> None:
    """Call pre_model_fn, if there is one. Raises HandlerError."""
    if (hook := loaded.functions.pre_model_fn) is not None:
        place = context.system_properties["model_dir"]
        guarded_start("pre_model_fn", loaded.code.path, context, lambda: hook(place, context))


def after_load(loaded: Loaded, context: Context, model: Any) -> None:
    """Call model_warmup_fn, if there is one. Raises HandlerError."""
    if (hook := loaded.functions.model_warmup_fn) is not None:
        place = context.system_properties["model_dir"]
        guarded_start("model_warmup_fn", loaded.code.path, context, lambda: hook(place, model, context))
