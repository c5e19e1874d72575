"""Download a model from the Hugging Face Hub into its cache. Called by `source.py`.

Only files that serving needs are fetched, never a pickle. Without a connection the cached snapshot is used, with a
warning. Failures become a `HubError` that says what to try.
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
    MODULES_FILE,
    TOKENIZER_FILE,
    TOKENIZER_FILES,
    ModelFolder,
)
from mooring.model.foreign import foreign_weights
from mooring.model.hub_library import Bars, import_hub, quiet
from mooring.model.pickles import pickled_weights, unsafe_weights
from mooring.model.sentence_transformers import LIMITS_FILE, PROMPTS_FILE
from mooring.model.tokenizer_files import CONVERT, WANTED, has_tokenizer, only_sentencepiece, sentencepiece_in
from mooring.model.unsupported import Seen, refuse
from mooring.model.weights import INDEX_FILE, SINGLE_FILE, weight_files
from mooring.settings.places import expanded

_SMALL_FILES = frozenset({CONFIG_FILE, MANIFEST_FILE, INDEX_FILE, *TOKENIZER_FILES})
_ID = re.compile(r"\w([\w.-]*\w)?(/\w([\w.-]*\w)?)?", re.ASCII)
_TIMEOUT_S = 10.0
_OFFLINE = "Offline mode is on"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to fetch a model. `progress(done, total)` is called with byte counts, from several threads."""

    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    """None: the token stored by `hf auth login`, if any."""
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
    """Download the missing files of the repository `repo` and return its snapshot.

    Raises HubError, UnsafeWeights (only pickled weights) or ModelIncomplete (no weights, config or tokenizer).
    """
    hub = import_hub()
    if options.offline or hub.constants.HF_HUB_OFFLINE:
        return _cached(hub, repo, options, _OFFLINE)
    try:
        with quiet():
            return _download(hub, repo, options)
    except hub.errors.RevisionNotFoundError as error:
        raise HubRefused(
            f"Model {echo(repo)} has no revision {echo(options.revision)} on the Hub.",
            hint="Name a branch, a tag or a commit, or omit --revision for the newest.",
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
    # In its own thread: on Ctrl-C the library waits for its downloads, so they must be told to stop first.
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
    """Warn that code of a repository is neither fetched nor run."""
    found = code_names(names)
    if not found:
        return ()
    more = f" and {len(found) - 3} more files" if len(found) > 3 else ""
    return (
        f"Not run: {', '.join(found[:3])}{more} from the Hub repository. Code from the Hub is never run. To run it, "
        f"download it (hf download {repo} --local-dir FOLDER), read it, and serve FOLDER with --run-code.",
    )


def wanted_files(repo: str, names: frozenset[str]) -> tuple[str, ...]:
    """The files of a repository to fetch: a built graph if there is one, else safetensors; never a pickle.

    Raises UnsafeWeights if the only weights are pickled, ModelUnsupported for a kind or format that is not served,
    ModelIncomplete if there is nothing to serve.
    """
    refuse(Seen({}, names), f"{echo(repo)} on the Hub")
    modules = {name for name in names if _is_module(name)}
    if not names & {CONFIG_FILE, MANIFEST_FILE} and (inner := _transformer_in(names)):
        below = frozenset(name.removeprefix(inner) for name in names if name.startswith(inner))
        return tuple(sorted(modules | {inner + name for name in wanted_files(repo, below)}))
    small = {name for name in names if name in _SMALL_FILES} | modules
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
                f"Model {echo(repo)} on the Hub has only {foreign.names} ({foreign.format}), not safetensors.",
                hint="Nothing was downloaded. Choose a revision with model.safetensors (--revision refs/pr/N names a "
                "pull request), or another model.",
            )
        missing.append(SINGLE_FILE)
    if not has_tokenizer(names):
        missing.append(WANTED)
    if missing == [WANTED] and (sentencepiece := sentencepiece_in(names)) is not None:
        raise ModelUnsupported(
            only_sentencepiece(f"Model {echo(repo)} on the Hub", sentencepiece),
            hint=f"Nothing was downloaded. Choose a revision with {TOKENIZER_FILE} (--revision refs/pr/N names a pull "
            f"request). Or download the model (hf download {repo} --local-dir FOLDER), convert the tokenizer inside "
            f"FOLDER and serve FOLDER. To convert it, {CONVERT}.",
        )
    if missing:
        raise ModelIncomplete(
            f"Model {echo(repo)} on the Hub lacks {', '.join(missing)}.",
            missing=tuple(missing),
            hint="Nothing was downloaded. Choose another model or --revision.",
        )
    return tuple(sorted(small | weights))


def _transformer_in(names: frozenset[str]) -> str:
    """The subfolder ("0_Transformer/") with config.json where sentence-transformers put the transformer, or ""."""
    found = (name.removesuffix(CONFIG_FILE) for name in names if re.fullmatch(rf"0_\w+/{re.escape(CONFIG_FILE)}", name))
    return next(found, "") if MODULES_FILE in names else ""


