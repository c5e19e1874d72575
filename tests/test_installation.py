"""The hint that names an extra: the command works where the user is, and for the environment that is running."""

import json
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from mooring import installation
from mooring.installation import DISTRIBUTION, EXTRAS, install_command, package_hint

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that comes first, and a virtual environment whose pip comes first on PATH."""
    site, scripts = tmp_path / "site", tmp_path / "env" / "bin"
    site.mkdir()
    scripts.mkdir(parents=True)
    for name in ("python", "pip"):
        (scripts / name).touch(0o755)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "executable", str(scripts / "python"))
    monkeypatch.setattr(sys, "prefix", str(scripts.parent))
    monkeypatch.setenv("PATH", str(scripts))
    return site


def installed(site: Path, record: dict[str, object]) -> None:
    """Metadata as an installer leaves it."""
    info = site / "mooring_serve-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 0.1.0\n")
    (info / "direct_url.json").write_text(json.dumps(record))


def checkout(tmp_path: Path, name: str = "my checkout") -> Path:
    """A folder that pip can install, with another package in it."""
    folder = tmp_path / name
    (folder / "local").mkdir(parents=True)
    for project in (".", "local"):
        shutil.copyfile(ROOT / project / "pyproject.toml", folder / project / "pyproject.toml")
    return folder


def test_a_checkout_is_named_as_seen_from_here(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In it `.`, elsewhere its path, quoted where a shell needs it; an editable installation stays one."""
    folder = checkout(tmp_path)
    installed(site, {"url": folder.as_uri(), "dir_info": {}})
    assert install_command("aws") == f"pip install '{folder}[aws]'"
    assert package_hint("local") == f"Install it: pip install '{folder}/local'"
    monkeypatch.chdir(folder)
    assert install_command("aws") == "pip install '.[aws]'"
    assert package_hint("local") == "Install it: pip install ./local"
    record = {"url": folder.as_uri(), "dir_info": {"editable": True}}
    (site / "mooring_serve-0.1.0.dist-info" / "direct_url.json").write_text(json.dumps(record))
    assert install_command("build") == "pip install -e '.[build]'"
    assert package_hint("local") == "Install it: pip install -e ./local"


def test_without_a_checkout_the_package_itself_is_named(site: Path, tmp_path: Path) -> None:
    """After a wheel, or when the folder is gone: no index has Mooring."""
    installed(site, {"url": "file:///tmp/mooring_serve-0.1.0-py3-none-any.whl", "archive_info": {}})
    assert install_command("aws") == f"pip install '{EXTRAS['aws']}'"
    assert package_hint("local") == "In a checkout of Mooring: pip install ./local"
    record = {"url": (tmp_path / "gone").as_uri(), "dir_info": {}}
    (site / "mooring_serve-0.1.0.dist-info" / "direct_url.json").write_text(json.dumps(record))
    assert install_command("build") == f"pip install '{EXTRAS['build']}'"


@pytest.mark.parametrize(
    ("tools", "own_pip", "starts"),
    [
        (["pip"], True, "{python} -m pip install "),
        (["pip"], False, "pip --python {python} install "),
        (["pip", "uv"], False, "uv pip install --python {python} "),
        ([], False, "pip --python {python} install "),
    ],
)
def test_another_environments_pip_is_not_meant(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: list[str], own_pip: bool, starts: str
) -> None:
    """`.venv/bin/moor` without activating it, an environment without pip, and one that uv made."""
    (tmp_path / "other").mkdir()
    for name in tools:
        (tmp_path / "other" / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    monkeypatch.setattr(installation, "find_spec", lambda name: object() if own_pip else None)
    installed(site, {"url": "file:///nothing.whl", "archive_info": {}})
    assert install_command("aws").startswith(starts.format(python=sys.executable))


def test_the_extras_are_those_of_the_project() -> None:
    """Name and requirements, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == DISTRIBUTION
    assert {name: [wanted] for name, wanted in EXTRAS.items()} == {
        name: project["optional-dependencies"][name] for name in EXTRAS
    }
