"""Check a model's requirements.txt as pip would read it, for `moor doctor`.

Does not query an index or read files outside the archive.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from packaging.markers import default_environment
from packaging.specifiers import SpecifierSet

from mooring.deploy.requirement import Package, Places, editable, in_archive, last_part, plain
from mooring.deploy.requirements_file import Line, NotTaken, decode, numbered_lines, parse_line
from mooring.errors import echo

MAX_BYTES = 1_048_576
"""Larger files are not checked."""
MAX_FILES = 100
"""Maximum number of files, with those included."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem, and what to do."""

    level: Literal["error", "warning"]
    what: str
    way_out: str


@dataclass
class Requirements:
    """The requirements of a file and of all files that it includes."""

    packages: list[Package] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    no_index: bool = False
    """Whether --no-index is set."""

    @property
    def names(self) -> set[str]:
        """Canonical names; for a URL without one, the last part of its path, which is usually the name."""
        return {package.name or last_part(package.text) for package in self.packages}

    @property
    def count(self) -> int:
        """Number of distinct packages."""
        return len({package.key for package in self.packages})


def read_requirements(files: Mapping[str, Path], name: str, python: tuple[int, int]) -> Requirements:
    """Read the file `name` of an archive (archive name → file). `python` is the image's."""
    reader = _Reader(files, _environment(python))
    reader.read(name, constraint=False, outer=())
    reader.found.remarks += [*_hash_faults(reader), *_conflicts(reader)]
    return reader.found


def _environment(python: tuple[int, int]) -> dict[str, str]:
    """Variables of markers, with the image's values."""
    version = ".".join(map(str, python))
    return {
        **{name: str(value) for name, value in default_environment().items()},
        "python_version": version,
        "python_full_version": f"{version}.0",
        "implementation_version": f"{version}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "extra": "",
    }


