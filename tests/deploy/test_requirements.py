"""requirements.txt as pip reads it: what is taken, what is refused, what is counted; held against pip itself."""

import codecs
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mooring.deploy import requirements as reading
from mooring.deploy.requirements import Requirements, read_requirements
from tests.support.wheels import write_wheel

PYTHON = (sys.version_info.major, sys.version_info.minor)
REPORTED = Path(__file__).parent / "requirements"
"""Files of bug reports."""


@dataclass(frozen=True)
class Case:
    """A requirements.txt, and what becomes of it."""

    text: str | bytes
    names: list[str | None] | None
    """Canonical names of what is installed, None for one that the line does not tell; None: pip refuses the file."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Other files beside it."""
    warned: bool = False
    """Whether something is to look at, apart from pip's own rules."""


def reported(name: str) -> bytes:
    """A file of a bug report."""
    return (REPORTED / name).read_bytes()


WHEEL = "own-1.0-py3-none-any.whl"

CASES = {
    "bom": Case(reported("bom-pip-takes-doctor-refuses.txt"), ["tqdm", "click"]),
    "conda": Case(reported("conda-pip-refuses-doctor-takes.txt"), None),
    "continued": Case(reported("one-package-counted-as-two.txt"), ["tqdm"]),
    "url and path": Case(reported("pip-takes-doctor-refuses.txt"), [None, "own"], warned=True),
    # Encodings
    "utf-16": Case("tqdm\nclick\n".encode("utf-16"), ["tqdm", "click"]),
    "utf-16-be": Case(codecs.BOM_UTF16_BE + "tqdm\r\n".encode("utf-16-be"), ["tqdm"]),
    "coding comment": Case("# -*- coding: latin-1 -*-\ntqdm # café\n".encode("latin-1"), ["tqdm"]),
    "coding in line 2": Case("#!x\n# coding=utf-8\ntqdm # é\n".encode(), ["tqdm"]),
    "coding unknown": Case("# coding: no-such-coding\ntqdm\n", None),
    "coding of no text": Case("# coding: rot13\ntqdm\n", None),
    "utf-8": Case("tqdm  # naïve\n", ["tqdm"]),
    "empty": Case("", []),
    "comments": Case("# nothing\n\n   \n\t# here\n", []),
    # Lines
    "comment after": Case("tqdm # progress\nclick#1\n", None),
    "comment without space": Case("tqdm ; python_version >= '3' # all\n", ["tqdm"]),
    "fragment is no comment": Case("git+https://example.com/a/b.git#egg=b\n", ["b"], warned=False),
    "continuation": Case("tqdm\\\n>=4,\\\n  <5\nclick\n", ["tqdm", "click"]),
    "continuation at the end": Case("tqdm>=4\\\n", ["tqdm"]),
    "comment ends a continuation": Case("tqdm \\\n# comment\nclick\n", ["tqdm", "click"]),
    "form feed": Case("tqdm\x0cclick\n", ["tqdm", "click"]),
    "mac line ends": Case("tqdm\rclick\r", ["tqdm", "click"]),
    "sentence": Case("this is no requirement\n", None),
    "two on a line": Case("tqdm click\n", None),
    # Requirements
    "versions": Case("A.b_C >= 1, != 1.5 , < 2\n", ["a-b-c"]),
    "extras": Case("requests[socks,security]>=2\n", ["requests"]),
    "compatible": Case("numpy~=1.26\nscipy===1.0+local\n", ["numpy", "scipy"]),
    "brackets": Case("numpy (>=1.26)\n", ["numpy"]),
    "one equals sign": Case("numpy=1.26\n", None),
    "conda channel": Case("conda-forge::numpy\n", None),
    "pip freeze of conda": Case("numpy @ file:///tmp/build/numpy\n", ["numpy"]),
    "name of dots": Case("-numpy\n", None),
    "marker": Case("tqdm; sys_platform == 'linux'\nclick; sys_platform == 'win32'\n", ["tqdm"]),
    "marker of an extra": Case("tqdm; extra == 'x'\n", []),
    "marker that is none": Case("tqdm; python > 3\n", None),
    "unclosed quote": Case("tqdm; python_version > '3\n", None),
    "environment.yml": Case("name: x\ndependencies:\n  - numpy\n", None),
    # URLs
    "wheel by url": Case("https://example.com/own_thing-1.0-py3-none-any.whl\n", ["own-thing"]),
    "wheel with a bad name": Case("https://example.com/own.whl\n", None),
    "sdist by url": Case("https://example.com/own-1.0.tar.gz\n", [None]),
    "name at url": Case("own @ https://example.com/own-1.0.zip ; python_version > '3'\n", ["own"]),
    "git with a revision": Case("git+https://example.com/a/b.git@v1.2#egg=own\n", ["own"]),
    "git over ssh": Case("git+ssh://git@example.com/a/b.git\n", [None]),
    "name at git": Case("own @ git+https://example.com/a/b.git@main\n", ["own"]),
    "egg that is no name": Case("git+https://example.com/a/b.git#egg=a/b\n", None),
    "no such scheme": Case("gopher://example.com/own-1.0.zip\n", [None], warned=True),  # a path to pip
    # Paths
    "wheel by path": Case(f"./wheels/{WHEEL}\n", ["own"], {f"wheels/{WHEEL}": ""}),
    "wheel in the folder": Case(f"{WHEEL}\n", ["own"], {WHEEL: ""}),
    "folder": Case("./package\n", [None], {"package/setup.py": ""}),
    "folder with an extra": Case("./package[x]\n", [None], {"package/pyproject.toml": "[project]\nname='p'\n"}),
    "folder that is no package": Case("./package\n", None, {"package/x.py": ""}),
    "path that is nowhere": Case("./nowhere\n", None),
    "editable folder": Case("-e ./package\n", [None], {"package/setup.py": ""}),
    "editable that is nowhere": Case("-e ./nowhere\n", None),
    "editable repository": Case("--editable=git+https://example.com/a/b.git#egg=own\n", ["own"]),
    "editable repository without a name": Case("-e git+https://example.com/a/b.git\n", None),
    "editable name": Case("-e numpy\n", None),
    "editable by its system": Case("-e git://example.com/a/b.git#egg=own\n", ["own"]),
    "repository by its system": Case("git://example.com/a/b.git\n", None),
    # Options
    "indexes": Case(
        "-i https://a.example/simple\n--extra-index-url=https://b.example\n--trusted-host b.example\ntqdm\n", ["tqdm"]
    ),
    "joined option": Case("-ihttps://a.example/simple\n--find-links=wheels\n--pre\n--prefer-binary\ntqdm\n", ["tqdm"]),
    "abbreviated option": Case("--index https://a.example/simple\ntqdm\n", ["tqdm"]),
    "binaries": Case("--no-binary :all:\n--only-binary=numpy,scipy\ntqdm\n", ["tqdm"]),
    "binaries without a value": Case("--no-binary --pre\n", None),
    "unknown option": Case("--no-such-option\n", None),
    "option without a value": Case("-r\n", None),
    "quoted value": Case('--find-links "a folder"\ntqdm\n', ["tqdm"]),
    "open quote": Case('--find-links "a folder\n', None),
    "requirement after an option": Case("--pre tqdm\nclick\n", ["click"], warned=True),
    "user option": Case("--user\ntqdm\n", None),
    # Hashes
    "hashes": Case(f"tqdm==4.67.1 --hash=sha256:{'a' * 64} --hash=sha384:{'b' * 96}\n", ["tqdm"]),
    "weak hash": Case("tqdm==4.67.1 --hash=md5:abc\n", None),
    "hash without an algorithm": Case("tqdm==4.67.1 --hash=abc\n", None),
    "hash alone": Case(f"--hash=sha256:{'a' * 64}\n", [], warned=True),
    # Other files
    "included": Case(
        "-r more/base.txt\nclick\n",
        ["tqdm", "six", "click"],
        {"more/base.txt": "tqdm\n-r x.txt\n", "more/x.txt": "six\n"},
    ),
    "included nowhere": Case("-r nowhere.txt\n", None),
    "constrained": Case("-c limits.txt\ntqdm\n", ["tqdm"], {"limits.txt": "numpy<2\ntqdm>4\n"}),
    "constraint with extras": Case("-c limits.txt\ntqdm\n", None, {"limits.txt": "requests[socks]\n"}),
    "constraint without a name": Case("-c limits.txt\n", None, {"limits.txt": "git+https://example.com/a/b.git\n"}),
    "bad line in an included file": Case("-r x.txt\n", None, {"x.txt": "numpy=1\n"}),
    "included as a requirement": Case("tqdm -r x.txt\n", ["tqdm"]),
}


