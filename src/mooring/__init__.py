"""Mooring: Hugging Face encoder models on CPUs: in this process, over HTTP, on SageMaker, the same bytes everywhere.

`mooring.open` opens a model in this process, `mooring.client` asks a server, `mooring.deploy` deploys to SageMaker.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from mooring.opened import OpenModel

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def open(  # noqa: A001 - as gzip.open and the like
    source: "str | PathLike[str] | None" = None,
    *,
    task: str | None = None,
    revision: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    token: str | None = None,
    cache_dir: "str | PathLike[str] | None" = None,
    offline: bool | None = None,
    run_code: bool | None = None,
) -> "OpenModel":
    """Open the model in a folder, a .tar.gz or a repository of the Hub; by default the embedded one.

        with mooring.open() as model:
            model(question="Who wrote it?", context="Ada wrote it.")

    `task` and `revision` choose what of it is served, `precision` ("fp32", "bf16", "int8") how it is computed; by
    default the model says so. `threads` is the number of cores to use (default: all). `token`, `cache_dir` and
    `offline` are for the Hub; HF_TOKEN, HF_HUB_OFFLINE and the other variables that `moor serve` reads for it count
    here, too. `run_code` decides about a model that has code of its own; without it such a model is refused.

    Raises a `mooring.errors.ModelError` that says what is wrong with the model, or UsageError for an argument.
    """
    from mooring.opened import open_model  # only now: `import mooring` stays cheap

    flags = {"task": task, "revision": revision, "precision": precision, "threads": threads, "hub_token": token}
    return open_model(source, **flags, cache_dir=cache_dir, offline=offline, run_code=run_code)
