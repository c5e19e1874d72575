"""A job from its order to its parts: what is written, and how it is continued."""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mooring.batch.job import MOST_UNREADABLE, Watch
from mooring.batch.local import Ended, Local
from mooring.batch.manifest import Manifest, Shard, decode
from mooring.batch.shards import Task
from mooring.errors import BackendError, BatchError, UsageError
from mooring.opened import OpenModel
from mooring.testing import FakeBackend
from tests.support.corpora import answers, carry_out, fake_model, order_of, record, write_lines


@pytest.fixture(scope="module")
def model() -> Iterator[OpenModel]:
    """One for all tests: a job leaves nothing behind in it."""
    with fake_model() as opened:
        yield opened


class Counted:
    """An engine that remembers which shards it answered and stops after some."""

    def __init__(self, model: OpenModel, most: int = 1000) -> None:
        self.local = Local(model, lambda _: None)
        self.most = most
        self.shards: list[int] = []

    def __call__(
        self, task: Task, shards: Sequence[Shard], stopping: Callable[[], bool]
    ) -> Generator[Ended, None, None]:
        for shard, ended in self.local(task, shards, stopping):
            self.shards.append(shard.number)
            yield shard, ended
            if len(self.shards) == self.most:
                return


def manifest_in(output: Path) -> Manifest:
    """What the folder says of itself."""
    return decode((output / "_manifest.json").read_bytes(), "")


def names_in(folder: Path) -> list[str]:
    """Everything in it."""
    return sorted(path.name for path in folder.iterdir())


def test_every_record_has_its_answer_in_order(model: OpenModel, tmp_path: Path) -> None:
    """Arguments are sent and other columns are carried along; the folder holds parts and manifest, nothing else."""
    source = write_lines(tmp_path / "in" / "b.jsonl", [record(number) for number in range(7)])
    write_lines(tmp_path / "in" / "a.ndjson", [{**record(9), "id": None, "tags": ["x", {"y": 1}]}])
    summary = carry_out(order_of(source.parent, tmp_path / "out"), model)
    found = answers(tmp_path / "out")
    assert [one["prediction"]["answer"] for one in found] == ["w9", *(f"w{number}" for number in range(7))]
    assert found[0] == {"id": None, "tags": ["x", {"y": 1}], "prediction": found[0]["prediction"]}
    parts = [f"part-0000{number}.jsonl" for number in range(4)]
    assert names_in(tmp_path / "out") == ["_manifest.json", *parts]
    assert (summary.total.records, summary.total.windows, summary.total.errors) == (8, 8, 0)
    assert (summary.left, summary.answered, summary.parts) == (0, 8, 4)


def test_a_record_at_fault_has_its_error_in_its_place(model: OpenModel, tmp_path: Path) -> None:
    """With file and place, and what it carried; also a bug that one record meets, and a column that the output adds."""
    bad = [{**record(1), "question": ""}, b"{", {**record(3), "context": "crash"}, {**record(4), "error": 1}]
    source = write_lines(tmp_path / "in.jsonl", [record(0), *bad, record(5)])
    summary = carry_out(order_of(source, tmp_path / "out", shard_rows=4), model)
    found = answers(tmp_path / "out")
    assert [sorted(one) for one in found] == [
        ["id", "prediction"],
        ["error", "id"],
        ["error"],
        ["error", "id"],
        ["error", "id"],
        ["id", "prediction"],
    ]
    assert [one["error"]["record"] for one in found[1:5]] == [2, 3, 4, 5]
    assert {one["error"]["file"] for one in found[1:5]} == {str(source)}
    assert [one["error"]["type"] for one in found[1:5]] == [*["InvalidRequest"] * 2, "BackendError", "InvalidRequest"]
    assert "RuntimeError while answering" in found[3]["error"]["message"]
    assert "'error', which the output adds" in found[4]["error"]["message"]
    assert (summary.total.records, summary.total.errors) == (6, 4)


def test_columns_are_renamed_and_parameters_sent(model: OpenModel, tmp_path: Path) -> None:
    """A parameter may be a column, too; CSV has texts only and becomes JSON Lines."""
    source = tmp_path / "in.csv"
    source.write_text('id,q,context\n1,Who?,"Ada, wrote it."\n2,Who?,Bob\n', encoding="utf-8")
    carry_out(order_of(source, tmp_path / "out", columns={"question": "q"}, parameters={"top_k": 2}), model)
    assert [(one["id"], len(one["prediction"])) for one in answers(tmp_path / "out")] == [("1", 2), ("2", 2)]
    lines = write_lines(tmp_path / "in.jsonl", [{**record(1), "k": 2}, {**record(2), "k": 3}])
    carry_out(order_of(lines, tmp_path / "other", columns={"top_k": "k"}), model)
    assert [(one["id"], len(one["prediction"])) for one in answers(tmp_path / "other")] == [(1, 2), (2, 3)]