def write(folder: Path, case: Case) -> dict[str, Path]:
    """The case's files below `folder`/code, and all of them by their names in the archive."""
    everything: dict[str, str | bytes] = {"requirements.txt": case.text, **case.more}
    for name, content in everything.items():
        path = folder / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def read(folder: Path, text: str | bytes, **more: str) -> Requirements:
    """As `moor doctor` does."""
    return read_requirements(write(folder, Case(text, [], more)), "code/requirements.txt", PYTHON)


@pytest.mark.parametrize("name", CASES)
def test_what_pip_takes_is_taken_and_what_it_refuses_is_refused(tmp_path: Path, name: str) -> None:
    """By file and line; what is taken is told by name."""
    case = CASES[name]
    found = read_requirements(write(tmp_path, case), "code/requirements.txt", PYTHON)
    errors = [remark for remark in found.remarks if remark.level == "error"]
    assert bool(errors) is (case.names is None), found.remarks
    if case.names is None:
        assert errors[0].what.startswith("code/")
        assert errors[0].way_out
    else:
        assert [package.name for package in found.packages] == case.names
        assert [bool(package.place) for package in found.packages] == [True] * len(case.names)
        assert any(remark.level == "warning" for remark in found.remarks) is case.warned


@pytest.mark.wire
def test_pip_itself_says_the_same(tmp_path: Path) -> None:
    """The pip of this environment, whichever it is, reads the same table."""
    folders = []
    for number, case in enumerate(CASES.values()):
        write(tmp_path / str(number), case)
        folders.append(str(tmp_path / str(number) / "code"))
    program = Path(__file__).parent / "pip_verdicts.py"
    said = subprocess.run([sys.executable, program, *folders], capture_output=True, text=True, check=True, timeout=120)
    document = json.loads(said.stdout)
    differing = {}
    for (name, case), verdict in zip(CASES.items(), document["verdicts"], strict=True):
        names = [found and found.lower().replace("_", "-").replace(".", "-") for found in verdict.get("names", ())]
        if verdict["taken"] is not (case.names is not None) or (case.names is not None and names != case.names):
            differing[name] = verdict
    assert not differing, document["pip"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("tqdm\nTQDM>=4\ntqdm[notebook]\n", 1),
        ("scikit-learn\nscikit_learn\n", 1),
        ("tqdm; sys_platform == 'win32'\nclick\n", 1),
        ("git+https://example.com/a/b.git\ngit+https://example.com/a/b.git\nb\n", 2),
    ],
)
def test_a_package_counts_once(tmp_path: Path, text: str, count: int) -> None:
    """However often it is written, and only where it applies."""
    assert read(tmp_path, text).count == count


