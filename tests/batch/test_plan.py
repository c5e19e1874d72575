"""What a job is: which inputs and output folders are refused, and where shards begin."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mooring.batch.plan import MOST_SHARDS, Order, _fewer, find
from mooring.errors import BatchError, UsageError
from mooring.opened import OpenModel
from tests.support.corpora import carry_out, fake_model, order_of, record, write_lines


@pytest.fixture(scope="module")
def model() -> Iterator[OpenModel]:
    """One for all tests: a job leaves nothing behind in it."""
    with fake_model() as opened:
        yield opened


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


def test_an_output_folder_is_known_by_every_path(model: OpenModel, tmp_path: Path) -> None:
    """Here the input is named by a link, so that the parts seem to be elsewhere."""
    source = write_lines(tmp_path / "in" / "a.jsonl", [record(1)])
    (tmp_path / "link").symlink_to("in")
    order = order_of(tmp_path / "link", source.parent / "out")
    carry_out(order, model)
    assert carry_out(order, model).records == 1


def test_a_huge_file_has_larger_shards() -> None:
    """Their number is bounded, and no record is left out."""
    ranges = _fewer((3, at, 0) for at in range(5 * MOST_SHARDS + 1))
    assert MOST_SHARDS / 2 <= len(ranges) < MOST_SHARDS
    assert sum(rows for rows, _, _ in ranges) == 3 * (5 * MOST_SHARDS + 1)
    assert [at for _, at, _ in ranges[:3]] == [0, 8, 16]


def test_an_order_is_what_it_says() -> None:
    """Its fields are those that decide about answers: how they are computed is not among them."""
    assert set(Order.__dataclass_fields__) == {"input", "output", "columns", "parameters", "write", "shard_rows"}
