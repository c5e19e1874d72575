"""Homes and what lies in them, for users who have one and for those who have none."""

import pwd
import re
from pathlib import Path

import pytest

from mooring.errors import HubError, ModelNotFound, UsageError
from mooring.model.hub import SourceOptions
from mooring.model.source import resolve
from mooring.settings import load_settings
from mooring.settings.places import expanded, home, user_cache, user_data

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "src", ROOT / "local" / "src")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user: no HOME, no entry in the user database."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_the_rules_of_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Below HOME, or where the variable says; a relative one is ignored."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "relative")
    assert (user_cache(), user_data()) == (tmp_path / ".cache/mooring", tmp_path / ".local/share/mooring")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    monkeypatch.setenv("XDG_DATA_HOME", "/d")
    assert (user_cache(), user_data()) == (Path("/c/mooring"), Path("/d/mooring"))


@pytest.mark.parametrize("value", ["", "relative"])
def test_an_empty_or_relative_home_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """It would put the cache into / or into whatever folder the command is run in."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", value)
    assert (home(), user_cache()) == (None, None)


def test_a_tilde_is_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's own and root's, in settings and alone; a name with one in it is a name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x") == tmp_path / "x"
    assert load_settings({"MOORING_CACHE_DIR": "~/x"}).cache_dir == tmp_path / "x"
    assert expanded(f"~{pwd.getpwuid(0).pw_name}/x") == Path(pwd.getpwuid(0).pw_dir) / "x"
    assert expanded("a~b/c") == Path("a~b/c")


@pytest.mark.parametrize("path", ["~nosuch", "~nosuch/c", "~no such/c"])
def test_a_home_that_nobody_has_is_named(path: str) -> None:
    """With the flag or variable, the value, the user, and a way out."""
    name = path.partition("/")[0][1:]
    for what, attempt in (
        ("MOORING_CACHE_DIR", lambda: load_settings({"MOORING_CACHE_DIR": path})),
        ("--cache-dir", lambda: load_settings({}, cache_dir=path)),
        ("The path", lambda: expanded(path)),
    ):
        with pytest.raises(UsageError, match=f"{what} is '{path}', but this machine has no user '{name}'") as caught:
            attempt()
        assert f"./{path}" in caught.value.hint
    with pytest.raises(ModelNotFound, match=f"The model is '{path}', but this machine has no user"):
        resolve(path)


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept; what needs a folder says so; and no folder called ~ appears."""
    monkeypatch.chdir(tmp_path)
    assert (home(), user_cache(), user_data()) == (None, None, None)
    with pytest.raises(UsageError, match="HOME is not set, and this user has no home folder"):
        expanded("~/x")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "~/.cache/huggingface/hub")
    with pytest.raises(HubError, match="HOME is not set") as caught:
        resolve("org/model", SourceOptions(offline=True))
    assert "--cache-dir" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_looks_for_homes() -> None:
    """`Path.home`, `Path.expanduser` and their kin raise, or give ~ back, for users without a home."""
    pattern = re.compile(r"expanduser\(|Path\.home\(|getpwuid\(|getuser\(|gethomedir")
    files = [path for folder in SOURCES for path in folder.rglob("*.py")]
    found = [path.relative_to(ROOT) for path in files if pattern.search(path.read_text(encoding="utf-8"))]
    assert found == [Path("src/mooring/settings/places.py")]
