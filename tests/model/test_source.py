"""What a name is taken for: the embedded model, a folder, an archive, a Hub id, or a mistake."""

import subprocess
import sys
from pathlib import Path

import pytest

from mooring.errors import ModelNotFound, ModelUnsupported
from mooring.model import source as source_module
from mooring.model.hub import is_hub_id
from mooring.model.source import EMBEDDED_FOLDER, SourceOptions, resolve
from tests.support.tiny_models import write_tiny_bert


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model in `models/tiny` and as `tiny.tar.gz`."""
    write_tiny_bert(tmp_path / "models" / "tiny")
    subprocess.run(["tar", "-czf", "tiny.tar.gz", "-C", "models/tiny", "."], cwd=tmp_path, check=True)
    for name in ("letter.txt", "photo.png"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_named_is_the_embedded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name it is the model inside the package; without that one too, the way to make it is said."""
    assert EMBEDDED_FOLDER.parts[-3:] == ("mooring", "_embedded", "minilm-squad")
    monkeypatch.setattr(source_module, "EMBEDDED_FOLDER", tmp_path)
    for name in (None, "embedded"):
        found = resolve(name)
        assert (found.folder, found.kind, found.source) == (tmp_path, "embedded", "embedded")
    monkeypatch.setattr(source_module, "EMBEDDED_FOLDER", tmp_path / "nope")
    with pytest.raises(ModelNotFound, match="no embedded model"):
        resolve(None)


@pytest.mark.parametrize("name", ["models/tiny", "./models/tiny", "models/tiny/"])
def test_an_existing_folder_comes_before_the_hub(here: Path, name: str) -> None:
    """What exists here is served from here, even if it could be a Hub id."""
    found = resolve(name)
    assert (found.folder.resolve(), found.kind, found.warnings) == (here / "models" / "tiny", "folder", ())


def test_an_archive_is_unpacked_once_into_the_cache(here: Path) -> None:
    """In a cache folder the same content is unpacked once, whatever the file is called; other content anew."""
    options = SourceOptions(cache_dir=here / "cache")
    first = resolve("tiny.tar.gz", options)
    stamp = (first.folder / "config.json").stat().st_mtime_ns
    (here / "other.tgz").write_bytes((here / "tiny.tar.gz").read_bytes())
    second = resolve("./other.tgz", options)
    assert (first.kind, first.folder) == ("archive", second.folder)
    assert (second.folder / "config.json").stat().st_mtime_ns == stamp
    assert here / "cache" in first.folder.parents


def test_an_archive_without_a_cache_leaves_nothing_behind(here: Path) -> None:
    """Without a cache folder it is unpacked into a temporary one, which is gone when the process ends."""
    script = "from mooring.model.source import resolve; f = resolve('tiny.tar.gz').folder; print(f, f.is_dir())"
    done = subprocess.run([sys.executable, "-c", script], cwd=here, capture_output=True, text=True, check=True)
    folder, there = done.stdout.split()
    assert there == "True"
    assert not Path(folder).parent.exists()


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        (
            "./nope",
            r"'\./nope' exists \(read as a path because it starts with '\.'\)",
            "letter.txt, models, photo.png, tiny.tar.gz",
        ),
        ("/no/such/folder", "read as a path because it starts with '/'", "is empty or does not exist"),
        ("models/tiny/deep", "read as a path because it has more than one '/'", "config.json"),
        ("nope.tar.gz", r"read as a path because it ends in '\.tar\.gz'", "tiny.tar.gz"),
        ("nope.tgz", r"read as a path because it ends in '\.tgz'", ""),
        ("nope/", "read as a path because it ends in '/'", ""),
        ("C:\\models\\tiny", "read as a path because it looks like a Windows path", ""),
        ("a b", "not a valid Hub id", "owner/name"),
        ("org/na--me", "not a valid Hub id", "owner/name"),
        ("tiny.tar.gz/x/y", "read as a path", ""),
        ("", "Invalid model name ''", "Name a folder"),
        ("x" * 5000, "Cannot access the path", ""),
        ("https://huggingface.co/org/tiny/tree/main", "is a URL", "Use the Hub id org/tiny"),
        ("models/tiny/model.safetensors", "is a file, but not a .tar.gz", "Name its folder instead: models/tiny"),
        ("models/tiny/vocab.txt", "is a file, but not a .tar.gz", "Name its folder instead: models/tiny"),
        ("letter.txt", "is not a model", "To ask about a text: moor ask QUESTION --context letter.txt"),
        ("photo.png", "is not a model", "Name a model folder, a .tar.gz or a Hub id."),
    ],
)
def test_a_mistake_is_told_as_what_it_was_taken_for(here: Path, name: str, says: str, hint: str) -> None:
    """A path that does not exist is never looked up on the Hub, and the message says why it counts as a path."""
    with pytest.raises(ModelNotFound, match=says) as caught:
        resolve(name)
    assert hint in caught.value.hint


def test_other_addresses_are_not_read() -> None:
    """Models are not read from S3 or the web, and nothing is tried."""
    with pytest.raises(ModelUnsupported, match="s3://bucket"):
        resolve("s3://bucket/model.tar.gz")


def test_a_revision_without_a_hub_id_is_ignored_aloud(here: Path) -> None:
    """A revision means nothing for a folder; that is said instead of passed over."""
    found = resolve("models/tiny", SourceOptions(revision="v2"))
    assert found.warnings == ("--revision 'v2' was ignored: a folder has no revisions.",)


def test_the_token_is_in_no_repr() -> None:
    """Options can be logged."""
    assert "hf_secret" not in repr(SourceOptions(token="hf_secret"))


@pytest.mark.parametrize(
    "text", ["bert", "a/b", "distilbert/distilbert-base-uncased-distilled-squad", "A_b.c-1/x", "a" * 96]
)
def test_hub_ids(text: str) -> None:
    """Ids that the Hub's own rules allow."""
    assert is_hub_id(text)


@pytest.mark.parametrize(
    "text", ["", "a/", "/a", "a/b/c", ".a", "a.", "-a", "a--b", "a..b", "a b", "a.git", "é", "a" * 97, "a\n"]
)
def test_no_hub_ids(text: str) -> None:
    """Ids that they do not allow."""
    assert not is_hub_id(text)
