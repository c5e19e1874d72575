"""A Hub id in, the folder of its snapshot in the Hugging Face cache out. Called by `source.py`.

Only the files that serving needs are fetched, never a pickle. Without a connection the cached snapshot is used, with a
warning. What goes wrong becomes a `HubError` that says what to try.
"""

import errno
import glob
import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import mooring
from mooring.errors import HubError, HubRefused, ModelIncomplete, ModelUnsupported, UsageError, echo
from mooring.installation import DISTRIBUTION
from mooring.model.code import code_names
from mooring.model.folder import (
    CONFIG_FILE,
    GRAPH_FILES,
    MANIFEST_FILE,
    TOKENIZER_FILE,
    TOKENIZER_FILES,
    VOCAB_FILE,
    ModelFolder,
)
from mooring.model.foreign import foreign_weights
from mooring.model.hub_library import Bars, import_hub, quiet
from mooring.model.pickles import pickled_weights, unsafe_weights
from mooring.model.weights import INDEX_FILE, SINGLE_FILE, weight_files
from mooring.settings.places import expanded

_SMALL_FILES = frozenset({CONFIG_FILE, MANIFEST_FILE, INDEX_FILE, *TOKENIZER_FILES})
_ID = re.compile(r"\w([\w.-]*\w)?(/\w([\w.-]*\w)?)?", re.ASCII)
_TIMEOUT_S = 10.0
_OFFLINE = "Offline mode is on"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to fetch a model. `progress(done, total)` is called with bytes, from several threads, as they arrive."""

    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    """None: the one that `hf auth login` stored, if any."""
    cache_dir: Path | None = None
    """For Hub downloads (None: the Hugging Face cache) and unpacked archives (None: a temporary folder)."""
    offline: bool = False
    endpoint: str | None = None
    progress: Callable[[int, int], None] | None = None
    max_unpacked_bytes: int = 20 * 1024**3


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete snapshot; `revision` is its commit."""

    folder: Path
    revision: str
    warnings: tuple[str, ...] = ()


def is_hub_id(text: str) -> bool:
    """Whether the Hub could have a repository of that id: `name` or `owner/name`, by the Hub's own rules."""
    allowed = _ID.fullmatch(text) is not None and len(text) <= 96 and not text.endswith(".git")
    return allowed and "--" not in text and ".." not in text