def test_a_stopped_job_continues_with_what_is_missing(model: OpenModel, tmp_path: Path) -> None:
    """Nothing twice, nothing lost, and the same as an undisturbed run; a finished job does nothing."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(10)])
    order = order_of(source, tmp_path / "out")
    first = Counted(model, 2)
    assert carry_out(order, model, first).left == 2
    (tmp_path / "out" / ".part-00002.jsonl.123.tmp").write_text("half")
    second = Counted(model)
    summary = carry_out(order, model, second)
    assert (first.shards, second.shards) == ([0, 1], [2, 3])
    assert (summary.answered, summary.total.records) == (4, 10)
    carry_out(order_of(source, tmp_path / "undisturbed"), model)
    assert answers(tmp_path / "out") == answers(tmp_path / "undisturbed")
    assert names_in(tmp_path / "out") == names_in(tmp_path / "undisturbed")
    third = Counted(model)
    assert carry_out(order, model, third).left == 0
    assert third.shards == []


def test_a_part_without_its_entry_is_answered_again(model: OpenModel, tmp_path: Path) -> None:
    """Killed between the two: the part is replaced."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(6)])
    order = order_of(source, tmp_path / "out")
    carry_out(order, model, Counted(model, 1))
    (tmp_path / "out" / "part-00001.jsonl").write_text("from another world\n")
    carry_out(order, model)
    assert [one["id"] for one in answers(tmp_path / "out")] == list(range(6))


