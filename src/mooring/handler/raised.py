"""Explain exceptions of user code: where raised, whether the message may be logged, and what to do.

A message from user code or a library that it called is logged. One from Mooring, or a library that Mooring called, may
repeat what a client sent, and is not. The traceback tells which.
"""

import traceback
from pathlib import Path

import mooring

OURS = Path(mooring.__file__).parent
COMPAT = Path(__file__).parent / "compat"
"""The replacements of the stock toolkits count as user libraries, as does stand_ins.py."""

BETWEEN = tuple(OURS / "handler" / name for name in ("calls.py", "own.py", "around.py", "functions.py", "thread.py"))
"""Our files that only forward a call to user code, or to a model that it made."""

MESSAGE_LIMIT = 500
"""Most characters of a message in a log line."""

_TORCH = ("torch", "transformers", "accelerate", "sentence_transformers", "optimum", "peft")
_PLATFORM = "/opt/ml/"


class BadReply(Exception):
    """User code returned a value that cannot be sent. The message is Mooring's and repeats nothing of a request."""


def place_of(error: BaseException, path: Path) -> str:
    """file:line of the innermost frame in the user's folder, or of the innermost frame."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)] or list(frames)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    return f"{Path(mine[-1].filename).name}:{mine[-1].lineno}" if mine else path.name


def message_of(error: BaseException, path: Path) -> str | None:
    """The shortened message if user code or its library raised the error; None if Mooring did."""
    if not isinstance(error, BadReply):
        files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
        last = max((place for place, file in enumerate(files) if file.is_relative_to(path.parent)), default=-1)
        beyond = files[last + 1 :]
        # A callee that refuses a client's parameters is named by the frame that called it.
        if (beyond and _ours(beyond[-1])) or any(_ours(file) and file not in BETWEEN for file in beyond):
            return None
    return cut(text_of(error), MESSAGE_LIMIT)


def text_of(error: object) -> str:
    """The error's text; its class if a user's __str__ fails."""
    try:
        return str(error)
    except Exception:  # Boundary: user code may raise anything.
        return type(error).__name__


def cut(text: str, limit: int) -> str:
    """At most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _ours(file: Path) -> bool:
    return file.is_relative_to(OURS) and not file.is_relative_to(COMPAT) and file != COMPAT.parent / "stand_ins.py"


def advice(error: BaseException, model_dir: str | None = None) -> str:
    """Advice for common errors; "" for any other. `model_dir` is the real model folder."""
    if isinstance(error, ImportError):
        return _import_advice(error)
    if isinstance(error, OSError) and isinstance(error.filename, str):
        place = f"; here that is {model_dir}" if model_dir else ""
        if error.filename.startswith(_PLATFORM) and not str(model_dir or "").startswith(_PLATFORM):
            return f"Paths below {_PLATFORM} exist only on SageMaker. Use model_dir, the argument of model_fn{place}."
        if isinstance(error, FileNotFoundError):
            return (
                f"The model's files are in model_dir, the argument of model_fn{place}; files beside this one are in "
                "Path(__file__).parent."
            )
    return ""


def _import_advice(error: ImportError) -> str:
    """Advice for a missing package; errors of the replacements already say what to use."""
    if error.name is not None and error.name.split(".")[0] in ("mms", "sagemaker_inference"):
        return ""
    package = (error.name or "").split(".")[0]
    if package in _TORCH or (not package and "torch" in str(error).lower()):
        return (
            "PyTorch and transformers are only in the larger image (moor image --target full). List other packages in "
            "requirements.txt beside the file. Outside a container, install them into Mooring's environment."
        )
    return "Its imports must be in the image, in its folder, or in a requirements.txt beside it."
