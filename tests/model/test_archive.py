"""Unpacking a model.tar.gz: whole or not at all, and never outside of its target."""

import errno
import gzip
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from mooring.errors import ModelError, ModelInvalid
from mooring.model.archive import Limits, unpack
from tests.support.tiny_models import write_tiny_bert


def _tar(path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    """An archive of files (name, content) and of members of any kind, as given."""
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def _special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _refused(archive: Path, says: str, limits: Limits = Limits()) -> ModelError:
    """Unpacking fails with ModelInvalid, and leaves nothing but the archive."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(ModelInvalid, match=says) as caught:
        unpack(archive, archive.parent / "out", limits)
    assert sorted(archive.parent.rglob("*")) == before
    return caught.value


def _model_archive(folder: Path, top: str) -> Path:
    """A tiny model, packed by the system's tar as a user would."""
    model = write_tiny_bert(folder / "tiny")
    archive = folder / "model.tar.gz"
    where = (model, ".") if top == "." else (folder, "tiny")
    subprocess.run(["tar", "-czf", str(archive), "-C", *map(str, where)], check=True)
    return archive


def test_a_model_at_the_top(tmp_path: Path) -> None:
    """Files come out as they went in, readable for others."""
    done = unpack(_model_archive(tmp_path, "."), tmp_path / "out")
    assert (done.folder, done.warnings) == (tmp_path / "out", ())
    for path in (tmp_path / "tiny").iterdir():
        assert (done.folder / path.name).read_bytes() == path.read_bytes()
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_a_model_one_folder_below_is_accepted_with_a_warning(tmp_path: Path) -> None:
    """The usual packing mistake is served, and said."""
    done = unpack(_model_archive(tmp_path, "tiny"), tmp_path / "out")
    assert done.folder == tmp_path / "out" / "tiny"
    assert "in the folder 'tiny', not at its top level" in done.warnings[0]


def test_two_models_below_are_no_choice_to_make(tmp_path: Path) -> None:
    """With two candidates none is taken; the manifest will name what is missing at the top."""
    archive = _tar(tmp_path / "m.tar.gz", ("a/config.json", b"{}"), ("b/config.json", b"{}"))
    assert unpack(archive, tmp_path / "out").folder == tmp_path / "out"


def test_code_beside_the_model_is_no_second_model(tmp_path: Path) -> None:
    """SageMaker's layout with a code folder unpacks as it is; macOS's attribute files are left out."""
    archive = _tar(tmp_path / "m.tar.gz", ("config.json", b"{}"), ("code/inference.py", b""), ("._config.json", b"mac"))
    folder = unpack(archive, tmp_path / "out").folder
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")) == [
        "code",
        "code/inference.py",
        "config.json",
    ]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", ".."])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    """No name leaves the target, and nothing at all is unpacked from such an archive."""
    _refused(_tar(tmp_path / "m.tar.gz", ("config.json", b"{}"), (name, b"x")), "points outside")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(("name", "odd"), [("a\\..\\evil", r"'\\\\'"), ("C:evil", "':'"), ("notes 12:30.txt", "':'")])
def test_names_that_other_systems_read_otherwise_are_refused(tmp_path: Path, name: str, odd: str) -> None:
    """For that reason, and not for leading outside, which they do nowhere but on Windows."""
    _refused(_tar(tmp_path / "m.tar.gz", ("config.json", b"{}"), (name, b"x")), f"has {odd} in its name")


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (_special("link", tarfile.SYMTYPE, "/etc/passwd"), "'link' is a link"),
        (_special("hard", tarfile.LNKTYPE, "config.json"), "'hard' is a link"),
        (_special("pipe", tarfile.FIFOTYPE), "'pipe' is neither a regular file nor a folder"),
        (_special("device", tarfile.CHRTYPE), "'device' is neither a regular file nor a folder"),
    ],
)
def test_links_and_devices_are_refused(tmp_path: Path, member: tarfile.TarInfo, says: str) -> None:
    """Only plain files and folders are written; the hint packs links as the files they point at."""
    archive = _tar(tmp_path / "m.tar.gz", ("config.json", b"{}"), member)
    assert "tar -czhf" in _refused(archive, says).hint


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    """A second member of the same name could replace one that was checked."""
    _refused(_tar(tmp_path / "m.tar.gz", ("config.json", b"{}"), ("./config.json", b"[]")), "twice")


def test_limits_on_bytes_and_members(tmp_path: Path) -> None:
    """A bomb is stopped before it is written: by bytes, by number of members, and behind the end of the tar."""
    archive = _tar(tmp_path / "m.tar.gz", ("a", b"0" * 600), ("b", b"0" * 600))
    _refused(archive, "more than 1000 bytes", Limits(max_bytes=1000))
    _refused(archive, "more than 1 files and folders", Limits(max_members=1))
    with gzip.open(archive, "ab") as file:
        file.write(b"\0" * 3_000_000)
    _refused(archive, "bytes after its end", Limits(max_bytes=100_000))


def test_a_huge_extended_header_is_not_read(tmp_path: Path) -> None:
    """A name of gigabytes is refused by its declared length, instead of being read into memory."""
    archive = tmp_path / "m.tar.gz"
    long_name = _special("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    long_name.size = 8 << 30
    with gzip.open(archive, "wb") as file:
        file.write(long_name.tobuf(tarfile.GNU_FORMAT))
    _refused(archive, "header of 8589934592 bytes")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A sound archive with noise in it, so that damage hits data and not padding."""
    return _tar(tmp_path / "m.tar.gz", ("config.json", b"{}"), ("noise", os.urandom(50_000)))


