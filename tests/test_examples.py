"""The examples: what the script makes of documents, and that the data fit together."""

import json
from pathlib import Path

import pytest
from examples.ask_folder import Passage, best, passages, text_of_html

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_the_questions_are_on_the_passages() -> None:
    """Labels are at their offsets, the lines ask the same questions, and each passage is a file."""
    squad = json.loads((EXAMPLES / "data" / "question-answering.json").read_text(encoding="utf-8"))
    asked = []
    for article in squad["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            assert (EXAMPLES / "passages" / f"{article['title']}.txt").read_text(encoding="utf-8").strip() == context
            for question in paragraph["qas"]:
                asked.append({"question": question["question"], "context": context})
                for answer in question["answers"]:
                    assert context[answer["answer_start"] :].startswith(answer["text"])
    lines = (EXAMPLES / "data" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == asked


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One <b>two</b>.</p><p>Three</p>", ["One two.", "Three"]),
        ("<head><title>x</title></head><script>a < b</script>Seen&amp;heard", ["Seen&heard"]),
        ("<ul><li>One\n line<li>Two</ul>", ["One line", "Two"]),
        ("<head><title>x</title><body>The end tag of head may be left out", ["The end tag of head may be left out"]),
        ("</style><script>x</script>Seen", ["Seen"]),
    ],
)
def test_a_pages_text_is_what_a_browser_shows(source: str, text: list[str]) -> None:
    """Without scripts and styles, with a paragraph for each block."""
    assert [part.strip() for part in text_of_html(source).split("\n\n") if part.strip()] == text


def test_documents_are_split_at_empty_lines(tmp_path: Path) -> None:
    """Other files are left out."""
    (tmp_path / "a.txt").write_text("One.\n \nTwo\nthree.\n\n\n", encoding="utf-8")
    (tmp_path / "b.HTML").write_text("<p>Four.</p>", encoding="utf-8")
    (tmp_path / "c.png").write_bytes(b"x")
    assert [one.text for one in passages(tmp_path)] == ["One.", "Two\nthree.", "Four."]


def test_of_many_passages_those_with_the_rare_words_are_read() -> None:
    """A word that is everywhere counts nothing."""
    found = [Passage(Path("a"), f"The cat number {number}") for number in range(9)] + [Passage(Path("a"), "The key")]
    assert [one.text for one in best("Who has the key", found, 1)] == ["The key"]
    assert best("Who has the key", found, 10) == found
