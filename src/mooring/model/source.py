"""Resolve a model's name to a folder on this machine. Called by `wiring/` and the commands.

A name is nothing (the embedded model), an existing folder, a `.tar.gz`, or a Hub id. Whatever looks like a path is
never looked up on the Hub, so a typo in a path makes no request.
"""

import atexit
import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mooring.errors import ModelError, ModelNotFound, ModelUnsupported, UsageError, echo
from mooring.model.archive import ARCHIVE_SUFFIXES, Limits, locate, unpack
from mooring.model.hub import SourceOptions, fetch, is_hub_id
from mooring.settings.places import expanded

__all__ = ["EMBEDDED", "EMBEDDED_FOLDER", "Kind", "ResolvedModel", "SourceOptions", "resolve"]

EMBEDDED = "embedded"
EMBEDDED_FOLDER = Path(__file__).resolve().parents[1] / "_embedded" / "minilm-squad"

Kind = Literal["embedded", "folder", "archive", "hub"]

_OF_A_MODEL = frozenset({".safetensors", ".json", ".bin", ".xml"})
_TEXTS = frozenset({".txt", ".md"})

_HUB_URL = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([^/?#]+/[^/?#]+)")


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """The model's location. `revision` is the Hub commit, None for anything else."""

    folder: Path
    source: str
    kind: Kind
    revision: str | None = None
    warnings: tuple[str, ...] = ()
    top: Path | None = None
    """The top of the archive if the model is in a folder of it; code may be beside that folder."""


def resolve(source: str | None, options: SourceOptions = SourceOptions()) -> ResolvedModel:
    """Find, unpack or download the model that `source` names; None is the embedded model.

    Raises ModelNotFound, HubError, UnsafeWeights, ModelInvalid or ModelIncomplete; the message says how `source` was
    understood.
    """
    if source is None or source == EMBEDDED:
        return _embedded(options)
    if not source.strip() or "\0" in source:
        raise ModelNotFound(f"Invalid model name {echo(source)}.", hint="Name a folder, a .tar.gz or a Hub id.")
    try:
        path = expanded(source, "The model")
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:  # no permission, a name too long
        raise ModelNotFound(f"Cannot access the path {echo(source)}: {error.strerror or error}.") from error
    except UsageError as error:
        raise ModelNotFound(error.message, hint=error.hint) from error
    if is_folder:
        return _from_folder(path, source, options)
    if is_file:
        return _from_file(path, source, options)
    _refuse_paths(path, source)
    fetched = fetch(source, options)
    return ResolvedModel(fetched.folder, source, "hub", fetched.revision, fetched.warnings)


def _embedded(options: SourceOptions) -> ResolvedModel:
    if not EMBEDDED_FOLDER.is_dir():
        raise ModelNotFound(
            "This installation has no embedded model.",
            hint="Run make embedded in a source tree, or name a folder, a .tar.gz or a Hub id.",
        )
    return ResolvedModel(
        EMBEDDED_FOLDER, EMBEDDED, "embedded", warnings=_unused_revision(options, "the embedded model")
    )


def _from_folder(path: Path, source: str, options: SourceOptions) -> ResolvedModel:
    """The folder, or, as in an archive, its one subfolder with a model: SageMaker unpacks archives itself."""
    located = locate(path, "folder")
    top = None if located.folder == path else path
    notes = _unused_revision(options, "a folder")
    return ResolvedModel(located.folder, source, "folder", warnings=notes + located.warnings, top=top)


def _from_file(path: Path, source: str, options: SourceOptions) -> ResolvedModel:
    if not path.name.endswith(ARCHIVE_SUFFIXES):
        raise ModelNotFound(f"{echo(source)} is not a model: it is a file, but not a .tar.gz.", hint=_instead(path))
    notes = _unused_revision(options, "an archive")
    if options.cache_dir is None:
        place = Path(tempfile.mkdtemp(prefix="mooring-"))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        target = place / "model"
    else:
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(f"Cannot read the archive {echo(source)}: {error.strerror}.") from error
        target = options.cache_dir / "mooring-archives" / digest
    unpacked = locate(target) if target.is_dir() else unpack(path, target, Limits(options.max_unpacked_bytes))
    top = None if unpacked.folder == target else target
    return ResolvedModel(unpacked.folder, source, "archive", warnings=notes + unpacked.warnings, top=top)


def _instead(path: Path) -> str:
    """What to do with a file that is not an archive."""
    if path.suffix in _OF_A_MODEL or path.name == "vocab.txt":
        return f"Name its folder instead: {path.parent}"
    if path.suffix in _TEXTS:
        return f"Name a model folder. To ask about a text: moor ask QUESTION --context {path.name}"
    return "Name a model folder, a .tar.gz or a Hub id."


def _refuse_paths(path: Path, source: str) -> None:
    """Raise for a name that does not exist here and is not a valid Hub id."""
    if match := _HUB_URL.match(source):
        raise ModelNotFound(f"{echo(source)} is a URL, not a Hub id.", hint=f"Use the Hub id {match[1]}.")
    if "://" in source:
        raise ModelUnsupported(
            f"Cannot load a model from the URL {echo(source)}.",
            hint="Download it, then name the folder or the .tar.gz.",
        )
    why = _path_like(source)
    if why is None and is_hub_id(source):
        return
    if why is None:
        raise ModelNotFound(
            f"No file or folder {echo(source)} exists, and it is not a valid Hub id.",
            hint="A Hub id is `owner/name` or `name`: at most 96 letters, digits, '-', '_' and '.'.",
        )
    parent = path.parent
    near = sorted(p.name for p in parent.iterdir())[:8] if parent.is_dir() else []
    hint = f"{parent} contains: {', '.join(near)}." if near else f"{parent} is empty or does not exist."
    raise ModelNotFound(f"No file or folder {echo(source)} exists (read as a path because {why}).", hint=hint)


def _path_like(source: str) -> str | None:
    """Why the text is a path, or None if it may be a Hub id."""
    if source.startswith((".", "/", "~", "\\")):
        return f"it starts with {source[0]!r}"
    if "\\" in source or re.match(r"[A-Za-z]:", source):
        return "it looks like a Windows path"
    if source.endswith((*ARCHIVE_SUFFIXES, "/")):
        return f"it ends in {'/' if source.endswith('/') else source[source.rindex('.t') :]!r}"
    return "it has more than one '/'" if source.count("/") > 1 else None


def _unused_revision(options: SourceOptions, what: str) -> tuple[str, ...]:
    if options.revision is None:
        return ()
    return (f"--revision {echo(options.revision)} was ignored: {what} has no revisions.",)
