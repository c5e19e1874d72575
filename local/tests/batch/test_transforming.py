"""Objects through a scripted container: order, retries, places, what is written and what is not."""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.tests.batch.documents import document
from mooring_local.batch import transforming
from mooring_local.batch.faults import BatchFault
from mooring_local.batch.transforming import NoAnswer, Transformer
from mooring_local.batch.work import Pace, inputs, work_of
from mooring_local.objects.store import ObjectStore
from mooring_local.runners.client import Answer, Asked, ContainerGone

JSON = {"content-type": "application/json"}


class Scripted:
    """A container that answers as a function says, and remembers what it was asked."""

    def __init__(self, answer: Callable[[bytes], Answer | Exception]) -> None:
        self._answer = answer
        self.asked: list[Asked] = []
        self.at_once = self.most_at_once = 0
        self.late: Mapping[bytes, int] = {}
        """Body → turns of the loop that it takes."""
        self.gather = 0
        """The first requests wait until so many are there at once."""
        self._gathered = asyncio.Event()

    async def send(self, asked: Asked, *, timeout_s: float, most: int | None = None) -> Answer:
        """As `Client` does."""
        self.asked.append(asked)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once >= self.gather:
            self._gathered.set()
        await asyncio.wait_for(self._gathered.wait(), 5)
        for _ in range(self.late.get(asked.body, 1)):
            await asyncio.sleep(0)
        self.at_once -= 1
        answer = self._answer(asked.body)
        if isinstance(answer, Exception):
            raise answer
        return answer


def echo(body: bytes) -> Answer:
    """Answers with what was sent, in brackets."""
    return Answer(200, JSON, b"[" + body + b"]")


def through(store: ObjectStore, container: Scripted, *, pace: Pace = Pace(1, 6, True), **members: Any) -> None:
    """Transform all the job's objects, one after the other."""
    work = work_of(document(**members))

    async def scene() -> None:
        transformer = Transformer(work, pace, store, [container])
        for entry, target in inputs(work, store):
            await transformer.transform(entry, target)

    asyncio.run(scene())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """One object of four lines; retries do not pause."""
    monkeypatch.setattr(transforming, "FIRST_PAUSE_S", 0.0)
    store = ObjectStore(tmp_path)
    store.create_bucket("bucket")
    store.put("bucket", "in/a.txt", b"1\n2\n3\n4\n")
    return store


def output(store: ObjectStore, key: str = "out/a.txt.out") -> bytes | None:
    """What was written."""
    entry = store.get("bucket", key)
    return entry.path.read_bytes() if entry else None


def test_answers_keep_the_order_of_the_records(store: ObjectStore) -> None:
    """However late some of them come, and never more at once than allowed."""
    container = Scripted(echo)
    container.late = {b"1": 50, b"2": 3, b"3": 20}
    container.gather = 3

    through(store, container, pace=Pace(3, 6, True), TransformOutput={"AssembleWith": "Line"})

    assert output(store) == b"[1]\n[2]\n[3]\n[4]\n"
    assert container.most_at_once == 3


def test_records_are_sent_together_or_one_by_one(store: ObjectStore) -> None:
    """By strategy; without AssembleWith answers are put together as they are."""
    together, single = Scripted(echo), Scripted(echo)

    through(store, together, pace=Pace(1, 6, False))
    assert [asked.body for asked in together.asked] == [b"1\n2\n3\n4\n"]
    through(store, single)
    assert [asked.body for asked in single.asked] == [b"1", b"2", b"3", b"4"]
    assert output(store) == b"[1][2][3][4]"


def test_headers_and_content_types(store: ObjectStore) -> None:
    """The job's go to the container; the output has what was accepted, or what came."""
    container = Scripted(echo)
    through(store, container, TransformInput={"ContentType": "text/csv"}, TransformOutput={"Accept": "text/x"})
    assert container.asked[0].headers == [("Content-Type", "text/csv"), ("Accept", "text/x")]
    entry = store.get("bucket", "out/a.txt.out")
    assert entry is not None
    assert entry.content_type == "text/x"

    container = Scripted(echo)
    through(store, container)
    assert container.asked[0].headers == []
    entry = store.get("bucket", "out/a.txt.out")
    assert entry is not None
    assert entry.content_type == "application/json"


