"""The sixty questions on real documents."""

import json
from pathlib import Path

from mooring.quality.squad import read_squad
from mooring_training.questions import read_questions

FILE = Path(__file__).parents[1] / "data" / "documents.json"


def test_the_file_is_what_its_page_says() -> None:
    """60 questions, 20 without an answer, read by moor eval; each document has a source and a license."""
    questions = read_questions(FILE)
    assert (len(read_squad(FILE)), len(questions)) == (60, 60)
    assert len({one.id for one in questions}) == 60
    assert sum(not one.answerable for one in questions) == 20
    documents = json.loads(FILE.read_text(encoding="utf-8"))["data"]
    assert all(document["source"] and document["license"] for document in documents)
    assert max(len(document["paragraphs"][0]["context"].split()) for document in documents) <= 3000


def test_every_accepted_answer_is_in_its_document() -> None:
    """At its offset."""
    for document in json.loads(FILE.read_text(encoding="utf-8"))["data"]:
        for paragraph in document["paragraphs"]:
            for entry in paragraph["qas"]:
                assert entry["is_impossible"] is (not entry["answers"])
                for answer in entry["answers"]:
                    start = answer["answer_start"]
                    assert paragraph["context"][start : start + len(answer["text"])] == answer["text"], entry["id"]
