"""What the user's code raised: where, whether its message may be logged, and what to do about it.

A message that the user's code or a library of theirs wrote is the user's to log, and is logged. One that Mooring wrote,
or a library that Mooring called, may repeat what a caller sent, and is not. The traceback tells who it was.
"""

import traceback
from pathlib import Path

import mooring

OURS = Path(mooring.__file__).parent
COMPAT = Path(__file__).parent / "compat"
"""The stand-ins for the stock toolkits: what they raise is, to users, what the toolkits raise. So is stand_ins.py."""

BETWEEN = tuple(OURS / "handler" / name for name in ("calls.py", "own.py", "around.py", "functions.py", "thread.py"))
"""Files of ours that only pass a call on to the user's code, or to a model that it made."""

MESSAGE_LIMIT = 500
"""Characters of a message in a log line."""

_TORCH = ("torch", "transformers", "accelerate", "sentence_transformers", "optimum", "peft")
_PLATFORM = "/opt/ml/"


class BadReply(Exception):
    """The user's code returned what cannot be sent. The message is Mooring's and repeats nothing of a request."""


def place_of(error: BaseException, path: Path) -> str:
    """file:line of the innermost frame in the user's folder; else of the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)] or list(frames)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    return f"{Path(mine[-1].filename).name}:{mine[-1].lineno}" if mine else path.name


def message_of(error: BaseException, path: Path) -> str | None:
    """The message, cut, if the user's code or a library of theirs raised the error; None if Mooring did."""
    if not isinstance(error, BadReply):
        files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
        last = max((place for place, file in enumerate(files) if file.is_relative_to(path.parent)), default=-1)
        beyond = files[last + 1 :]
        # What is called with a caller's parameters and refuses them is named by the frame that called it.
        if (beyond and _ours(beyond[-1])) or any(_ours(file) and file not in BETWEEN for file in beyond):
            return None
    return cut(text_of(error), MESSAGE_LIMIT)


def text_of(error: object) -> str:
    """Its text; its class where the user's own __str__ fails."""
    try:
        return str(error)
    except Exception:  # Border: it is the user's code, and may raise anything.
        return type(error).__name__


def cut(text: str, limit: int) -> str:
    """At most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _ours(file: Path) -> bool:
    return file.is_relative_to(OURS) and not file.is_relative_to(COMPAT) and file != COMPAT.parent / "stand_ins.py"


def advice(error: BaseException, model_dir: str | None = None) -> str:
    """What to do about an error that users often meet; "" for any other. `model_dir` is where the model really is."""
    if isinstance(error, ImportError):
        return _import_advice(error)
    if isinstance(error, OSError) and isinstance(error.filename, str):
        place = f"; here that is {model_dir}" if model_dir else ""
        if error.filename.startswith(_PLATFORM) and not str(model_dir or "").startswith(_PLATFORM):
            return f"A path below {_PLATFORM} exists only on SageMaker: use model_dir, which model_fn gets{place}."
        if isinstance(error, FileNotFoundError):
            return (
                f"The model's files are in model_dir, which model_fn gets{place}; files beside this one are in "
                "Path(__file__).parent."
            )
    return ""


def _import_advice(error: ImportError) -> str:
    """By the package that is missing; errors of the stand-ins say themselves what to use."""
    if error.name is not None and error.name.split(".")[0] in ("mms", "sagemaker_inference"):
        return ""
    package = (error.name or "").split(".")[0]
    if package in _TORCH or (not package and "torch" in str(error).lower()):
        return (
            "PyTorch and transformers are in the larger image only (moor image --target full); other packages go into "
            "requirements.txt beside the file. Outside a container, install them into Mooring's environment."
        )
    return "What it imports has to be in the image, in its folder, or in a requirements.txt beside it."