def test_compressed_input(store: ObjectStore) -> None:
    """Gzip is taken off; what is none says so and leaves no output."""
    store.put("bucket", "in/a.txt", gzip.compress(b"1\n2\n"))
    gzipped = {"CompressionType": "Gzip"}
    through(store, Scripted(echo), TransformInput=gzipped)
    assert output(store) == b"[1][2]"

    store.delete("bucket", "out/a.txt.out")
    for damaged in (b"1\n2\n", gzip.compress(b"1\n2\n" * 50)[:-9]):
        store.put("bucket", "in/a.txt", damaged)
        with pytest.raises(BatchFault, match=r"Could not decompress s3://bucket/in/a.txt"):
            through(store, Scripted(echo), TransformInput=gzipped)
    assert output(store) is None


def test_data_processing(store: ObjectStore) -> None:
    """The container gets what the filter leaves; the output has the join."""
    store.put("bucket", "in/a.txt", b'{"id": 1, "q": "x"}\n')
    container = Scripted(echo)
    lines = "application/jsonlines"

    through(
        store,
        container,
        TransformInput={"ContentType": lines},
        TransformOutput={"Accept": lines, "AssembleWith": "Line"},
        DataProcessing={"InputFilter": "$.q", "JoinSource": "Input"},
    )

    assert container.asked[0].body == b'"x"'
    assert output(store) == b'{"id":1,"q":"x","SageMakerOutput":["x"]}\n'


class TestFailures:
    @pytest.mark.parametrize(
        "first", [ContainerGone("closed"), TimeoutError(), Answer(500, {}, b""), Answer(429, {}, b"")]
    )
    def test_are_tried_again(self, store: ObjectStore, first: Answer | Exception) -> None:
        """A broken connection, a time-out, a 5xx, a full queue: once more and it is well."""
        answers = iter([first])
        container = Scripted(lambda body: next(answers, echo(body)))

        through(store, container)

        assert output(store) == b"[1][2][3][4]"
        assert len(container.asked) == 5

    def test_are_given_up_after_the_jobs_retries(self, store: ObjectStore) -> None:
        """Nothing is written; the log has the platform's words and the container's."""
        container = Scripted(lambda _: Answer(503, {}, b"out of\nmemory"))

        with pytest.raises(NoAnswer) as caught:
            through(store, container, ModelClientConfig={"InvocationsMaxRetries": 1})

        assert len(container.asked) == 2
        assert output(store) is None
        assert caught.value.refused.fault.blame == "AlgorithmError"
        assert list(caught.value.refused.log) == ["Bad HTTP status received from algorithm: 503", "out of", "memory"]

    def test_of_the_client_are_not_tried_again(self, store: ObjectStore) -> None:
        """A 400 is a 400; others on their way are given up and no place is lost."""
        container = Scripted(lambda body: Answer(400, {}, b"bad record") if body == b"2" else echo(body))

        with pytest.raises(NoAnswer) as caught:
            through(store, container, pace=Pace(2, 6, True))

        assert [asked.body for asked in container.asked].count(b"2") == 1
        assert output(store) is None
        assert list(caught.value.refused.log) == ["ClientError: 400", "", "Message:", "bad record"]

    def test_leave_every_place_free(self, store: ObjectStore) -> None:
        """After a failure, an object with as many payloads as places still goes through."""
        container = Scripted(lambda body: Answer(400, {}, b"") if body == b"2" else echo(body))
        container.late = {b"1": 5}
        work = work_of(document())
        store.put("bucket", "in/b.txt", b"5\n6\n7\n")

        async def scene() -> None:
            transformer = Transformer(work, Pace(3, 6, True), store, [container])
            (bad, first), (good, second) = inputs(work, store)
            with pytest.raises(NoAnswer):
                await transformer.transform(bad, first)
            async with asyncio.timeout(5):
                await transformer.transform(good, second)

        asyncio.run(scene())
        assert output(store, "out/b.txt.out") == b"[5][6][7]"
