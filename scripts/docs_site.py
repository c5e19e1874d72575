"""Build the documentation as a site: `make docs`. Needs only the packages of docs/requirements.txt.

The Markdown files link to each other as on a code host, also to files outside docs/. This script copies them to
.work/site/docs, changes the links to the places in the site, and runs zensical in strict mode, which checks pages and
anchors. A link to a file that is no page becomes its path.

python scripts/docs_site.py
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
STAGE = ROOT / ".work" / "site" / "docs"
OUTSIDE = {
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "README.md": "readme.md",
    "examples/README.md": "examples.md",
    "local/README.md": "local/index.md",
    "local/docs/guide.md": "local/guide.md",
    "local/docs/reference/cli.md": "local/cli.md",
    "local/docs/reference/clients.md": "local/clients.md",
    "local/docs/reference/operations.md": "local/operations.md",
    "training/README.md": "training/index.md",
    "training/docs/cli.md": "training/cli.md",
    "training/data/README.md": "training/data.md",
}
"""Page in the repository → page of the site."""
FENCED = re.compile(r"(^```.*?^```\s*?$)", re.M | re.S)
LINK = re.compile(r"(?P<text>!?\[(?:[^\[\]]|\[[^\]]*\])*\])\((?P<target>[^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+:|#")


class Broken(Exception):
    """A link to nothing."""


def pages() -> dict[PurePosixPath, PurePosixPath]:
    """Page in the repository → page of the site, both relative."""
    docs = {path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")}
    own = {PurePosixPath(path): PurePosixPath(path).relative_to("docs") for path in docs}
    return own | {PurePosixPath(source): PurePosixPath(target) for source, target in OUTSIDE.items()}


def relative(target: PurePosixPath, page: PurePosixPath) -> str:
    """The link from one page of the site to a file of it."""
    return os.path.relpath(target, page.parent).replace(os.sep, "/")


class Stage:
    """Copies pages and the files that they show."""

    def __init__(self, root: Path, stage: Path, known: dict[PurePosixPath, PurePosixPath]) -> None:
        self._root, self._stage, self._known = root, stage, known

    def copy(self, source: PurePosixPath) -> None:
        """A page with its links changed. Raises Broken for a link to a file that is not there."""
        text = (self._root / source).read_text(encoding="utf-8")
        parts = FENCED.split(text)
        parts[::2] = [LINK.sub(lambda found: self._link(source, found), part) for part in parts[::2]]
        target = self._stage / self._known[source]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(parts), encoding="utf-8")

    def _link(self, source: PurePosixPath, found: re.Match[str]) -> str:
        if ELSEWHERE.match(found["target"]):
            return found[0]
        name, anchor, place = found["target"].partition("#")
        wanted = PurePosixPath(os.path.normpath(source.parent / name))
        if not (self._root / wanted).exists():
            raise Broken(f"{source}: no file {wanted} for the link {found[0]}")
        page = self._known[source]
        if wanted in self._known:
            return f"{found['text']}({relative(self._known[wanted], page)}{anchor}{place})"
        if found["text"].startswith("!") or wanted.suffix in (".svg", ".png"):
            copied = wanted.relative_to("docs")
            (self._stage / copied).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._root / wanted, self._stage / copied)
            return f"{found['text']}({relative(copied, page)})"
        said = found["text"].strip("[]")
        return f"`{wanted}`" if said.strip("`") in (str(wanted), name, wanted.name) else f"{said} (`{wanted}`)"


def main() -> int:
    """Copy and build. Returns zensical's exit code: 1 for a warning."""
    shutil.rmtree(STAGE.parent, ignore_errors=True)
    known = pages()
    stage = Stage(ROOT, STAGE, known)
    for source in known:
        stage.copy(source)
    print(f"{len(known)} pages in {STAGE.relative_to(ROOT)}", flush=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", "zensical.toml"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(str(error))
