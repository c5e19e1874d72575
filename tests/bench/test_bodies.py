"""What is sent: from files, from distributions, and files that go wrong."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.bench.bodies import GROUPS, Bodies, Wish, make_bodies, wish_of
from mooring.bench.lengths import parse_lengths
from mooring.errors import UsageError
from mooring.target import parse_target

TARGET = parse_target("http://host:1")


def sent(bodies: Bodies) -> list[object]:
    """The decoded bodies in order."""
    return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in bodies.requests]


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    """Thirty questions about three paragraphs."""
    paragraphs = [
        {
            "context": f"Red{n} fox runs. It rests.",
            "qas": [{"id": f"{n}.{k}", "question": f"What {k}?"} for k in range(10)],
        }
        for n in range(3)
    ]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path


def test_a_squad_file_is_asked_whole_in_an_order_of_chance(squad: Path) -> None:
    """Every question once, by seed, with its words counted."""
    one, same, other = (make_bodies(TARGET, Wish(squad, seed=seed), 5) for seed in (1, 1, 2))
    assert one.requests == same.requests != other.requests
    assert one.distinct == len(one.requests) == 30
    assert set(one.words) == {2 + 5}
    assert one.source == "squad.json"


def test_lines_are_sent_as_they_stand(tmp_path: Path) -> None:
    """Whole requests of whatever shape; U+2028 within a string is no end of a line."""
    lines = [
        '{"inputs": {"question": "Q?",  "context": "a b c"}}',
        '{"x": ["one two", {"y": "three\u2028four"}], "n": 1}',
    ]
    path = tmp_path / "requests.jsonl"
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    made = make_bodies(TARGET, Wish(path), 5)
    assert {request.partition(b"\r\n\r\n")[2].decode() for request in made.requests} == set(lines)
    assert sorted(made.words) == [4, 4]


def test_chosen_lengths_are_all_different_and_as_many_as_needed() -> None:
    """From our own text, when no file is named."""
    made = make_bodies(TARGET, Wish(lengths=parse_lengths("uniform:30-60"), seed=1), 500)
    contexts = [len(body["inputs"]["context"].split()) for body in sent(made)]  # type: ignore[index]
    assert len(made.requests) == made.distinct == 500
    assert (min(contexts), max(contexts)) == (30, 60)
    assert "the built-in text" in made.source


def test_of_one_word_there_are_not_many(squad: Path) -> None:
    """As many as can be made; it ends."""
    made = make_bodies(TARGET, Wish(squad, parse_lengths("1"), 1), 500)
    assert 10 <= made.distinct == len(made.requests) <= 60


def test_words_come_from_a_text(tmp_path: Path) -> None:
    """Which has no questions: ours are asked."""
    path = tmp_path / "letter.txt"
    path.write_text("Alpha beta. Gamma delta!")
    made = make_bodies(TARGET, Wish(path, parse_lengths("8")), 3)
    words = {word for body in sent(made) for word in body["inputs"]["context"].split()}  # type: ignore[index]
    assert words <= {"Alpha", "beta.", "Gamma", "delta!"}


@pytest.mark.parametrize(
    ("name", "data", "lengths", "said"),
    [
        ("a.jsonl", b'{"x": 1}\n{"y": \n', None, "line 2 is not valid JSON"),
        ("a.jsonl", b"\n \n", None, "contains no requests"),
        ("a.jsonl", b'{"x": 1}', "40", "contains complete requests"),
        ("a.jsonl", b"\xff\xfe", None, "is not valid UTF-8"),
        ("a.txt", b"Words.", None, "Add --lengths"),
        ("a.txt", b" \n", "40", "is empty"),
        ("a.json", b"{}", None, "has no `data`"),
    ],
)
def test_files_that_go_wrong_are_named_with_the_place(
    name: str, data: bytes, lengths: str | None, said: str, tmp_path: Path
) -> None:
    """Before anything is sent."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UsageError, match=said) as caught:
        make_bodies(TARGET, Wish(path, parse_lengths(lengths) if lengths else None), 5)
    assert str(path) in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Said as the system says it."""
    with pytest.raises(UsageError, match="No such file"):
        make_bodies(TARGET, Wish(tmp_path / "no.jsonl"), 5)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=300))
def test_groups_cover_every_length_and_do_not_overlap(words: list[int]) -> None:
    """Each request is in the group whose span has its length."""
    made = Bodies("x", [b"%d" % number for number in range(len(words))], words).groups()
    assert len(made.of) == len(words)
    assert len(made.spans) <= GROUPS
    assert all(
        made.spans[group].least <= count <= made.spans[group].most for count, group in zip(words, made.of, strict=True)
    )
    assert all(left.most < right.least for left, right in pairwise(made.spans))
    assert set(Counter(made.of)) == set(range(len(made.spans)))


def test_lengths_that_are_nearly_the_same_are_one_group() -> None:
    """Questions differ by a word or two; that is no other length."""
    words = [16 + place % 4 for place in range(90)] + [256 + place % 4 for place in range(90)]
    made = Bodies("x", [b""] * 180, words).groups()
    assert [(span.least, span.most) for span in made.spans] == [(16, 19), (256, 259)]


SERVED = {
    "text-classification": {"inputs": "I like it."},
    "fill-mask": {"inputs": "Paris is the <mask> of France."},
    "text-ranking": {"inputs": {"query": "Who?", "texts": ["a", "b"]}},
    "zero-shot-classification": {"inputs": "a", "parameters": {"candidate_labels": ["x"]}},
}


def wish(task: str, file: Path | None = None, lengths: str = "") -> Wish:
    """What is sent to a server of that task."""
    served = {"model": {"tasks": [task]}, "example": SERVED[task]}
    return wish_of(served, Wish(file, parse_lengths(lengths) if lengths else None))


@pytest.mark.parametrize("task", SERVED)
def test_a_server_gets_its_own_example(task: str) -> None:
    """As it is."""
    made = make_bodies(TARGET, wish(task), 5)
    assert sent(made) == [SERVED[task]]
    assert made.source == "one short example"


def test_texts_of_chosen_lengths_go_where_the_task_has_texts() -> None:
    """Queries, labels and the mask stay."""
    (ranked,) = sent(make_bodies(TARGET, wish("text-ranking", lengths="30"), 1))
    assert ranked["inputs"]["query"] == "Who?"  # type: ignore[index]
    assert [len(text.split()) for text in ranked["inputs"]["texts"]] == [30, 30]  # type: ignore[index]
    (masked,) = sent(make_bodies(TARGET, wish("fill-mask", lengths="30"), 1))
    assert masked["inputs"].startswith("Paris is the <mask> of France. ")  # type: ignore[index]
    chosen = sent(make_bodies(TARGET, wish("zero-shot-classification", lengths="uniform:5-9"), 20))
    assert len(chosen) == 20
    assert all(one["parameters"] == {"candidate_labels": ["x"]} for one in chosen)  # type: ignore[index]


@pytest.mark.parametrize("task", SERVED)
def test_labeled_examples_are_sent_without_their_labels(task: str) -> None:
    """The samples of docs/tasks.md."""
    file = Path(__file__).parents[2] / "examples" / "data" / f"{task}.jsonl"
    made = make_bodies(TARGET, wish(task, file), 5)
    assert len(made.requests) >= 20
    for body in sent(made):
        assert set(body) == {"inputs", "parameters"}  # type: ignore[call-overload]
        assert not isinstance(body["inputs"], dict) or "label" not in body["inputs"]  # type: ignore[index]
