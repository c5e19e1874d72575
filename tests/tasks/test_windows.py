"""Windows against the tokenizers library's own truncation, which is what transformers cuts with."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from mooring.errors import InvalidRequest
from mooring.model.folder import ModelFolder
from mooring.tasks.windows import cut, pieces
from mooring.tokenization.load import load_tokenizer
from mooring.tokenization.text import TextTokenizer
from tests.support.tiny_models import write_tokenizer

WORDS = st.sampled_from(["king", "queen", "xyz", "The", "北京", "ünïque", ",", "👑", "[SEP]"])
SPECIALS = 3


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[TextTokenizer, Tokenizer]:
    """The same tokenizer, ours and the library's."""
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return load_tokenizer(ModelFolder(folder)), Tokenizer.from_file(str(folder / "tokenizer.json"))


@given(
    question=st.lists(WORDS, max_size=6).map(" ".join),
    context=st.lists(WORDS, max_size=120).map(" ".join),
    max_seq_len=st.integers(24, 96),
    side=st.sampled_from(["left", "right"]),
    data=st.data(),
)
def test_windows_are_the_librarys(
    both: tuple[TextTokenizer, Tokenizer],
    question: str,
    context: str,
    max_seq_len: int,
    side: str,
    data: st.DataObject,
) -> None:
    """Ids, segments, their number and their order; and each piece of context is where it is said to be."""
    ours, theirs = both
    ours = replace(ours, habits=replace(ours.habits, from_left=side == "left"))
    asked, text = ours.encode(question), ours.encode(context)
    room = max_seq_len - SPECIALS - len(asked)
    if room < 1:
        return
    stride = data.draw(st.integers(0, room - 1))
    theirs.enable_truncation(max_seq_len, stride=stride, strategy="only_second", direction=side)

    first = theirs.encode(question, context)
    made = list(cut(asked, text, ours, max_seq_len, stride))

    expected = [first, *first.overflowing]
    assert [window.input_ids.tolist() for window, _ in made] == [encoding.ids for encoding in expected]
    assert [window.token_type_ids.tolist() for window, _ in made] == [encoding.type_ids for encoding in expected]
    for (window, piece), encoding in zip(made, expected, strict=True):
        inside = slice(piece.at, piece.at + piece.count)
        assert encoding.sequence_ids[inside] == [1] * piece.count
        assert window.input_ids[inside].tolist() == text.ids[piece.first : piece.first + piece.count].tolist()
        assert encoding.offsets[inside] == [tuple(place) for place in text.places[piece.first :][: piece.count]]


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (0, [(0, 0)]),
        (10, [(0, 10)]),
        (11, [(0, 10), (6, 5)]),
        (16, [(0, 10), (6, 10)]),
        (17, [(0, 10), (6, 10), (12, 5)]),
    ],
)
def test_pieces_overlap_by_the_stride_and_end_at_the_end(context: int, expected: list[tuple[int, int]]) -> None:
    """A window of 20 with 3 special tokens and a question of 7 has room for 10, of which 4 are shared."""
    assert pieces(7, context, SPECIALS, 20, 4) == expected


def test_a_question_that_fits_with_its_whole_context_needs_no_stride() -> None:
    """The stride is a matter of cutting."""
    assert pieces(100, 20, SPECIALS, 123, 50) == [(0, 20)]


@pytest.mark.parametrize(("question", "left"), [(13, 4), (16, 1), (17, 0), (500, 0)])
def test_a_question_without_room_for_progress_is_refused_with_the_numbers(question: int, left: int) -> None:
    """Windows that share as much as they hold would never reach the end."""
    with pytest.raises(InvalidRequest) as caught:
        pieces(question, 30, SPECIALS, 20, 4)
    for part in (f"{question} tokens", f"{left} left", "at least 5"):
        assert part in caught.value.message
    assert "doc_stride" in caught.value.hint