def test_a_url_without_a_name_is_known_by_its_last_part(tmp_path: Path) -> None:
    """For imports: most repositories are called as the package is."""
    text = "git+https://github.com/huggingface/transformers\ngit+https://example.com/a/peft.git@v1\n"
    assert read(tmp_path, text).names == {"transformers", "peft"}


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("numpy=1.26.4=py311\n", {}, r"code/requirements.txt:1 is invalid for pip: 'numpy=1.26.4=py311'.*Use =="),
        ("a\n\nb c\n", {}, r"code/requirements.txt:3 "),
        ("a \\\n  b\n", {}, r"code/requirements.txt:1 "),
        ("-r x.txt\n", {"x.txt": "a\n-r requirements.txt\n"}, r"code/x.txt:2 .*includes itself"),
        ("-r ../outside.txt\n", {}, r"the archive has no file '../outside.txt'"),
        ("-r ../../etc/passwd\n", {}, r"the archive has no file '../../etc/passwd'"),
        (b"\xff\xfe\x00", {}, r"requirements.txt cannot be read by pip: it is not UTF-16"),
        (b"tqdm # caf\xe9\n", {}, r"not UTF-8: byte 10 is 0xe9"),
        ("tqdm; " + "(" * 5000 + "os_name == 'x'" + ")" * 5000, {}, r"nested too deeply|invalid marker"),
    ],
)
def test_an_error_says_where_and_why(tmp_path: Path, text: str | bytes, more: dict[str, str], said: str) -> None:
    """File, line, the line's text, and pip's reason."""
    (error,) = (remark for remark in read(tmp_path, text, **more).remarks if remark.level == "error")
    assert re.search(said, error.what), error.what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"./wheels/{WHEEL}\n", f"'./wheels/{WHEEL}', which is not in the archive"),
        ("-r https://example.com/base.txt\n", "'https://example.com/base.txt', which was not checked"),
        ("-r /etc/base.txt\n", "so the image must have it"),
        ("numpy==${NUMPY}\n", "needs the environment variables NUMPY"),
        ("-r a.txt -r b.txt\n", "but pip reads only the first"),
        ("--pre tqdm\n", "'tqdm' after an option, which pip ignores"),
    ],
)
def test_what_only_the_container_can_tell_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    """pip takes it; whether it works there is another matter."""
    remarks = read(tmp_path, text, **{"a.txt": "", "b.txt": ""}).remarks
    assert [(remark.level, said in remark.what, bool(remark.way_out)) for remark in remarks] == [
        ("warning", True, True)
    ]


