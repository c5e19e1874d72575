"""Find the folder of the configured model, without loading an engine: some commands only move models."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from mooring.errors import echo
from mooring.model.source import ResolvedModel, SourceOptions, resolve
from mooring.settings import Settings

Progress = Callable[[int, int], None]
"""Called with (bytes done, total bytes) while a model is downloaded."""


def find_model(settings: Settings, source: str | None = None, progress: Progress | None = None) -> ResolvedModel:
    """The model folder named by `source`, the settings or the platform, in this order; else the embedded model.

    A platform's model that another one is served instead of is a warning.
    """
    found = resolve(source or settings.model or platform_model(settings), source_options(settings, progress))
    if source is None and (unused := _unused(settings)) is not None:
        why = f"The model in {unused} was ignored: {echo(str(settings.model))} is set (HF_MODEL_ID or MOORING_MODEL)."
        return dataclasses.replace(found, warnings=(*found.warnings, why))
    return found


def _unused(settings: Settings) -> str | None:
    """The platform's folder, if it has a model and another one is served."""
    if settings.model is None:
        return None
    try:
        folder = platform_model(settings)
        return None if folder is None or Path(settings.model).resolve() == Path(folder).resolve() else folder
    except OSError:  # only a warning would be missing
        return None


def platform_model(settings: Settings) -> str | None:
    """The folder into which a platform unpacks a model, if it contains more than code."""
    folder = settings.base_dir / "model" if settings.base_dir is not None else None
    if folder is None or not folder.is_dir():
        return None
    return str(folder) if any(path.name != "code" for path in folder.iterdir()) else None


def source_options(settings: Settings, progress: Progress | None = None) -> SourceOptions:
    """The settings for finding models."""
    return SourceOptions(
        revision=settings.revision,
        token=settings.hub_token,
        cache_dir=settings.cache_dir,
        offline=settings.offline,
        endpoint=settings.hub_endpoint,
        progress=progress,
    )