def fetch(repo: str, options: SourceOptions) -> Fetched:
    """Download what is missing of the repository `repo` and return its snapshot.

    Raises HubError, UnsafeWeights (only pickled weights) or ModelIncomplete (no weights, config or tokenizer there).
    """
    hub = import_hub()
    if options.offline or hub.constants.HF_HUB_OFFLINE:
        return _cached(hub, repo, options, _OFFLINE)
    try:
        with quiet():
            return _download(hub, repo, options)
    except hub.errors.RevisionNotFoundError as error:
        raise HubRefused(
            f"The Hub's model {echo(repo)} has no revision {echo(options.revision)}.",
            hint="A revision is a branch, a tag or a commit; leave it out for the newest.",
        ) from error
    except (hub.errors.HTTPError, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(repo, _cache(hub, options), str(error.strerror)) from error
        problem = _explain(hub, repo, options, error)
        try:
            return _cached(hub, repo, options, problem.message)
        except HubError:
            raise problem from error


def _download(hub: ModuleType, repo: str, options: SourceOptions) -> Fetched:
    api = hub.HfApi(
        endpoint=options.endpoint, token=options.token, library_name=DISTRIBUTION, library_version=mooring.__version__
    )
    info = api.model_info(repo, revision=options.revision, files_metadata=True, timeout=_TIMEOUT_S)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    wanted = wanted_files(repo, frozenset(sizes))
    cache = _cache(hub, options)
    absent = [n for n in wanted if not isinstance(hub.try_to_load_from_cache(repo, n, cache, info.sha), str)]
    need = sum(sizes[name] for name in absent)
    _check_space(repo, cache, need)
    bars = Bars(need, options.progress)
    # In a thread of its own: the library waits for its downloads on Ctrl-C, so that they are told to stop first.
    with ThreadPoolExecutor(1, "hub") as pool:
        future = pool.submit(
            hub.snapshot_download,
            repo,
            revision=options.revision,
            cache_dir=cache,
            token=options.token,
            endpoint=options.endpoint,
            library_name=DISTRIBUTION,
            library_version=mooring.__version__,
            allow_patterns=[glob.escape(name) for name in wanted],
            max_workers=4,
            tqdm_class=bars.bar_class(hub),
        )
        try:
            folder = Path(future.result())
        except BaseException:
            bars.stop.set()
            raise
    return Fetched(folder, folder.name, _code_warning(repo, sizes))


def _code_warning(repo: str, names: Iterable[str]) -> tuple[str, ...]:
    """Code of a repository is neither fetched nor run; whoever relies on it has to know."""
    found = code_names(names)
    if not found:
        return ()
    more = f" and {len(found) - 3} more files" if len(found) > 3 else ""
    return (
        f"Not run: {', '.join(found[:3])}{more} of the Hub's repository. Code from the Hub is never run; to run it, "
        f"download it (hf download {repo} --local-dir FOLDER), read it, and serve FOLDER with --run-code.",
    )


def wanted_files(repo: str, names: frozenset[str]) -> tuple[str, ...]:
    """Which of a repository's files to fetch: a built graph if there is one, else safetensors; never a pickle.

    Raises UnsafeWeights if the weights are pickled only, ModelIncomplete if there is nothing to serve.
    """
    small = {name for name in names if name in _SMALL_FILES}
    if MANIFEST_FILE in names and names.issuperset(GRAPH_FILES):
        weights = set(GRAPH_FILES)
    elif SINGLE_FILE in names:
        weights, small = {SINGLE_FILE}, small - {INDEX_FILE}
    else:
        shards = {name for name in names if name.endswith(".safetensors") and "/" not in name}
        weights = shards if INDEX_FILE in names else set()
    missing = [] if CONFIG_FILE in names or MANIFEST_FILE in names else [CONFIG_FILE]
    if not weights:
        top = frozenset(name for name in names if "/" not in name)
        if pickles := pickled_weights(top):
            raise unsafe_weights(repo, pickles, hub=True)
        if (foreign := foreign_weights(top)) is not None:
            raise ModelUnsupported(
                f"The Hub's model {echo(repo)} has its weights only as {foreign.names}, which is {foreign.format}.",
                hint="Nothing was downloaded. Choose a revision with model.safetensors (--revision refs/pr/N names a "
                "pull request), or another model.",
            )
        missing.append(SINGLE_FILE)
    if not names & {TOKENIZER_FILE, VOCAB_FILE}:
        missing.append(f"{TOKENIZER_FILE} (or {VOCAB_FILE})")
    if missing:
        raise ModelIncomplete(
            f"The Hub's model {echo(repo)} lacks {', '.join(missing)}.",
            missing=tuple(missing),
            hint="Nothing was downloaded. Choose another model or --revision.",
        )
    return tuple(sorted(small | weights))


def _cached(hub: ModuleType, repo: str, options: SourceOptions, why: str) -> Fetched:
    """The snapshot that an earlier download left, complete; raises HubError if there is none."""
    cache = _cache(hub, options)
    marker = next(
        (p for n in (CONFIG_FILE, MANIFEST_FILE) if isinstance(p := _lookup(hub, repo, n, cache, options), str)), None
    )
    refused = HubRefused if why == _OFFLINE else HubError
    if marker is None:
        raise refused(
            f"{why.rstrip('.')}, and {echo(repo)} is not in the cache ({cache}).",
            hint="Download it once with a connection, or name a folder or a .tar.gz.",
        )
    folder = Path(marker).parent
    try:
        names = frozenset(p.name for p in folder.iterdir() if p.exists())
        if SINGLE_FILE not in wanted_files(repo, names) and INDEX_FILE in names:
            weight_files(ModelFolder(folder))  # names the shards that are missing
    except ModelIncomplete as error:
        raise refused(
            f"{why.rstrip('.')}, and the copy of {echo(repo)} in the cache ({cache}) lacks {', '.join(error.missing)}.",
            hint="Complete it with a connection, or name a folder or a .tar.gz.",
        ) from error
    note = () if why == _OFFLINE else (f"{why.rstrip('.')}: the cached revision {folder.name[:12]} is served.",)
    return Fetched(folder, folder.name, note)


def _lookup(hub: ModuleType, repo: str, name: str, cache: Path, options: SourceOptions) -> Any:
    return hub.try_to_load_from_cache(repo, name, cache, options.revision)


def _cache(hub: ModuleType, options: SourceOptions) -> Path:
    """Raises HubError for a user without a home, where the library would make a folder called ~ in the current one."""
    try:
        return options.cache_dir or expanded(hub.constants.HF_HUB_CACHE, "The folder for downloads")
    except UsageError as error:
        raise HubError(error.message, hint="Name one: --cache-dir FOLDER, or HF_HOME=FOLDER.") from error


def _explain(hub: ModuleType, repo: str, options: SourceOptions, error: Exception) -> HubError:
    """What a failed call means to the user. The order matters: gated is a kind of not found in that library."""
    errors, where = hub.errors, options.endpoint or hub.constants.ENDPOINT
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return HubRefused(
            f"The Hub's model {echo(repo)} is gated: its owner wants to be asked ({status}).",
            hint=f"Ask for access at {where}/{repo}, then give a token of that account in HF_TOKEN.",
        )
    if status == 401 and options.token and not isinstance(error, errors.RepositoryNotFoundError):
        return HubRefused(f"The Hub at {where} refused the token (401).", hint="Check HF_TOKEN.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubRefused(
            f"The Hub at {where} has no model {echo(repo)}, or it is private ({status}).",
            hint="Check the spelling (neither a file nor a folder of that name exists here); a private model needs a "
            "token in HF_TOKEN.",
        )
    if status is not None:
        return HubError(f"The Hub at {where} answered {status} for {echo(repo)}.", hint="Try again later.")
    # Also what the library raises for a download that ended too early, after its own five attempts to resume.
    reason = str(error).split("\n", maxsplit=1)[0][:200] or type(error).__name__
    cut_off = isinstance(error, OSError) and "Consistency check failed" in reason
    if cut_off:
        return HubError(f"The download of {echo(repo)} from {where} was cut off: {reason}", hint="Try again.")
    return HubError(
        f"The Hub at {where} cannot be reached: {type(error).__name__}: {reason}.",
        hint="Check the connection, the proxy settings and HF_ENDPOINT; or name a folder or a .tar.gz.",
    )


def _check_space(repo: str, cache: Path, need: int) -> None:
    place = next((p for p in (cache, *cache.absolute().parents) if p.exists()), Path("/"))
    if (free := shutil.disk_usage(place).free) < need:
        raise _disk_full(repo, cache, f"{need} bytes are needed, {free} are free")


def _disk_full(repo: str, cache: Path, detail: str) -> HubError:
    return HubError(
        f"No space left for {echo(repo)} in the cache {cache}: {detail}.",
        hint="Free some space there, or name another folder with --cache-dir.",
    )
