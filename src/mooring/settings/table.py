"""The one table of settings. Each field declares its default, meaning, bounds, and the variables of other tools for it.

From it come the names of variables, the command line's flags (`cli/options.py`) and docs/reference/settings.md.
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


@dataclass(frozen=True)
class Settings:
    """Every value that a user can choose. Times in seconds, sizes in bytes."""

    # What is served

    model: str | None = _option(
        None,
        "Model folder, .tar.gz or Hub id.",
        str,
        aliases=("HF_MODEL_ID",),
        unset="the platform's model if there is one, else the embedded model (MiniLM, SQuAD, int8)",
    )
    revision: str | None = _option(
        None, "Branch, tag or commit of a Hub model.", str, aliases=platforms.REVISION, unset="the main branch"
    )
    task: str | None = _option(
        None, "What the model is for.", str, aliases=("HF_TASK",), unset="what its config.json says"
    )
    base_dir: Path | None = _option(  # noqa: RUF009 - it is a field, made by a function of ours
        None,
        "Folder where a platform puts models: its model/ is served if it holds one.",
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
        None, "Address of the Hub or of a mirror.", str, aliases=("HF_ENDPOINT",), unset="https://huggingface.co"
    )
    cache_dir: Path | None = _option(  # noqa: RUF009 - as above
        None,
        "Folder for downloaded models, unpacked archives and compiled models.",
        Path,
        unset="the Hugging Face cache (HF_HUB_CACHE, HF_HOME), a temporary folder, ~/.cache/mooring",
    )
    compile_cache_bytes: int = _option(
        1_073_741_824,
        "Disk for compiled models, found again by later starts on the same CPU; 0: none.",
        minimum=0,
    )
    offline: bool = _option(False, "Use only what the cache holds; call nobody.", aliases=platforms.OFFLINE)

    # The model's own code

    run_code: bool | None = _option(
        None,
        "Run the model's code/inference.py or handler.py, if it has one.",
        bool,
        unset="a model with code is refused, so that nothing runs unasked; on in the image",
    )
    program: str | None = _option(
        None, "File of the model's own code.", str, aliases=("SAGEMAKER_PROGRAM",), unset="inference.py"
    )
    submit_dir: str | None = _option(
        None, "Another folder to look for it.", str, aliases=("SAGEMAKER_SUBMIT_DIRECTORY",), unset="the model's code/"
    )
    packages_dir: Path | None = _option(  # noqa: RUF009 - as above
        None, "Folder where code/requirements.txt is installed.", Path, unset="a temporary one"
    )
    requirements_timeout_s: float = _option(
        300.0, "How long pip may take to install code/requirements.txt.", minimum=1, maximum=86_400
    )
    retry_user_code: bool = _option(
        False, "Behind nginx, give a request to a second worker when the first dies in the model's own code."
    )

    # How it is computed

    precision: str | None = _option(
        None,
        "Compute at this precision.",
        str,
        choices=("fp32", "bf16", "int8", "mixed"),
        unset="what the model's manifest says; fp32 for a folder from the Hub",
    )
    threads: int = _option(
        0, "Threads that compute; 0 takes every core.", minimum=0, maximum=4096, aliases=platforms.THREADS
    )
    streams: int = _option(
        0,
        "Batches computed at the same time when requests meet; 0: two, each with half of the threads.",
        minimum=0,
        maximum=64,
    )
    workers: int = _option(
        0,
        "Processes that answer, behind nginx; 0 decides by cores and memory.",
        minimum=0,
        maximum=256,
        aliases=platforms.WORKERS,
    )
    standby: bool = _option(True, "Behind nginx, keep one more worker warm for when another dies.")

    # Where and how it listens

    front: str = _option("none", "What stands before the workers; nginx is for containers.", choices=("none", "nginx"))
    host: str = _option("127.0.0.1", "Address to listen on; 0.0.0.0 for every interface.")
    port: int = _option(
        8080,
        "Port to listen on; 0 for any free one.",
        minimum=0,
        maximum=65535,
        aliases=platforms.PORT,
    )
    max_body_bytes: int = _option(
        26_214_400, "Largest request body; above: 413.", minimum=1, maximum=1 << 40, aliases=platforms.BODY
    )
    max_windows: int = _option(4096, "Windows that one request may need; above: 413.", minimum=1)
    answer_cache_bytes: int = _option(
        16_777_216,
        "Memory for answers to what is asked again, up to 8 MiB more for documents; 0: none. Not for several models.",
        minimum=0,
    )
    max_in_flight: int = _option(
        1024,
        "Requests let in at the same time; above: 429.",
        minimum=1,
        maximum=16_384,
        aliases=platforms.QUEUE,
    )
    queue_tokens: int = _option(524_288, "Padded tokens that may wait to be computed; above: 429.", minimum=1)
    deadline_s: float = _option(
        60.0,
        "How long a request may take; after that: 504.",
        minimum=0.001,
        maximum=86_400,
        aliases=platforms.TIMEOUT,
    )
    keep_alive_s: float = _option(
        75.0, "How long an idle connection stays open; longer than any proxy's in front.", minimum=2, maximum=86_400
    )
    drain_delay_s: float = _option(
        0.0,
        "Behind nginx, how long to go on accepting after being told to stop, with /ping red.",
        minimum=0,
        maximum=3600,
    )
    drain_s: float = _option(
        25.0, "How long requests in flight may go on when the server is told to stop.", minimum=0, maximum=86_400
    )

    # Several models

    multi_model: bool = _option(
        False,
        "Serve the models that POST /models loads, and none at first.",
        aliases=platforms.MULTI_MODEL,
    )

    # Batch transform

    batch: bool = _option(
        False,
        "A batch transform job: lines and rows are answered one by one, and a full queue is waited for.",
        aliases=platforms.BATCH,
    )
    max_records: int = _option(
        250_000, "Lines or rows that one request of a batch job may hold; above: 413.", minimum=1
    )
    batch_strict: bool = _option(False, "In a batch job, one bad record fails its request, as in the stock container.")

    # How close it keeps to the stock container

    default_accept: str = _option(
        "application/json",
        "Type of answers to requests that accept nothing in particular.",
        aliases=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    ping_always_200: bool = _option(False, "/ping is 200 whatever the model does, as the stock server's.")
    strict_content_types: bool = _option(
        False, "Content types have to match letter by letter, and there must be one, as in the stock toolkit."
    )
    hft_errors: bool = _option(False, "Every error of POST /invocations is a 400, as in the stock toolkit.")

    # What it says

    log_level: str = _option(
        "info",
        "What is worth a line in the log.",
        choices=("debug", "info", "warning", "error", "critical"),
        aliases=platforms.LEVEL,
    )
    log_format: str = _option(
        "auto", "auto is text on a terminal and JSON otherwise.", choices=("auto", "text", "json")
    )
    debug: bool = _option(False, "Show a traceback with an error.")

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
