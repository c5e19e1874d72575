"""Decide from the settings which workers to run, with which code and model folder."""

import contextlib
from pathlib import Path

from mooring.container.topology import Topology, plan
from mooring.errors import UsageError
from mooring.handler.find import Places, UserCode, locate, read_code
from mooring.model.archive import locate as locate_model
from mooring.observe.machine import Machine
from mooring.settings import Settings
from mooring.settings.places import expanded


def user_code(settings: Settings) -> UserCode | None:
    """The model's own code, if it is already on this machine.

    Raises HandlerError if the file to run is ambiguous or not Python.
    """
    if not settings.run_code or settings.multi_model:
        return None
    folder = model_folder(settings)
    model = folder if folder is not None and folder.is_dir() else None
    found = locate_model(model).folder if model is not None else None
    located = locate(Places(found, model, settings.base_dir, settings.submit_dir), settings.program)
    if located.problem is not None:
        raise located.problem
    return None if located.path is None else read_code(located.path)


def topology_for(settings: Settings, machine: Machine, code: UserCode | None) -> Topology:
    """Code that predicts without the engine handles one call at a time, so it gets a worker per core and no standby."""
    if settings.multi_model:
        # A standby would load every model a second time.
        return plan(machine, workers=settings.workers, threads=settings.threads, standby=False)
    if code is None or not code.own:
        return plan(machine, workers=settings.workers, threads=settings.threads, standby=settings.standby)
    count = settings.workers or machine.threads
    found = plan(machine, workers=count, threads=settings.threads, standby=False)
    reason = found.reason if settings.workers else f"{code.path.name} handles one call at a time: one per core"
    return Topology(found.active, None, reason)


def model_folder(settings: Settings) -> Path | None:
    """The model's folder, which workers must be able to read; None if it is not local."""
    if settings.model is not None:
        with contextlib.suppress(UsageError):  # no such home: the worker reports it
            path = expanded(settings.model, "The model")
            return path if path.exists() else None
        return None
    return settings.base_dir / "model" if settings.base_dir is not None else None
