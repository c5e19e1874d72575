"""`moor batch` reads a corpus from S3 and writes its answers there, through pyarrow's own client."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mooring.batch.job import Summary, Watch, run
from mooring.batch.local import Local
from mooring.batch.places import place_of
from mooring.batch.plan import Order, find, manifest_of
from mooring.errors import BatchError, UsageError
from tests.support.corpora import carry_out, fake_model, order_of, record, write_lines

pytestmark = pytest.mark.wire


@pytest.fixture
def here(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's variables name this S3."""
    for name, value in (
        ("AWS_ENDPOINT_URL", s3_url),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)


def put(s3: Any, bucket: str, key: str, path: Path) -> None:
    """Upload a file."""
    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    """The names below a prefix."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [one["Key"].removeprefix(prefix) for one in found]


@pytest.mark.usefixtures("here")
def test_a_corpus_in_s3_is_answered_into_s3(s3: Any, bucket: str, tmp_path: Path) -> None:
    """From a prefix of JSON Lines; a job that was stopped continues, and nothing but parts and manifest is put."""
    for name, numbers in (("a", range(4)), ("b/c", range(4, 6)), ("_b/skipped", range(9))):
        source = write_lines(tmp_path / "in.jsonl", [record(number) for number in numbers])
        put(s3, bucket, f"in/{name}.jsonl", source)
    order = order_of(f"s3://{bucket}/in/", f"s3://{bucket}/out/")
    stop: list[int] = []
    with fake_model() as model:
        engine = Local(model, lambda _: stop.append(1))
        assert carry_out(order, model, engine, Watch(stopping=lambda: bool(stop))).left == 2
        assert keys(s3, bucket, "out/") == ["_manifest.json", "part-00000.jsonl"]
        summary = carry_out(order, model)
        assert carry_out(order, model).answered == 0
    assert (summary.answered, summary.total.records, summary.left) == (3, 6, 0)
    parts = [f"part-0000{number}.jsonl" for number in range(3)]
    assert keys(s3, bucket, "out/") == ["_manifest.json", *parts]
    bodies = [s3.get_object(Bucket=bucket, Key=f"out/{part}")["Body"].read() for part in parts]
    found = [json.loads(line) for body in bodies for line in body.splitlines()]
    assert [(one["id"], one["prediction"]["answer"]) for one in found] == [(n, f"w{n}") for n in range(6)]


@pytest.mark.usefixtures("here")
def test_parquet_in_s3_is_answered_on_a_disk_and_the_other_way_round(s3: Any, bucket: str, tmp_path: Path) -> None:
    """By a pattern, whose * is a part of one name; ranges of the file are read, not the whole."""
    put(s3, bucket, "in/year=2026/old/in.parquet", write_lines(tmp_path / "no.parquet", [record(1)]))
    pq.write_table(pa.Table.from_pylist([record(number) for number in range(8)]), tmp_path / "in.parquet")
    put(s3, bucket, "in/year=2026/in.parquet", tmp_path / "in.parquet")
    with fake_model() as model:
        carry_out(order_of(f"s3://{bucket}/in/*/*.parquet", tmp_path / "out"), model)
        carry_out(order_of(tmp_path / "in.parquet", f"s3://{bucket}/out"), model)
    for number in range(3):
        name = f"part-0000{number}.parquet"
        s3.download_file(bucket, f"out/{name}", str(tmp_path / "back"))
        assert pq.read_table(tmp_path / "back").equals(pq.read_table(tmp_path / "out" / name))


@pytest.mark.usefixtures("here")
def test_what_is_not_there_is_named(bucket: str, tmp_path: Path) -> None:
    """With what to check; nothing is computed."""
    with pytest.raises(UsageError, match=r"Cannot read s3://no-such-bucket/in/: .*Check the bucket"):
        find(order_of("s3://no-such-bucket/in/", tmp_path / "out"))
    with pytest.raises(UsageError, match=rf"There is nothing at s3://{bucket}/in/\. Check the bucket"):
        find(order_of(f"s3://{bucket}/in/", tmp_path / "out"))
    with pytest.raises(UsageError, match=f"There are no files in s3://{bucket}/in/\\*.csv"):
        find(order_of(f"s3://{bucket}/in/*.csv", tmp_path / "out"))
    source = write_lines(tmp_path / "in.jsonl", [record(1)])
    with fake_model() as model, pytest.raises(BatchError, match="Cannot use s3://no-such-bucket/out"):
        carry_out(order_of(source, "s3://no-such-bucket/out"), model)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", ["s3://", "s3:///in", "s3://bucket//in"])
def test_paths_that_s3_does_not_allow_are_refused(path: str, tmp_path: Path) -> None:
    """As the input and as the output."""
    with pytest.raises(UsageError, match=f"{path}"):
        find(order_of(path, tmp_path / "out"))
    source = write_lines(tmp_path / "in.jsonl", [record(1)])
    with pytest.raises(BatchError, match="Cannot use s3:"):
        find(order_of(source, path))


@pytest.mark.parametrize("url", ["localhost:9000", "ftp://host", "http://"])
def test_an_invalid_endpoint_is_refused(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of its variable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(UsageError, match=f"AWS_ENDPOINT_URL is '{url}'"):
        find(order_of("s3://bucket/in/", tmp_path / "out"))


@pytest.mark.usefixtures("here")
def test_an_interrupted_write_leaves_the_object_as_it_was(bucket: str) -> None:
    """The manifest, too: a job continues with it."""
    output = place_of(f"s3://{bucket}/out").output(f"s3://{bucket}/out")
    output.write("_manifest.json", b"before")
    interrupted = output.part("_manifest.json")
    interrupted.__enter__().write(b"half")
    assert not interrupted.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert output.read("_manifest.json") == b"before"


@pytest.mark.usefixtures("here")
def test_an_object_that_is_gone_is_an_unreadable_shard(s3: Any, bucket: str, tmp_path: Path) -> None:
    """Its part is not put."""
    put(s3, bucket, "in/a.jsonl", write_lines(tmp_path / "in.jsonl", [record(number) for number in range(3)]))
    order: Order = order_of(f"s3://{bucket}/in/a.jsonl", f"s3://{bucket}/out")
    said: list[str] = []
    with fake_model() as model:
        found = find(order)
        manifest = manifest_of(order, found, model)
        s3.delete_object(Bucket=bucket, Key="in/a.jsonl")
        summary: Summary = run(manifest, found.output, Local(model, lambda _: None), Watch(warn=said.append))
    assert summary.left == 1
    assert "a.jsonl" in said[0]
    assert keys(s3, bucket, "out/") == ["_manifest.json"]
