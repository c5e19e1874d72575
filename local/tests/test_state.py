"""Documents and tags in a file."""

import os
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from mooring.errors import UsageError
from mooring_local.lock import FolderLock
from mooring_local.state import IN_MEMORY, State
from mooring_local.surroundings import write_sdk_configuration


def test_documents_are_kept_by_kind_and_name(tmp_path: Path) -> None:
    """Over one end of the file and the next beginning."""
    state = State(tmp_path / "state.sqlite")
    state.put("model", "b", {"Name": "é", "CreationTime": 1.25})
    state.put("model", "a", {"Name": "a"})
    state.put("endpoint", "a", {"Name": "other"})
    state.set_tags("arn", {"k": "v"})
    state.close()
    state = State(tmp_path / "state.sqlite")
    assert state.get("model", "b") == {"Name": "é", "CreationTime": 1.25}
    assert [one["Name"] for one in state.all("model")] == ["a", "é"]
    assert state.tags("arn") == {"k": "v"}
    state.close()


def test_a_document_is_added_once_changed_while_it_is_there_and_deleted_once(tmp_path: Path) -> None:
    """Each says what happened."""
    state = State(tmp_path / "state.sqlite")
    assert state.add("model", "a", {"x": 1})
    assert not state.add("model", "a", {"x": 2})
    assert state.change("model", "a", {"y": 2}) == {"x": 1, "y": 2}
    assert state.change("model", "none", {"y": 2}) is None
    assert state.get("model", "none") is None
    assert state.delete("model", "a")
    assert not state.delete("model", "a")
    state.close()


def test_a_state_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever only asks what there is."""
    monkeypatch.chdir(tmp_path)
    state = State(IN_MEMORY)
    assert state.add("model", "a", {})
    state.close()
    assert list(tmp_path.iterdir()) == []


def test_tags_are_set_over_and_dropped(tmp_path: Path) -> None:
    """By key, or all of a resource's."""
    state = State(tmp_path / "state.sqlite")
    state.set_tags("one", {"a": "1", "b": "2", "c": "3"})
    state.set_tags("one", {"a": "9"})
    state.set_tags("two", {"a": "1"})
    state.drop_tags("one", ["b", "never"])
    assert state.tags("one") == {"a": "9", "c": "3"}
    state.drop_tags("one")
    assert (state.tags("one"), state.tags("two")) == ({}, {"a": "1"})
    state.close()


def test_what_is_no_state_of_ours_is_refused(tmp_path: Path) -> None:
    """A file of something else, and one of a later layout."""
    other = tmp_path / "other"
    other.write_bytes(b"not a database, but long enough to be read as one" * 40)
    with pytest.raises(UsageError, match=r"Cannot use .*: file is not a database"):
        State(other)
    later = tmp_path / "later"
    State(later).close()
    database = sqlite3.connect(later)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UsageError, match="another version of Mooring"):
        State(later)


@pytest.mark.parametrize("layout", [0, 1, 75])
def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path, layout: int) -> None:
    """Also if its layout has our number."""
    path = tmp_path / "state.sqlite"
    database = sqlite3.connect(path)
    database.executescript(f"CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = {layout}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"another program's database \(tables: bookmarks\)"):
        State(path)
    assert path.read_bytes() == before


def test_an_empty_file_has_lost_what_was_in_it(tmp_path: Path) -> None:
    """A start that went on would look as if nothing had ever been created."""
    path = tmp_path / "state.sqlite"
    path.touch()
    with pytest.raises(UsageError, match="it is empty") as caught:
        State(path)
    assert "delete the file to start empty" in caught.value.hint
    assert path.stat().st_size == 0


def test_a_missing_file_with_changes_beside_it_is_refused(tmp_path: Path) -> None:
    """SQLite keeps the last changes in a file of its own; without the first they are of no use."""
    path = tmp_path / "state.sqlite"
    (tmp_path / "state.sqlite-wal").write_bytes(b"changes")
    with pytest.raises(UsageError, match=r"missing, but its journal state\.sqlite-wal exists"):
        State(path)


def test_a_start_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    """The file is in its place only when it is whole."""
    path = tmp_path / "state.sqlite"
    (tmp_path / "state.sqlite.new").write_bytes(b"half of")
    state = State(path)
    state.put("model", "m", {"a": 1})
    state.close()
    assert [one.name for one in tmp_path.iterdir()] == ["state.sqlite"]
    state = State(path)
    assert state.get("model", "m") == {"a": 1}
    state.close()


def test_a_damaged_state_is_refused_at_the_start(tmp_path: Path) -> None:
    """Not in the middle of a request. Its first page, which says what it is, is whole."""
    path = tmp_path / "state.sqlite"
    state = State(path)
    for number in range(200):
        state.put("model", str(number), {"Name": "x" * 500})
    state.close()
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * 8 * 4096)
    with pytest.raises(UsageError, match="Cannot use"):
        State(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_what_is_kept_is_for_its_owner_only(tmp_path: Path) -> None:
    """The folder that is made, and the state also in a folder that others may read."""
    tmp_path.chmod(0o755)
    State(tmp_path / "state.sqlite").close()
    assert stat.S_IMODE((tmp_path / "state.sqlite").stat().st_mode) == 0o600
    with FolderLock(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    write_sdk_configuration(tmp_path / "first", "us-east-1")
    assert stat.S_IMODE((tmp_path / "first").stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no numeric owners of files")
def test_a_folder_that_another_user_made_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a file emptied that a link in it leads to."""
    precious = tmp_path / "precious"
    precious.write_text("all of it")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").symlink_to(precious)
    with pytest.raises(UsageError, match="symbolic link"), FolderLock(tmp_path / "data"):
        pass
    assert precious.read_text() == "all of it"
    (tmp_path / "data" / "lock").unlink()
    if os.geteuid() == 0:
        os.chown(tmp_path / "data", 4321, -1)
    monkeypatch.setattr("mooring_local.lock.os.geteuid", lambda: 54321)
    with pytest.raises(UsageError, match="belongs to another user"), FolderLock(tmp_path / "data"):
        pass


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    """The second one is told who has it; afterwards it is free, and what it says is true again."""
    with FolderLock(tmp_path / "data") as lock:
        lock.note("http://127.0.0.1:1")
        with (
            pytest.raises(UsageError, match=r"in use by another local SageMaker: http://127\.0\.0\.1:1"),
            FolderLock(tmp_path / "data"),
        ):
            pass
    with FolderLock(tmp_path / "data"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="Cannot use the data folder"), FolderLock(tmp_path / "file"):
        pass
