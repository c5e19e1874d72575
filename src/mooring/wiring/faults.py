"""Turn any exception from opening a model into one of our errors. Used by `opening.py`.

The readers of a model's files report invalid values by file name. This catches what they miss: values from untrusted
files also reach libraries, which may raise anything.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import CancelledError

from mooring.errors import ModelError, ModelInvalid, MooringError, NoMemory, echo
from mooring.observe.logs import where


@contextlib.contextmanager
def opening(source: str) -> Iterator[None]:
    """Raises ModelError for an OSError, NoMemory for a MemoryError, ModelInvalid for anything else.

    Our own errors, a cancelled download and an interrupt pass unchanged.
    """
    try:
        yield
    except (MooringError, CancelledError):
        raise
    except MemoryError as error:
        raise NoMemory(f"Out of memory while opening the model {echo(source)}.", hint=_MEMORY) from error
    except OSError as error:
        where_to = f" ({error.filename})" if error.filename else ""
        reason = f"{error.strerror or error}{where_to}"
        raise ModelError(f"Cannot open the model {echo(source)}: {reason}.", hint=_FILES) from error
    except BaseException as error:  # Boundary: see the module docstring.
        # A panic in the tokenizers library is a BaseException.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = f"{type(error).__name__}: {str(error)[:300]} ({where(error, 1)})"
        raise ModelInvalid(f"Cannot open the model {echo(source)}: {said}.", hint=_REPORT) from error


_MEMORY = "Give the container more memory, or serve a smaller model."
_FILES = "Check that the files exist and are readable, and that the disk is not full."
_REPORT = "Download the model again. If its files are intact, this is a bug in Mooring: --debug shows the traceback."
