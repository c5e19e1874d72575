"""What a job's document says: its inputs and their outputs, its pace, its environment."""

from pathlib import Path

import pytest

from local.tests.batch.documents import document
from mooring_local.batch.faults import BatchFault
from mooring_local.batch.work import Pace, inputs, pace_of, work_of
from mooring_local.objects.store import ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """One with an input."""
    store = ObjectStore(tmp_path)
    store.create_bucket("bucket")
    store.put("bucket", "in/a.txt", b"1")
    return store


class TestInputs:
    def test_outputs_keep_the_path_below_the_prefix(self, store: ObjectStore) -> None:
        """Below the last slash of the S3Uri; markers of folders are no input."""
        store.put("bucket", "in/deep/b.txt", b"")
        store.put("bucket", "in/deep/", b"")

        def targets(uri: str) -> list[str]:
            source = {"S3DataType": "S3Prefix", "S3Uri": uri}
            work = work_of(document(TransformInput={"DataSource": {"S3DataSource": source}}))
            return [target for _, target in inputs(work, store)]

        assert targets("s3://bucket/in/") == ["s3://bucket/out/a.txt.out", "s3://bucket/out/deep/b.txt.out"]
        assert targets("s3://bucket/in/a.txt") == ["s3://bucket/out/a.txt.out"]
        assert targets("s3://bucket/in") == ["s3://bucket/out/in/a.txt.out", "s3://bucket/out/in/deep/b.txt.out"]
        assert targets("s3://bucket") == targets("s3://bucket/in")

    def test_manifests(self, store: ObjectStore) -> None:
        """A prefix and names, in the manifest's order."""
        store.put("bucket", "in/b", b"")
        store.put("bucket", "m", b'[{"prefix": "s3://bucket/in/"}, "b", "a.txt"]')
        source = {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/m"}
        work = work_of(document(TransformInput={"DataSource": {"S3DataSource": source}}))

        found = inputs(work, store)

        assert [(entry.key, target) for entry, target in found] == [
            ("in/b", "s3://bucket/out/b.out"),
            ("in/a.txt", "s3://bucket/out/a.txt.out"),
        ]

    @pytest.mark.parametrize(
        ("manifest", "said"),
        [
            (b"{}", "Invalid manifest s3://bucket/m. Write a JSON array"),
            (b"[]", "Invalid manifest"),
            (b'[{"prefix": "s3://bucket/"}, {"source-ref": "x"}]', "Invalid manifest"),
            (b'[{"prefix": "s3://bucket/"}, "no"]', "lists s3://bucket/no, which does not exist"),
            (b'[{"prefix": "s3://bucket/"}]', "No S3 objects found"),
            (None, "Manifest s3://bucket/m not found"),
        ],
    )
    def test_manifests_that_cannot_be_used(self, store: ObjectStore, manifest: bytes | None, said: str) -> None:
        """What is wrong, and what one looks like."""
        if manifest is not None:
            store.put("bucket", "m", manifest)
        source = {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/m"}
        with pytest.raises(BatchFault, match=said):
            inputs(work_of(document(TransformInput={"DataSource": {"S3DataSource": source}})), store)

    @pytest.mark.parametrize(
        ("uri", "out", "said"),
        [
            ("s3://bucket/none/", "s3://bucket/out", 'No S3 objects found under S3 URL "s3://bucket/none/"'),
            ("s3://other/in/", "s3://bucket/out", "NoSuchBucket"),
            ("s3://bucket/in/", "s3://other/out", "NoSuchBucket.*S3OutputPath s3://other/out"),
        ],
    )
    def test_nothing_to_do(self, store: ObjectStore, uri: str, out: str, said: str) -> None:
        """No objects, no bucket to read, no bucket to write: before anything is started."""
        source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
        with pytest.raises(BatchFault, match=said):
            inputs(work_of(document(TransformInput=source, TransformOutput={"S3OutputPath": out})), store)


class TestPace:
    def test_the_jobs_word_counts_most(self) -> None:
        """Then the container's, then the defaults; 0 places ask the container."""
        told = b'{"MaxConcurrentTransforms": 4, "MaxPayloadInMB": 2, "BatchStrategy": "SINGLE_RECORD"}'

        assert pace_of(work_of(document()), None) == Pace(1, 6, False)
        assert pace_of(work_of(document()), told) == Pace(4, 2, True)
        said = document(MaxConcurrentTransforms=8, MaxPayloadInMB=0, BatchStrategy="MultiRecord")
        assert pace_of(work_of(said), told) == Pace(8, 0, False)
        assert pace_of(work_of(document(MaxConcurrentTransforms=0)), told).concurrency == 4
        assert Pace(8, 0, False).payload_bytes is None
        line = "MaxConcurrentTransforms=4, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD"
        assert str(pace_of(work_of(document()), told)) == line

    @pytest.mark.parametrize(
        "answer",
        [b"", b"[]", b"no", b'{"MaxPayloadInMB": -1, "BatchStrategy": 3}', b'{"MaxConcurrentTransforms": true}'],
    )
    def test_a_container_that_makes_no_sense_is_not_heard(self, answer: bytes) -> None:
        """The defaults hold."""
        assert pace_of(work_of(document()), answer) == Pace(1, 6, False)

    def test_the_environment_tells_what_the_user_said(self) -> None:
        """And nothing of the defaults."""
        assert dict(work_of(document()).environment) == {"SAGEMAKER_BATCH": "true"}
        said = document(
            MaxConcurrentTransforms=2, MaxPayloadInMB=3, BatchStrategy="SingleRecord", Environment={"A": "1"}
        )
        assert dict(work_of(said).environment) == {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "2",
            "A": "1",
        }