@pytest.mark.parametrize(
    ("changes", "facts", "said"),
    [
        ({"parameters": {"top_k": 2}}, {}, '-p was {} and is {"top_k":2}'),
        ({"columns": {"context": "id"}}, {}, "--map was "),
        ({"write": "parquet"}, {}, "--format was jsonl and is parquet"),
        ({"shard_rows": 4}, {}, "--shard-rows was 3 and is 4"),
        ({}, {"digest": "sha256:2"}, "the model's digest was sha256:1 and is sha256:2"),
        ({}, {"precision": "int8"}, "--precision was fp32 and is int8"),
    ],
)
def test_another_job_s_folder_is_refused_with_what_differs(
    changes: dict[str, Any], facts: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """Arguments, and the model."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(4)])
    with fake_model() as model:
        carry_out(order_of(source, tmp_path / "out"), model)
    with fake_model(**facts) as model, pytest.raises(UsageError, match="holds another job") as caught:
        carry_out(order_of(source, tmp_path / "out", **changes), model)
    assert said in str(caught.value)


def test_a_changed_input_is_refused(model: OpenModel, tmp_path: Path) -> None:
    """A file that grew, one that is new and one that is gone, each by name."""
    folder = tmp_path / "in"
    for name in ("a", "b"):
        write_lines(folder / f"{name}.jsonl", [record(1)])
    order = order_of(folder, tmp_path / "out")
    carry_out(order, model)
    write_lines(folder / "a.jsonl", [record(1), record(2)])
    (folder / "b.jsonl").rename(folder / "c.jsonl")
    with pytest.raises(UsageError) as caught:
        carry_out(order, model)
    for said in ("b.jsonl is gone", "c.jsonl is new", "a.jsonl has changed"):
        assert said in str(caught.value)


def test_a_shard_that_cannot_be_read_does_not_stop_the_others(model: OpenModel, tmp_path: Path) -> None:
    """It has no part, is named, and is answered once the file is back."""
    folder = tmp_path / "in"
    for name in ("a", "b", "c"):
        write_lines(folder / f"{name}.jsonl", [record(1)])
    order = order_of(folder, tmp_path / "out")
    said: list[str] = []
    carry_out(order, model, Counted(model, 1))
    hidden = (folder / "b.jsonl").rename(tmp_path / "b")
    with pytest.raises(UsageError, match="is gone"):
        carry_out(order, model)
    hidden.rename(folder / "b.jsonl")

    class Losing(Counted):
        """Loses the file when the run has begun."""

        def __call__(self, *arguments: Any) -> Generator[Ended, None, None]:
            (folder / "b.jsonl").rename(tmp_path / "b")
            return super().__call__(*arguments)

    summary = carry_out(order, model, Losing(model), Watch(warn=said.append))
    assert (summary.left, summary.total.records) == (1, 2)
    assert "Cannot read records 1 to 1 of" in said[0]
    assert "b.jsonl: No such file or directory." in said[0]
    assert not (tmp_path / "out" / "part-00001.jsonl").exists()
    (tmp_path / "b").rename(folder / "b.jsonl")
    assert carry_out(order, model).left == 0


def test_a_file_that_lost_records_gives_no_part(model: OpenModel, tmp_path: Path) -> None:
    """Although all of its records could be answered."""
    source = write_lines(tmp_path / "in.jsonl", [record(1), record(2)])
    said: list[str] = []

    class Cutting(Counted):
        """Cuts the file when the run has begun."""

        def __call__(self, *arguments: Any) -> Generator[Ended, None, None]:
            write_lines(source, [record(1)])
            return super().__call__(*arguments)

    summary = carry_out(order_of(source, tmp_path / "out"), model, Cutting(model), Watch(warn=said.append))
    assert summary.left == 1
    assert "it has 1 of the 2 planned records" in said[0]
    assert names_in(tmp_path / "out") == ["_manifest.json"]


def test_a_run_ends_when_no_shard_can_be_read(model: OpenModel, tmp_path: Path) -> None:
    """The disk is gone: thousands of warnings would say the same."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(20)])
    said: list[str] = []

    class Gone(Counted):
        """Removes the file when the run has begun."""

        def __call__(self, *arguments: Any) -> Generator[Ended, None, None]:
            source.unlink()
            return super().__call__(*arguments)

    carry_out(order_of(source, tmp_path / "out", shard_rows=1), model, Gone(model), Watch(warn=said.append))
    assert len(said) == MOST_UNREADABLE


def test_too_many_errors_end_a_run(model: OpenModel, tmp_path: Path) -> None:
    """After the shard that had them; with a higher limit it continues."""
    bad = [{**record(number), "question": "" if number % 2 else "Who?"} for number in range(9)]
    order = order_of(write_lines(tmp_path / "in.jsonl", bad), tmp_path / "out")
    summary = carry_out(order, model, watch=Watch(max_errors=1))
    assert (summary.left, summary.total.errors) == (1, 3)
    assert carry_out(order, model, watch=Watch(max_errors=1)).answered == 0
    assert carry_out(order, model, watch=Watch(max_errors=4)).left == 0


def test_stopping_finishes_the_shard_in_hand(model: OpenModel, tmp_path: Path) -> None:
    """And begins no other one."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(9)])
    stop: list[int] = []
    engine = Local(model, lambda _: stop.append(1))
    summary = carry_out(order_of(source, tmp_path / "out"), model, engine, Watch(stopping=lambda: bool(stop)))
    assert (summary.left, summary.total.records) == (2, 3)


def test_a_broken_engine_ends_the_run(tmp_path: Path) -> None:
    """Its errors are not written as if the records were at fault; what was done stays."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(9)])
    order = order_of(source, tmp_path / "out")
    with fake_model() as model:
        carry_out(order, model, Counted(model, 1))
    backend = FakeBackend()
    with fake_model(backend) as model:
        backend.fail_next = 1000
        with pytest.raises(BackendError):
            carry_out(order, model)
    assert names_in(tmp_path / "out") == ["_manifest.json", "part-00000.jsonl"]
    assert list(manifest_in(tmp_path / "out").done) == [0]


def test_a_full_disk_leaves_nothing_half_written(model: OpenModel, small_disk: Path, tmp_path: Path) -> None:
    """The error says what to do, and the job continues when there is space."""
    records = [{**record(number), "carried": "x" * 40_000} for number in range(9)]
    order = order_of(write_lines(tmp_path / "in.jsonl", records), small_disk / "out", shard_rows=2)
    with pytest.raises(BatchError, match=r"No space left on device\. Check the free space.*run the same command again"):
        carry_out(order, model)
    names = names_in(small_disk / "out")
    done = manifest_in(small_disk / "out").done
    assert names == ["_manifest.json", *(f"part-0000{number}.jsonl" for number in done)]
    assert 0 < len(done) < 5
    assert len(answers(small_disk / "out")) == 2 * len(done)


def test_two_runs_do_not_share_a_folder(model: OpenModel, tmp_path: Path) -> None:
    """The second one is told so at once."""
    order = order_of(write_lines(tmp_path / "in.jsonl", [record(1)]), tmp_path / "out")

    class Twice(Counted):
        """Starts another run in the middle."""

        def __call__(self, *arguments: Any) -> Generator[Ended, None, None]:
            with pytest.raises(BatchError, match="Another `moor batch` is writing to"):
                carry_out(order, model)
            return super().__call__(*arguments)

    assert carry_out(order, model, Twice(model)).left == 0


def test_the_manifest_is_json_that_people_can_read(model: OpenModel, tmp_path: Path) -> None:
    """One shard per line."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(6)])
    carry_out(order_of(source, tmp_path / "out"), model)
    text = (tmp_path / "out" / "_manifest.json").read_text()
    assert json.loads(text)["job"]["task"] == "question-answering"
    assert '\n {"number":1,"file":0,"first":3,"rows":3,"at":' in text