class _Reader:
    """Reads a file with its includes; some options apply to all files."""

    def __init__(self, files: Mapping[str, Path], environment: dict[str, str]) -> None:
        self.found = Requirements()
        self.constraints: list[Package] = []
        self.hashes: bool | None = None
        """True for --require-hashes, False for --no-require-hashes, None for neither."""
        self._files = files
        self._environment = environment
        self._opened = 0

    def read(self, name: str, *, constraint: bool, outer: tuple[str, ...]) -> None:
        """Read one file; `outer` are the files that include it."""
        self._opened += 1
        try:
            if self._opened > MAX_FILES:
                raise NotTaken(f"more than {MAX_FILES} included files; the rest was not checked")
            path = self._files[name]
            if path.stat().st_size > MAX_BYTES:
                self._say("warning", name, f"has more than {MAX_BYTES} bytes and was not checked", "Shorten it.")
                return
            text = decode(path.read_bytes())
        except (NotTaken, OSError) as error:
            self._say("error", name, f"cannot be read by pip: {error}", "Save it as UTF-8.")
            return
        for number, line in numbered_lines(text):
            place = f"{name}:{number}"
            try:
                self._line(name, parse_line(number, line), constraint=constraint, outer=outer)
            except NotTaken as error:
                self._say(
                    "error",
                    place,
                    f"is invalid for pip: {echo(line)}: {error}",
                    "Each line must be a package, a URL, a path or an option. See pip's documentation.",
                )

    def _line(self, name: str, line: Line, *, constraint: bool, outer: tuple[str, ...]) -> None:
        place, options = f"{name}:{line.number}", line.options
        if line.ignored:
            what = f"has {echo(' '.join(line.ignored))} after an option, which pip ignores"
            self._say("warning", place, what, "Put it on its own line.")
        if line.requirement or options.editable:
            self._requirement(name, line, constraint=constraint)
            return
        for nested, kind in ((options.requirement, False), (options.constraint, True)):
            if nested:
                self._include(name, line, nested[0], constraint=kind, outer=(*outer, name))
                return
        if options.hash:
            self._say("warning", place, "has a hash without a requirement, which pip ignores", "Put both on one line.")
        self.found.no_index |= options.no_index
        if options.require_hashes or options.no_require_hashes:
            self.hashes = bool(options.require_hashes)

    def _include(self, name: str, line: Line, target: str, *, constraint: bool, outer: tuple[str, ...]) -> None:
        place = f"{name}:{line.number}"
        if len(line.options.requirement or ()) + len(line.options.constraint or ()) > 1:
            self._say("warning", place, "includes several files, but pip reads only the first", "Use one per line.")
        if re.match(r"(https?|file):", target, re.IGNORECASE):
            self._say("warning", place, f"includes {echo(target)}, which was not checked", "Put the file into code/.")
            return
        inside = in_archive(posixpath.dirname(name), target)
        if inside in outer:
            raise NotTaken(f"{inside} includes itself")
        if inside in self._files:
            self.read(str(inside), constraint=constraint, outer=outer)
        elif inside is None and target.startswith("/"):
            what = f"includes {echo(target)}, which is not in the archive, so the image must have it"
            self._say("warning", place, what, "Put the file into code/.")
        else:
            raise NotTaken(f"the archive has no file {echo(target)}")

    def _requirement(self, name: str, line: Line, *, constraint: bool) -> None:
        place, is_editable = f"{name}:{line.number}", not line.requirement
        text = line.requirement or line.options.editable[0]
        finder = Places(self._files, posixpath.dirname(name))
        try:
            package, marker, extras = (editable if is_editable else plain)(place, text, finder)
        except (NotTaken, RecursionError) as error:
            if not line.variables:
                raise NotTaken(str(error) if isinstance(error, NotTaken) else "it is nested too deeply") from error
            what = f"needs the environment variables {', '.join(line.variables)} when pip runs: {echo(text)}"
            self._say("warning", place, what, "Set them with --env.")
            return
        if constraint and (package.name is None or is_editable or extras):
            raise NotTaken("a constraint must be a name with versions, without URL, extras or -e")
        if marker is not None and not marker.evaluate(self._environment):
            return
        if line.options.hash:
            package = Package(place, package.text, package.name, package.source, package.versions, hashed=True)
        if missing := finder.missing:
            what = f"names {echo(missing)}, which is not in the archive"
            self._say("warning", place, what, f"Add it to {posixpath.dirname(name) or '.'}/, unless the image has it.")
        (self.constraints if constraint else self.found.packages).append(package)

    def _say(self, level: Literal["error", "warning"], place: str, what: str, way_out: str) -> None:
        self.found.remarks.append(Remark(level, f"{place} {what}.", way_out))


def _hash_faults(reader: _Reader) -> Iterator[Remark]:
    """With a single hash, or --require-hashes, pip requires a hash and a pinned version for everything."""
    everything = [*reader.found.packages, *reader.constraints]
    wanted = any(package.hashed for package in everything) if reader.hashes is None else reader.hashes
    if not wanted:
        return
    hashed = {package.name for package in reader.constraints if package.hashed}
    pinned = {package.name for package in everything if package.pinned}
    for package in reader.found.packages:
        if package.source == "vcs":
            why = "a repository cannot have one"
        elif not package.hashed and package.name not in hashed:
            why = "this one has none"
        elif package.source == "index" and package.name not in pinned:
            why = "this one is not pinned with =="
        else:
            continue
        what = f"{package.place} {echo(package.text)}: if one package has a hash, pip requires one for all, but {why}."
        yield Remark("error", what, "Use --hash and == for every package, or for none.")
        return


def _conflicts(reader: _Reader) -> Iterator[Remark]:
    """Packages that are required in contradictory versions."""
    everything = [*reader.found.packages, *reader.constraints]
    for package in reader.found.packages:
        if not package.pinned:
            continue
        version = next(iter(package.versions)).version
        for other in everything:
            if other.name == package.name and not _allows(other.versions, version):
                what = f"{package.place} {echo(package.text)} contradicts {other.place} {echo(other.text)}."
                yield Remark("error", what, "Keep one of them.")
                return


def _allows(versions: SpecifierSet, version: str) -> bool:
    if version.endswith(".*"):
        return True  # a range: only pip's resolver can tell
    return versions.contains(version, prereleases=True)
