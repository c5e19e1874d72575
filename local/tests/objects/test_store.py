"""Objects as files: what a key becomes on disk, what a user does by hand, what is refused."""

import contextlib
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mooring_local.objects.disk import GONE
from mooring_local.objects.entry import About
from mooring_local.objects.keys import locate, plain_path
from mooring_local.objects.store import ObjectStore
from mooring_local.wire.faults import Fault

ODD = ["../x", "..", ".", "/etc/passwd", "a//b", "a/", "x\0y", "é" * 200, "a/../../b", ".mooring/bucket.json", "..\\b"]
SEGMENTS = st.sampled_from(["", ".", "..", "a", "b", "ü", ".mooring", "a b", "%2e", "\n", "x" * 300])
KEYS = st.one_of(
    st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
).filter(lambda key: 0 < len(key.encode()) <= 1024)


class TestKeys:
    @pytest.mark.parametrize("key", ODD)
    def test_none_leads_out_of_the_bucket(self, store: ObjectStore, key: str) -> None:
        """An odd key is stored inside the bucket's folder and found under its own name."""
        entry = store.put("bucket", key, b"data")

        assert entry.path.resolve().is_relative_to(store.root / "bucket")
        assert store.get("bucket", key) == entry
        assert store.keys("bucket") == [key]

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(keys=st.lists(KEYS, min_size=1, max_size=6, unique=True))
    def test_are_kept_apart(self, store: ObjectStore, keys: list[str]) -> None:
        """Any set of keys, also one that is a folder of another, holds each its own data until it is deleted."""
        for key in keys:
            store.put("bucket", key, key.encode())

        assert store.keys("bucket") == sorted(keys)
        for key in keys:
            entry = store.get("bucket", key)
            assert entry is not None
            assert entry.path.read_bytes() == key.encode()
            assert entry.path.resolve().is_relative_to(store.root / "bucket")
        for count, key in enumerate(keys, 1):
            store.delete("bucket", key)
            assert store.keys("bucket") == sorted(keys[count:])

    def test_are_files_where_they_can_be(self, store: ObjectStore) -> None:
        """An ordinary key is the path of its file; deleting it removes the folders it leaves empty."""
        entry = store.put("bucket", "models/qa/model.tar.gz", b"1")

        assert entry.path == store.root / "bucket" / "models" / "qa" / "model.tar.gz"
        store.delete("bucket", "models/qa/model.tar.gz")
        assert not (store.root / "bucket" / "models").exists()

    def test_too_long_or_empty_are_refused(self, store: ObjectStore) -> None:
        """More than 1024 bytes, and none at all."""
        with pytest.raises(Fault, match="KeyTooLongError"):
            store.put("bucket", "é" * 513, b"")
        with pytest.raises(Fault, match="InvalidArgument"):
            store.put("bucket", "", b"")

    def test_a_name_on_disk_is_never_the_stores_own(self, tmp_path: Path) -> None:
        """What is kept beside the objects cannot be reached by a key."""
        assert plain_path(tmp_path, ".mooring/about/x") is None
        assert plain_path(tmp_path, "a/.mooring") == tmp_path / "a" / ".mooring"


class TestByHand:
    def test_a_changed_file_is_a_changed_object(self, store: ObjectStore) -> None:
        """Its ETag is that of the new data; what was said of the old data is forgotten."""
        entry = store.put("bucket", "a.json", b"old", "text/x-mine", {"who": "me"})
        entry.path.write_bytes(b"changed")

        found = store.get("bucket", "a.json")

        assert found is not None
        assert found.etag == hashlib.md5(b"changed").hexdigest()
        assert (found.size, found.content_type, found.metadata) == (7, "application/json", {})

    def test_a_folder_made_by_hand_is_a_bucket(self, store: ObjectStore) -> None:
        """With the files that lie in it; a folder whose name can be no bucket's is none."""
        (store.root / "mine" / "in").mkdir(parents=True)
        (store.root / "mine" / "in" / "q.csv").write_text("1,2\n")
        (store.root / "Not a bucket").mkdir()

        assert [bucket.name for bucket in store.buckets()] == ["bucket", "mine"]
        assert [entry.uri for entry in store.list("mine")] == ["s3://mine/in/q.csv"]

    def test_links_to_files_are_read_and_links_to_folders_are_not(self, store: ObjectStore, tmp_path: Path) -> None:
        """A model may be linked in; a key never writes through a link."""
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "model").write_bytes(b"model")
        (store.root / "bucket" / "linked").symlink_to(outside / "model")
        (store.root / "bucket" / "dir").symlink_to(outside)

        store.put("bucket", "dir/new", b"x")
        store.put("bucket", "linked", b"over")

        assert [file.name for file in outside.iterdir()] == ["model"]
        assert (outside / "model").read_bytes() == b"model"
        assert store.keys("bucket") == ["dir/new", "linked"]

    def test_a_file_moves_in(self, store: ObjectStore, tmp_path: Path) -> None:
        """A path that is put is moved, not copied."""
        (tmp_path / "made").write_bytes(b"data")

        entry = store.put("bucket", "k", tmp_path / "made")

        assert entry.path.read_bytes() == b"data"
        assert not (tmp_path / "made").exists()