def test_a_cut_archive_is_recognised_wherever_it_was_cut(packed: Path) -> None:
    """A download that stopped early is refused whole, even if only gzip's last checksum is missing."""
    whole = packed.read_bytes()
    for length in (len(whole) - 1, len(whole) - 8, len(whole) - 9, len(whole) // 2, 20, 5, 0):
        packed.write_bytes(whole[:length])
        _refused(packed, "truncated, damaged or not a .tar.gz")


def test_an_archive_may_lack_the_blocks_at_its_end(packed: Path) -> None:
    """Some programs write none. It may only end between members."""
    whole = gzip.decompress(packed.read_bytes()).rstrip(b"\0")
    end = len(whole) + -len(whole) % 512
    without = packed.with_name("without.tar.gz")
    without.write_bytes(gzip.compress(whole.ljust(end, b"\0")))
    assert sorted(path.name for path in unpack(without, packed.with_name("whole")).folder.iterdir()) == [
        "config.json",
        "noise",
    ]
    header = tarfile.TarInfo("n" * 200).tobuf(tarfile.GNU_FORMAT)[:1024]
    without.write_bytes(gzip.compress(whole.ljust(end, b"\0") + header))
    _refused(without, "truncated, damaged or not a .tar.gz")


def test_a_changed_byte_fails_the_checksum(packed: Path) -> None:
    """Damage in the middle of stored data is seen although the tar itself still reads."""
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 1
    packed.write_bytes(bytes(data))
    _refused(packed, "truncated, damaged or not a .tar.gz")


@pytest.mark.parametrize(
    "content",
    [b"not gzip", b"PK\x03\x04zip", gzip.compress(b"not tar" * 1000)],
    ids=["text", "zip", "gzip of no tar"],
)
def test_other_files_are_no_tar_gz(tmp_path: Path, content: bytes) -> None:
    """Whatever carries the suffix without being an archive is refused, with the command that makes one."""
    (tmp_path / "m.tar.gz").write_bytes(content)
    assert "tar -czf" in _refused(tmp_path / "m.tar.gz", "truncated, damaged or not a .tar.gz").hint


def test_a_target_that_another_process_made_meanwhile(packed: Path, tmp_path: Path) -> None:
    """Two processes may unpack the same archive: who comes second uses the first one's folder."""
    unpack(packed, tmp_path / "out")
    (tmp_path / "out" / "mark").touch()
    assert (unpack(packed, tmp_path / "out").folder / "mark").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.tar.gz", "out"]


@pytest.mark.wire
def test_a_full_disk_is_named_and_left_clean(tmp_path: Path, small_disk: Path) -> None:
    """On a disk that is too small the message says so with the numbers, and nothing is left on it."""
    archive = _tar(tmp_path / "m.tar.gz", ("config.json", b"{}"), ("model.safetensors", os.urandom(400_000)))
    with pytest.raises(ModelError, match=r"No space left .*needs 400000 bytes and \d+ are free") as caught:
        unpack(archive, small_disk / "out")
    assert "--cache-dir" in caught.value.hint
    assert list(small_disk.iterdir()) == []


@pytest.mark.wire
def test_a_disk_that_fills_up_on_the_way(tmp_path: Path, small_disk: Path) -> None:
    """Space that others take after the check is the system's own error, and reads the same."""
    names = [f"f{number}" for number in range(200)]
    archive = _tar(tmp_path / "m.tar.gz", *((name, b"x") for name in names))  # a page each: none too large by itself
    with pytest.raises(ModelError, match="No space left") as caught:
        unpack(archive, small_disk / "out")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert list(small_disk.iterdir()) == []
