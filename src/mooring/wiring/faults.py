"""Turn any exception from opening a model into one of our errors. Used by `opening.py`.

The readers of a model's files reject bad values with the file's name. This catches what they miss: values from
untrusted files also reach libraries, which raise anything.
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
        raise NoMemory(f"Memory ran out while the model {echo(source)} was opened.", hint=_MEMORY) from error
    except OSError as error:
        where_to = f" ({error.filename})" if error.filename else ""
        reason = f"{error.strerror or error}{where_to}"
        raise ModelError(f"The model {echo(source)} cannot be opened: {reason}.", hint=_FILES) from error
    except BaseException as error:  # Border: see the module docstring.
        # A panic in the tokenizers library is a BaseException.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = f"{type(error).__name__}: {str(error)[:300]} ({where(error, 1)})"
        raise ModelInvalid(f"The model {echo(source)} cannot be opened: {said}.", hint=_REPORT) from error


_MEMORY = "Give the container more memory, or serve a smaller model."
_FILES = "Check that the files are there and that this user may read them, and that the disk is not full."
_REPORT = "Download the model again. If its files are sound, this is a fault of Mooring: --debug shows where."