def test_paths_below_the_platforms_folder_are_the_archives(tmp_path: Path) -> None:
    """/opt/ml/model is where SageMaker unpacks it."""
    text = f"-r /opt/ml/model/code/base.txt\n/opt/ml/model/code/{WHEEL}\n"
    found = read(tmp_path, text, **{"base.txt": "tqdm\n", WHEEL: ""})
    assert ([package.name for package in found.packages], found.remarks) == (["tqdm", "own"], [])


HASH = f"--hash=sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a==1 {HASH}\nb==1\n", "code/requirements.txt:2 'b==1'"),
        (f"a>=1 {HASH}\n", "not pinned with =="),
        ("--require-hashes\na==1\n", "this one has none"),
        (f"a==1 {HASH}\ngit+https://example.com/a/b.git#egg=b\n", "a repository cannot have one"),
        ("a==1\na==2\n", "'a==1' contradicts code/requirements.txt:2 'a==2'"),
        ("a==1\n-c limits.txt\n", "contradicts code/limits.txt:1 'a<1'"),
    ],
)
def test_lines_that_exclude_each_other(tmp_path: Path, text: str, said: str) -> None:
    """pip reads each of them and installs none."""
    (error,) = read(tmp_path, text, **{"limits.txt": "a<1\n"}).remarks
    assert (error.level, said in error.what) == ("error", True)


@pytest.mark.parametrize(
    "text",
    [
        f"a==1 {HASH}\nb==1 {HASH}\n",
        f"a==1\n-c limits.txt\nb==2 {HASH}\n",
        f"--no-require-hashes\na==1 {HASH}\nb\n",
        "a==1\na>=0.5\n-c limits.txt\n",
        "a==1.*\na==1.2\n",
    ],
)
def test_lines_that_go_together(tmp_path: Path, text: str) -> None:
    """Hashes may also be in the constraints."""
    assert not read(tmp_path, text, **{"limits.txt": f"a==1 {HASH}\n"}).remarks


@pytest.mark.wire
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one_of_a_test==1.0 --hash=sha256:DIGEST\ntwo_of_a_test==1.0\n", "--require-hashes mode"),
        ("one_of_a_test==1.0\none_of_a_test==2.0\n", "conflict"),
        ("./wheels/one_of_a_test-1.0-py3-none-any.whl\ntwo_of_a_test\n", ""),
    ],
)
def test_pip_itself_refuses_lines_that_exclude_each_other(tmp_path: Path, text: str, said: str) -> None:
    """With wheels at hand and no index."""
    wheels = [write_wheel(tmp_path / "code" / "wheels", name, "") for name in ("one_of_a_test", "two_of_a_test")]
    text = text.replace("DIGEST", hashlib.sha256(wheels[0].read_bytes()).hexdigest())
    found = read(tmp_path, f"--no-index\n--find-links wheels\n{text}")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "-r", "requirements.txt"]
    done = subprocess.run(command, cwd=tmp_path / "code", capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode != 0, said in done.stderr) == (bool(said), True), done.stderr
    assert any(remark.level == "error" for remark in found.remarks) is bool(said)


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In size, and in files."""
    (remark,) = read(tmp_path / "large", "a\n" * 600_000).remarks
    assert "was not checked" in remark.what
    monkeypatch.setattr(reading, "MAX_FILES", 3)
    chain = {f"{number}.txt": f"-r {number + 1}.txt\n" for number in range(6)}
    (remark,) = read(tmp_path / "many", "-r 0.txt\n", **chain).remarks
    assert "more than 3 included files" in remark.what