def _is_module(name: str) -> bool:
    """Whether it is a file of sentence-transformers: modules.json, its settings, or a module's folder."""
    folder, _, file = name.rpartition("/")
    if not folder:
        return file in (MODULES_FILE, LIMITS_FILE, PROMPTS_FILE)
    return re.fullmatch(r"\d+_\w+", folder) is not None and file in (*_SMALL_FILES, LIMITS_FILE, SINGLE_FILE)


def _cached(hub: ModuleType, repo: str, options: SourceOptions, why: str) -> Fetched:
    """The complete snapshot of an earlier download. Raises HubError if there is none."""
    cache = _cache(hub, options)
    marker = next(
        (p for n in (CONFIG_FILE, MANIFEST_FILE) if isinstance(p := _lookup(hub, repo, n, cache, options), str)), None
    )
    refused = HubRefused if why == _OFFLINE else HubError
    if marker is None:
        raise refused(
            f"{why.rstrip('.')}, and {echo(repo)} is not in the cache ({cache}).",
            hint="Download it once while online, or serve a local folder or .tar.gz.",
        )
    folder = Path(marker).parent
    try:
        names = frozenset(p.name for p in folder.iterdir() if p.exists())
        if SINGLE_FILE not in wanted_files(repo, names) and INDEX_FILE in names:
            weight_files(ModelFolder(folder))  # raises, naming the missing shards
    except ModelIncomplete as error:
        raise refused(
            f"{why.rstrip('.')}, and the copy of {echo(repo)} in the cache ({cache}) lacks {', '.join(error.missing)}.",
            hint="Complete the download while online, or serve a local folder or .tar.gz.",
        ) from error
    note = () if why == _OFFLINE else (f"{why.rstrip('.')}. Serving the cached revision {folder.name[:12]}.",)
    return Fetched(folder, folder.name, note)


def _lookup(hub: ModuleType, repo: str, name: str, cache: Path, options: SourceOptions) -> Any:
    return hub.try_to_load_from_cache(repo, name, cache, options.revision)


def _cache(hub: ModuleType, options: SourceOptions) -> Path:
    """The cache folder. Raises HubError for a user without a home: the library would create a folder named ~."""
    try:
        return options.cache_dir or expanded(hub.constants.HF_HUB_CACHE, "The download folder")
    except UsageError as error:
        raise HubError(error.message, hint="Choose a folder with --cache-dir FOLDER or HF_HOME=FOLDER.") from error


def _explain(hub: ModuleType, repo: str, options: SourceOptions, error: Exception) -> HubError:
    """The user-facing error for a failed call. The order matters: the library's gated error is a not-found error."""
    errors, where = hub.errors, options.endpoint or hub.constants.ENDPOINT
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return HubRefused(
            f"Model {echo(repo)} on the Hub is gated: its owner must grant access ({status}).",
            hint=f"Request access at {where}/{repo}, then set HF_TOKEN to a token of that account.",
        )
    if status == 401 and options.token and not isinstance(error, errors.RepositoryNotFoundError):
        return HubRefused(f"The Hub at {where} refused the token (401).", hint="Check HF_TOKEN.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubRefused(
            f"The Hub at {where} has no model {echo(repo)}, or it is private ({status}).",
            hint="Check the spelling (no local file or folder has that name). A private model needs a "
            "token in HF_TOKEN.",
        )
    if status is not None:
        return HubError(f"The Hub at {where} answered {status} for {echo(repo)}.", hint="Try again later.")
    # The library also raises this for a truncated download, after its own five attempts to resume.
    reason = str(error).split("\n", maxsplit=1)[0][:200] or type(error).__name__
    cut_off = isinstance(error, OSError) and "Consistency check failed" in reason
    if cut_off:
        return HubError(f"The download of {echo(repo)} from {where} was interrupted: {reason}", hint="Try again.")
    return HubError(
        f"Cannot reach the Hub at {where}: {type(error).__name__}: {reason}.",
        hint=f"{echo(repo)} was read as a Hub id, since no file or folder here has that name. Check the connection, "
        "the proxy settings and HF_ENDPOINT, or serve a local folder or .tar.gz.",
    )


def _check_space(repo: str, cache: Path, need: int) -> None:
    place = next((p for p in (cache, *cache.absolute().parents) if p.exists()), Path("/"))
    if (free := shutil.disk_usage(place).free) < need:
        raise _disk_full(repo, cache, f"{need} bytes needed, {free} free")


def _disk_full(repo: str, cache: Path, detail: str) -> HubError:
    return HubError(
        f"No space left for {echo(repo)} in the cache {cache}: {detail}.",
        hint="Free some space there, or choose another folder with --cache-dir.",
    )
