"""The table of settings. Each field declares its default, help, bounds and the variables of other tools for it.

Environment variables, flags (`cli/options.py`) and docs/reference/settings.md are generated from it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.settings import platforms
from mooring.settings.option import Option


def _option(default: Any, text: str, kind: type | None = None, **more: Any) -> Any:
    """A field of `Settings`. `kind` is needed where the default is None."""
    return dataclasses.field(default=default, metadata={"kind": kind or type(default), "help": text, **more})


DEADLINE_MS = 86_400_000
"""The longest deadline. A wait is never longer than the request's deadline, so as a limit this means the deadline."""


@dataclass(frozen=True)
class Settings:
    """All settings. Times are in seconds, sizes in bytes."""

    # What is served

    model: str | None = _option(
        None,
        "Model folder, .tar.gz or Hub id.",
        str,
        aliases=("HF_MODEL_ID",),
        unset="the platform's model if there is one, else the embedded model (MiniLM, SQuAD, int8)",
    )
    more_models: str | None = _option(
        None, "More models to serve beside the first, separated by commas; each may be NAME=MODEL.", str, unset="none"
    )
    model_name: str | None = _option(
        None,
        "Model name in the paths of KServe's protocols and in GET /v1/models.",
        str,
        other_flags=("--model_name",),
        unset="the Hub id, or the folder's name",
    )
    revision: str | None = _option(
        None, "Branch, tag or commit of a Hub model.", str, aliases=platforms.REVISION, unset="the main branch"
    )
    task: str | None = _option(
        None, "Task of the model.", str, aliases=("HF_TASK",), unset="the task in its config.json"
    )
    base_dir: Path | None = _option(  # noqa: RUF009 - a field, made by our own function
        None,
        "Base folder of a platform; its model/ is served if it contains a model.",
        Path,
        aliases=("SAGEMAKER_BASE_DIR",),
        unset="none; /opt/ml in the image",
    )
    hub_token: str | None = _option(
        None,
        "Token for private and gated Hub models.",
        str,
        aliases=platforms.TOKEN,
        secret=True,
        unset="what `hf auth login` stored, if anything",
    )
    hub_endpoint: str | None = _option(
        None, "URL of the Hub or of a mirror.", str, aliases=("HF_ENDPOINT",), unset="https://huggingface.co"
    )
    cache_dir: Path | None = _option(  # noqa: RUF009 - as above
        None,
        "Folder for downloaded models, unpacked archives and compiled models.",
        Path,
        unset="the Hugging Face cache (HF_HUB_CACHE, HF_HOME), a temporary folder and ~/.cache/mooring",
    )
    compile_cache_bytes: int = _option(
        1_073_741_824,
        "Disk space for compiled models, which speed up later starts on the same CPU; 0 for none.",
        minimum=0,
    )
    offline: bool = _option(False, "Use only cached files; make no network requests.", aliases=platforms.OFFLINE)

    # The model's own code

    run_code: bool | None = _option(
        None,
        "Run the model's code/inference.py or handler.py, if it has one.",
        bool,
        unset="refuse a model with code; on in the image",
    )
    program: str | None = _option(
        None, "File with the model's own code.", str, aliases=("SAGEMAKER_PROGRAM",), unset="inference.py"
    )
    submit_dir: str | None = _option(
        None, "Folder of that file.", str, aliases=("SAGEMAKER_SUBMIT_DIRECTORY",), unset="the model's code/"
    )
    packages_dir: Path | None = _option(  # noqa: RUF009 - as above
        None, "Folder to install code/requirements.txt into.", Path, unset="a temporary folder"
    )
    requirements_timeout_s: float = _option(
        300.0, "Time limit for installing code/requirements.txt.", minimum=1, maximum=86_400
    )
    retry_user_code: bool = _option(
        False, "Behind nginx, retry a request on another worker if the first dies in the model's own code."
    )

    # How it is computed

    precision: str | None = _option(
        None,
        "Precision of the computation.",
        str,
        choices=("fp32", "bf16", "int8", "mixed"),
        unset="the precision in the model's manifest; fp32 for a folder from the Hub",
    )
    threads: int = _option(
        0, "Compute threads; 0 for one per core.", minimum=0, maximum=4096, aliases=platforms.THREADS
    )
    streams: int = _option(
        0,
        "Batches computed in parallel under load; 0 for two, each with half of the threads.",
        minimum=0,
        maximum=64,
    )
    workers: int = _option(
        0,
        "Worker processes behind nginx; 0 to choose by cores and memory.",
        minimum=0,
        maximum=256,
        aliases=platforms.WORKERS,
    )
    standby: bool = _option(True, "Behind nginx, keep a warm standby worker to replace one that dies.")

    # Where and how it listens

    front: str = _option("none", "Proxy in front of the workers; nginx is for containers.", choices=("none", "nginx"))
    host: str = _option("127.0.0.1", "Address to listen on; 0.0.0.0 for every interface.")
    allowed_host: str | None = _option(
        None,
        "Names by which clients may call the server, separated by commas; * for any.",
        str,
        unset="any; on a loopback address only localhost, 127.0.0.1 and ::1",
    )
    page: bool = _option(True, "Show browsers a page at GET / to try the model; other clients get JSON there.")
    port: int = _option(
        8080,
        "Port to listen on; 0 for any free one.",
        minimum=0,
        maximum=65535,
        aliases=platforms.PORT,
    )
    max_body_bytes: int = _option(
        26_214_400,
        "Maximum request body in bytes; above it: 413.",
        minimum=1,
        maximum=1 << 40,
        aliases=platforms.BODY,
    )
    too_long: str = _option(
        "refuse",
        "What to do with a text that is longer than the model reads, where it cannot be split into windows.",
        choices=("refuse", "truncate"),
    )
    max_windows: int = _option(4096, "Maximum windows per request; above it: 413.", minimum=1)
    answer_cache_bytes: int = _option(
        16_777_216,
        "Memory for the answer cache, plus up to 8 MiB for documents; 0 for none. Unused with several models.",
        minimum=0,
    )
    max_in_flight: int = _option(
        1024,
        "Maximum concurrent requests; above it: 429.",
        minimum=1,
        maximum=16_384,
        aliases=platforms.QUEUE,
    )
    max_queue_ms: int = _option(
        1000,
        "Longest expected wait of a request before it is computed, in milliseconds, or `deadline`; above it: 429.",
        minimum=0,
        maximum=DEADLINE_MS,
        words={"deadline": DEADLINE_MS},
    )
    deadline_s: float = _option(
        60.0,
        "Deadline of a request; after it: 504.",
        minimum=0.001,
        maximum=86_400,
        aliases=platforms.TIMEOUT,
    )
    keep_alive_s: float = _option(
        75.0, "Idle timeout of connections; use more than any proxy in front.", minimum=2, maximum=86_400
    )
    drain_delay_s: float = _option(
        0.0,
        "Behind nginx, time to keep accepting requests after a stop signal, while /ping fails.",
        minimum=0,
        maximum=3600,
    )
    drain_s: float = _option(25.0, "Time for in-flight requests to finish at shutdown.", minimum=0, maximum=86_400)

    # Several models

    multi_model: bool = _option(
        False,
        "Start without a model and serve those that POST /models loads.",
        aliases=platforms.MULTI_MODEL,
    )

    # Batch transform

    batch: bool = _option(
        False,
        "Batch transform mode: answer each line or row separately, and wait when the queue is full.",
        aliases=platforms.BATCH,
    )
    max_records: int = _option(250_000, "Maximum lines or rows per request of a batch job; above it: 413.", minimum=1)
    batch_strict: bool = _option(False, "Fail a batch request if one record is invalid, as the stock container does.")

    # How close it keeps to the stock container

    default_accept: str = _option(
        "application/json",
        "Content type of answers to requests that accept any.",
        aliases=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    ping_always_200: bool = _option(
        False, "Answer /ping with 200 even without a ready model, as the stock server does."
    )
    strict_content_types: bool = _option(
        False, "Require a Content-Type that matches exactly, as the stock toolkit does."
    )
    hft_errors: bool = _option(False, "Answer every error of POST /invocations with 400, as the stock toolkit does.")

    # What it says

    log_level: str = _option(
        "info",
        "Lowest level of log messages.",
        choices=("debug", "info", "warning", "error", "critical"),
        aliases=platforms.LEVEL,
    )
    log_format: str = _option(
        "auto", "Log format; auto is text on a terminal and JSON otherwise.", choices=("auto", "text", "json")
    )
    debug: bool = _option(False, "Show a traceback with errors.")

    def __repr__(self) -> str:
        shown = (f"{option.name}={_shown(option, getattr(self, option.name))}" for option in OPTIONS)
        return f"Settings({', '.join(shown)})"


def _shown(option: Option, value: object) -> str:
    return "'***'" if option.secret and value is not None else repr(value)


OPTIONS: tuple[Option, ...] = tuple(
    Option(name=field.name, default=field.default, **field.metadata) for field in dataclasses.fields(Settings)
)
"""Every option in the order of the reference page."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}
