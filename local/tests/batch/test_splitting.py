"""Records and payloads: nothing lost, nothing out of order, nothing too large."""

import io
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring_local.batch.faults import BatchFault
from mooring_local.batch.splitting import MEGABYTE, RECORDIO_MAGIC, payloads

DATA = st.lists(st.binary(max_size=30), max_size=8)


def recordio(data: bytes) -> bytes:
    """One record, framed."""
    return struct.pack("<II", RECORDIO_MAGIC, len(data)) + data + bytes(-len(data) % 4)


def tfrecord(data: bytes) -> bytes:
    """One record, framed, with checksums that nobody looks at."""
    return struct.pack("<Q", len(data)) + b"crc1" + data + b"crc2"


def made(data: bytes, split: str, *, single: bool = False, limit: int | None = None) -> list[bytes]:
    """All payloads."""
    return list(payloads(io.BytesIO(data), split, single=single, limit=limit))


@given(
    records=DATA, framing=st.sampled_from([("RecordIO", recordio), ("TFRecord", tfrecord)]), limit=st.integers(60, 200)
)
def test_framed_records(records: list[bytes], framing: tuple[str, "type[bytes]"], limit: int) -> None:
    """One by one they come without their frame; several at once with it, as many as fit."""
    split, frame = framing
    data = b"".join(map(frame, records))

    assert made(data, split, single=True) == records
    several = made(data, split, limit=limit)
    assert b"".join(several) == data
    assert all(len(one) <= limit for one in several)
    for first, second in itertools.pairwise(several):
        head = next(iter(payloads(io.BytesIO(second), split, single=True, limit=None)))
        assert len(first) + len(frame(head)) > limit


@given(lines=st.lists(st.text("ab ü", min_size=1, max_size=9), max_size=8), end=st.sampled_from(["\n", "\r\n"]))
def test_lines(lines: list[str], end: str) -> None:
    """Singly without line ends; several with them; empty lines are none."""
    data = "".join(line + end + end for line in lines).encode()

    assert made(data, "Line", single=True) == [line.encode() for line in lines]
    joined = "".join(line + end for line in lines).encode()
    assert b"".join(made(data, "Line", limit=40)) == joined


def test_a_last_line_without_an_end() -> None:
    """It is a line all the same."""
    assert made(b"a\nb", "Line", single=True) == [b"a", b"b"]
    assert made(b"a\nb", "Line") == [b"a\nb"]


def test_whole_objects() -> None:
    """Without a split an object is one payload, an empty one too."""
    assert made(b"a\nb\n", "None") == [b"a\nb\n"]
    assert made(b"", "None", single=True) == [b""]


@pytest.mark.parametrize(
    ("split", "data"),
    [
        ("None", b"12345"),
        ("Line", b"1\n12345\n"),
        ("Line", b"12345"),
        ("RecordIO", recordio(b"12345")),
        ("TFRecord", tfrecord(b"12345")),
    ],
)
def test_what_is_too_large_is_not_sent(split: str, data: bytes) -> None:
    """The error names the limit and what to raise."""
    with pytest.raises(BatchFault, match=r"exceeds MaxPayloadInMB \(4 bytes\)"):
        made(data, split, single=True, limit=4)
    with pytest.raises(BatchFault, match=r"\(1 MB\). Raise MaxPayloadInMB"):
        made(b"x" * (MEGABYTE + 1), "Line", limit=MEGABYTE)


def test_a_line_that_just_fits() -> None:
    """Its line break does not count against it."""
    assert made(b"1234\n1234\r\n", "Line", limit=4) == [b"1234", b"1234"]


@pytest.mark.parametrize("data", [b"not records!", recordio(b"1234")[:-2], struct.pack("<I", RECORDIO_MAGIC)])
def test_what_is_no_recordio(data: bytes) -> None:
    """A wrong magic number, a record cut short, a head cut short."""
    with pytest.raises(BatchFault, match="not RecordIO"):
        made(data, "RecordIO")


@pytest.mark.parametrize("data", [b"\1", tfrecord(b"1234")[:-2]])
def test_what_is_no_tfrecord(data: bytes) -> None:
    """A head or a record cut short."""
    with pytest.raises(BatchFault, match="not TFRecord"):
        made(data, "TFRecord")
