"""Parse one requirement as pip does: a name with versions, a URL, a repository, a file or a folder.

Files and folders are looked up in the archive to be deployed.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mooring.deploy.requirements_file import NotTaken

MODEL_DIR = "/opt/ml/model/"
"""Where SageMaker unpacks the archive."""

Source = Literal["index", "url", "vcs", "path"]

_SCHEMES = ("http", "https", "file", "ftp")
_TRANSPORTS = {
    "git": ("http", "https", "ssh", "git", "file"),
    "hg": ("file", "http", "https", "ssh", "static-http"),
    "bzr": ("http", "https", "ssh", "sftp", "ftp", "lp", "file"),
    "svn": ("ssh", "http", "https", "svn", "file"),
}
_VCS_SCHEMES = frozenset(f"{name}+{way}" for name, ways in _TRANSPORTS.items() for way in ways)
_ARCHIVES = (
    *(".zip", ".whl", ".tar.bz2", ".tbz", ".tar.gz", ".tgz", ".tar"),
    *(".tar.xz", ".txz", ".tlz", ".tar.lz", ".tar.lzma"),
)
_EGG = re.compile(r"[#&]egg=([^&]*)")
_PROJECT = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE)
_EXTRAS = re.compile(r"(.+?)\s*(\[[^\]]+\])")


@dataclass(frozen=True, slots=True)
class Package:
    """One requirement that applies in the image."""

    place: str
    """File and line."""
    text: str
    name: str | None
    """Canonical; None if a URL or path does not contain it."""
    source: Source
    versions: SpecifierSet = field(default_factory=SpecifierSet)
    hashed: bool = False

    @property
    def pinned(self) -> bool:
        """Whether exactly one version is required, as pip's hash checking needs."""
        operators = [specifier.operator for specifier in self.versions]
        return len(operators) == 1 and operators[0] in ("==", "===")

    @property
    def key(self) -> str:
        """Identifies what pip installs once."""
        return self.name or self.text


def in_archive(folder: str, target: str) -> str | None:
    """The archive name of a path that is relative to an archive's folder, or below /opt/ml/model; None outside."""
    if target.startswith(MODEL_DIR):
        joined = posixpath.normpath(target.removeprefix(MODEL_DIR))
    elif target.startswith("/"):
        return None
    else:
        joined = posixpath.normpath(posixpath.join(folder, target))
    return None if joined.startswith("..") else joined


class Places:
    """Files and folders of the archive. Paths are relative to the requirements file's folder, where pip runs."""

    def __init__(self, files: Mapping[str, Path], folder: str) -> None:
        self._files = files
        self._folder = folder
        self.missing: str | None = None
        """A file that a requirement names and the archive does not have."""

    def is_file(self, path: str) -> bool:
        """Whether the archive has the file."""
        return in_archive(self._folder, path) in self._files

    def is_folder(self, path: str) -> bool:
        """Whether the archive has the folder."""
        return any(True for _ in self._below(path))

    def is_project(self, path: str) -> bool:
        """Whether pip could install the folder."""
        return bool({"setup.py", "pyproject.toml"} & set(self._below(path)))

    def _below(self, path: str) -> Iterator[str]:
        inside = in_archive(self._folder, path)
        if inside is not None:
            prefix = "" if inside == "." else f"{inside}/"
            yield from (name.removeprefix(prefix) for name in self._files if name.startswith(prefix))


Parsed = tuple[Package, Marker | None, set[str]]


