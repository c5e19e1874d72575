"""A job from its order to its parts: what is written, and how it is continued."""

import errno
import json
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mooring.batch.job import MOST_UNREADABLE, Watch
from mooring.batch.local import Ended, Local
from mooring.batch.manifest import Manifest, Shard, decode
from mooring.batch.plan import MOST_SHARDS, Order, _fewer, find
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
    types = [one["error"]["type"] for one in found[1:5]]
    assert types == ["InvalidRequest", "InvalidRequest", "BackendError", "InvalidRequest"]
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


def spoil(*records: Any, name: str = "in.jsonl") -> Callable[[Path], Path]:
    """What writes such a corpus."""
    return lambda folder: write_lines(folder / name, list(records))


def several(folder: Path) -> Path:
    """A folder of two formats."""
    write_lines(folder / "in" / "a.jsonl", [record(1)])
    return write_lines(folder / "in" / "b.csv", [b"question,context"]).parent


NUMBERS = [{"question": 1, "context": [2]}] * 3


@pytest.mark.parametrize(
    ("spoiled", "changes", "said"),
    [
        (spoil(name="in.jsonl"), {}, "contains no records"),
        (spoil(b"question,context", name="in.csv"), {}, "contains no records"),
        (spoil(b"x", name="in.txt"), {}, "in.txt has the unknown suffix '.txt'"),
        (several, {}, "files of several formats"),
        (spoil({"q": "Who?", "context": "Ada"}), {}, "None of the first record of"),
        (spoil({"q": "Who?", "context": "Ada"}), {}, "Columns of the input: q, context. Name the column"),
        (spoil(b"a;b", b"1;2", name="in.csv"), {}, "None of the columns question, context"),
        (spoil(*NUMBERS), {}, "None of the first 3 records"),
        (spoil(record(1)), {"columns": {"qestion": "q"}}, "no argument 'qestion'. Did you mean question?"),
        (spoil(b'question,context\n"Who?,x', name="in.csv"), {}, "is not valid CSV"),
        (lambda folder: folder / "nothing.jsonl", {}, "Cannot read"),
        (lambda folder: folder / "*.jsonl", {}, "There are no files in"),
        (lambda folder: Path(os.devnull), {}, "is not a regular file"),
    ],
)  # fmt: skip
def test_a_corpus_that_cannot_be_answered_is_refused_at_once(
    spoiled: Callable[[Path], Path], changes: dict[str, Any], said: str, model: OpenModel, tmp_path: Path
) -> None:
    """With what is wrong; no output folder is left behind."""
    order = order_of(spoiled(tmp_path), tmp_path / "out", **changes)
    with pytest.raises(UsageError) as caught:
        carry_out(order, model)
    assert said in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_input_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its records would be missing, and nobody would notice."""
    write_lines(tmp_path / "in" / "a.jsonl", [record(1)])
    closed = write_lines(tmp_path / "in" / "closed" / "b.jsonl", [record(2)]).parent
    scandir = os.scandir

    def refusing(path: str) -> Any:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(closed))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UsageError, match=rf"Cannot read {closed}: Permission denied\."):
        find(order_of(tmp_path / "in", tmp_path / "out"))


def test_a_manifest_that_cannot_be_read_is_named(model: OpenModel, tmp_path: Path) -> None:
    """A folder in its place."""
    source = write_lines(tmp_path / "in.jsonl", [record(1)])
    (tmp_path / "out" / "_manifest.json").mkdir(parents=True)
    with pytest.raises(BatchError, match=r"Cannot use .*_manifest\.json: Is a directory"):
        carry_out(order_of(source, tmp_path / "out"), model)


def test_folders_that_are_not_a_job_s_are_left_alone(model: OpenModel, tmp_path: Path) -> None:
    """One with other files, and one with a foreign manifest."""
    source = write_lines(tmp_path / "in" / "a.jsonl", [record(1)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds no job of `moor batch`: mine\.txt"):
        carry_out(order_of(source, tmp_path / "out"), model)
    for text, said in (
        ('{"version": 9}', "has version 9"),
        ("[]", "is not a manifest"),
        ('{"version": 1}', "not a man"),
    ):
        (tmp_path / "out" / "_manifest.json").write_text(text)
        with pytest.raises(UsageError, match=said):
            carry_out(order_of(source, tmp_path / "out"), model)
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("pattern", ["", "*", "**"])
def test_an_output_folder_inside_the_input_is_no_input(pattern: str, model: OpenModel, tmp_path: Path) -> None:
    """A second run does not take the parts for new files."""
    source = write_lines(tmp_path / "in" / "a.jsonl", [record(1)])
    order = order_of(source.parent / pattern, source.parent / "out")
    carry_out(order, model)
    assert carry_out(order, model).records == 1
    with pytest.raises(UsageError, match=r"no files in .*, except in the output folder"):
        carry_out(order_of(source.parent / "out" / "*", source.parent / "out"), model)


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
    assert "it has 1 of the 2 records that it had" in said[0]
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


def test_a_huge_file_has_larger_shards() -> None:
    """Their number is bounded, and no record is left out."""
    ranges = _fewer((3, at, 0) for at in range(5 * MOST_SHARDS + 1))
    assert MOST_SHARDS / 2 <= len(ranges) < MOST_SHARDS
    assert sum(rows for rows, _, _ in ranges) == 3 * (5 * MOST_SHARDS + 1)
    assert [at for _, at, _ in ranges[:3]] == [0, 8, 16]


def test_the_manifest_is_json_that_people_can_read(model: OpenModel, tmp_path: Path) -> None:
    """One shard per line."""
    source = write_lines(tmp_path / "in.jsonl", [record(number) for number in range(6)])
    carry_out(order_of(source, tmp_path / "out"), model)
    text = (tmp_path / "out" / "_manifest.json").read_text()
    assert json.loads(text)["job"]["task"] == "question-answering"
    assert '\n {"number":1,"file":0,"first":3,"rows":3,"at":' in text


def test_an_order_is_what_it_says() -> None:
    """Its fields are those that decide about answers: how they are computed is not among them."""
    assert set(Order.__dataclass_fields__) == {"input", "output", "columns", "parameters", "write", "shard_rows"}