class TestBuckets:
    def test_survive_a_restart_and_unfinished_uploads_do_not(self, store: ObjectStore) -> None:
        """A new store on the same root has the objects, with what was said of them."""
        entry = store.put("bucket", "k", b"data", "text/x-mine", {"a": "b"})
        half = store.scratch("bucket")
        half.write_bytes(b"half")

        again = ObjectStore(store.root)

        assert again.get("bucket", "k") == entry
        assert again.bucket("bucket") == store.bucket("bucket")
        assert not half.exists()

    @pytest.mark.parametrize(
        "name", ["ab", "a" * 64, "A-bucket", "-ab", "a..b", "1.2.3.4", "a/b", "..", "xn--ab", ".mooring"]
    )
    def test_names_that_s3_refuses(self, store: ObjectStore, name: str) -> None:
        """InvalidBucketName, and no such bucket is ever found."""
        with pytest.raises(Fault, match="InvalidBucketName"):
            store.create_bucket(name)
        assert store.get(name, "k") is None
        with pytest.raises(Fault, match="NoSuchBucket"):
            store.keys(name)

    def test_only_empty_ones_go(self, store: ObjectStore) -> None:
        """BucketNotEmpty until the last object is deleted, wherever it lies."""
        store.put("bucket", "a/", b"")
        with pytest.raises(Fault, match="BucketNotEmpty"):
            store.delete_bucket("bucket")
        store.delete("bucket", "a/")
        store.delete_bucket("bucket")
        assert store.buckets() == []


def test_locate() -> None:
    """A URI's bucket and key; anything else is named in the error."""
    assert locate("s3://b/a/c d") == ("b", "a/c d")
    assert locate("s3://b") == ("b", "")
    for wrong in ("http://b/k", "s3:/b", "s3://", "/tmp/x"):
        with pytest.raises(Fault, match="ValidationException"):
            locate(wrong)


def test_threads_share_a_store(store: ObjectStore) -> None:
    """Puts, gets and deletes of the same few keys at once: each get finds one whole version, and nothing breaks."""
    keys = ["a", "a/b", "a/b/c", "d/e"]

    def work(number: int) -> None:
        for turn in range(25):
            key = keys[(number + turn) % len(keys)]
            data = f"{key} {number} {turn}".encode() * 50
            assert store.put("bucket", key, data).size == len(data)
            if (entry := store.get("bucket", key)) is not None:
                with contextlib.suppress(*GONE):
                    assert entry.path.read_bytes().startswith(f"{key} ".encode())
            if turn % 3 == 0:
                store.delete("bucket", key)
            store.list("bucket")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    for key in store.keys("bucket"):
        store.delete("bucket", key)
    store.delete_bucket("bucket")


def test_whether_an_object_is_there_costs_no_look_into_it(store: ObjectStore) -> None:
    """A model of gigabytes that was copied in by hand is not read by who only wants to know."""
    store.create_bucket("models")
    (store.root / "models" / "big").mkdir()
    (store.root / "models" / "big" / "model.tar.gz").write_bytes(b"x")
    assert store.has("models", "big/model.tar.gz")
    assert store.holds("models", "big/mod")
    assert not store.has("models", "big")
    assert not store.holds("models", "bigger")
    assert not store.has("nowhere", "x")
    assert not store.holds("nowhere", "")
    assert not (store.own_folder("models") / "about").exists()


def test_what_is_not_stored_leaves_nothing(store: ObjectStore) -> None:
    """Neither the object nor what had been received of it."""

    def refuse() -> None:
        raise Fault("PreconditionFailed", "no", 412)

    with pytest.raises(Fault):
        store.keep("bucket", "key", b"data", About(), refuse)
    assert store.keys("bucket") == []
    assert list((store.own_folder("bucket") / "scratch").iterdir()) == []


def test_the_stores_own_folder_is_nobodys_key(store: ObjectStore) -> None:
    """In no spelling that a disk might take for the same."""
    for key in (".mooring/bucket.json", ".Mooring/bucket.json"):
        entry = store.put("bucket", key, b"mine")
        assert entry.path.parent.name == "aside"
    assert store.keys("bucket") == [".Mooring/bucket.json", ".mooring/bucket.json"]
    assert store.bucket("bucket").name == "bucket"