def plain(place: str, text: str, places: Places) -> Parsed:
    """Parse a requirement that is not editable. Raises NotTaken."""
    separator = "; " if _is_url(text) else ";"
    text, found, condition = text.partition(separator)
    text = text.strip()
    marker = _marker(condition) if found and condition.strip() else None
    if _is_url(text):
        return Package(place, text, _name_in(text), _source_of(text)), marker, set()
    path, extras = _without_extras(text)
    if _like_path(text) and places.is_folder(path):
        if not places.is_project(path):
            raise NotTaken("the folder has neither setup.py nor pyproject.toml")
        return Package(place, text, None, "path"), marker, extras
    if path.lower().endswith(_ARCHIVES) and (places.is_file(path) or not _at_url(text)):
        if not places.is_file(path):
            places.missing = path
        return Package(place, text, _name_in(path), "path"), marker, extras
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        hint = ". Use == instead of =" if re.search(r"[^=<>!~]=[^=]", text) else ""
        raise NotTaken(f"not a valid requirement ({str(error).splitlines()[0]}){hint}") from error
    source: Source = _source_of(requirement.url) if requirement.url else "index"
    name = canonicalize_name(requirement.name)
    package = Package(place, text, name, source, requirement.specifier)
    return package, marker or requirement.marker, set(requirement.extras)


def editable(place: str, text: str, places: Places) -> Parsed:
    """Parse the value of -e: a project's folder, or a repository with a name. Raises NotTaken."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        pass
    else:
        if requirement.url:
            if not _is_vcs(requirement.url) and not requirement.url.startswith("file:"):
                raise NotTaken("-e takes a folder or a repository, such as git+https://…")
            name = canonicalize_name(requirement.name)
            return Package(place, text, name, _source_of(requirement.url)), requirement.marker, set(requirement.extras)
    path, extras = _without_extras(text)
    if places.is_folder(path):
        if not places.is_project(path):
            raise NotTaken("the folder has neither setup.py nor pyproject.toml")
        return Package(place, text, None, "path"), None, extras
    if text.lower().startswith("file:"):
        return Package(place, text, _name_in(text), "path"), None, set()
    if (system := text.partition(":")[0].lower()) in _TRANSPORTS:
        text = f"{system}+{text}"
    if not _is_vcs(text):
        raise NotTaken("-e takes a folder of the archive or a repository, such as git+https://…")
    name_of = _name_in(text)
    if name_of is None:
        raise NotTaken("the repository has no package name: write -e NAME @ URL")
    return Package(place, text, name_of, "vcs"), None, set()


def _marker(text: str) -> Marker:
    try:
        return Marker(text.strip())
    except InvalidMarker as error:
        raise NotTaken(f"invalid marker ({str(error).splitlines()[0]})") from error


def _scheme(text: str) -> str:
    try:
        return urlsplit(text).scheme
    except ValueError as error:
        raise NotTaken(f"invalid URL ({error})") from error


def _is_url(text: str) -> bool:
    return _scheme(text) in _SCHEMES or _is_vcs(text)


def _is_vcs(text: str) -> bool:
    return _scheme(text) in _VCS_SCHEMES


def _source_of(url: str) -> Source:
    if _is_vcs(url):
        return "vcs"
    return "path" if _scheme(url) == "file" else "url"


def _name_in(url: str) -> str | None:
    """The package name in a URL or path: a wheel's, or an #egg fragment's. Raises NotTaken if it is invalid."""
    last = unquote(urlsplit(url).path.rpartition("/")[2])
    if last.endswith(".whl"):
        try:
            return parse_wheel_filename(last)[0]
        except InvalidWheelFilename as error:
            raise NotTaken(f"{error}") from error
    egg = _EGG.search(url)
    if egg is None:
        return None
    name = _without_extras(egg[1])[0]
    if not _PROJECT.fullmatch(name):
        raise NotTaken(f"#egg={egg[1]} is not a package name")
    return canonicalize_name(name)


def _without_extras(text: str) -> tuple[str, set[str]]:
    found = _EXTRAS.fullmatch(text)
    return (text, set()) if found is None else (found[1], {extra.strip() for extra in found[2][1:-1].split(",")})


def _like_path(text: str) -> bool:
    return "/" in text or text.startswith(".")


def _at_url(text: str) -> bool:
    """Whether the text is NAME @ URL, where the URL may end like an archive."""
    before, at, _ = text.partition("@")
    return bool(at) and not _like_path(before)


def last_part(text: str) -> str:
    last = text.partition("#")[0].rstrip("/").rpartition("/")[2].partition("@")[0]
    return canonicalize_name(last.removesuffix(".git"))
