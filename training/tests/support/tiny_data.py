"""A SQuAD file of a few articles, in the words of the tiny tokenizer."""

import json
from pathlib import Path

PLACES = ("north", "south", "east", "west", "river", "city", "king", "queen", "world", "war", "people", "country")


def write_squad(path: Path, articles: int = 4, paragraphs: int = 3) -> Path:
    """`articles` × `paragraphs` × 2 questions. Each paragraph has its own number, which is the answer to the first."""
    data = []
    for article in range(articles):
        parts = []
        for number in range(paragraphs):
            year = str(1000 + 10 * article + number)
            place = PLACES[(article * paragraphs + number) % len(PLACES)]
            context = f"The old {place} was first built in {year}. It is known as the great {place}, near a small city."
            asked = [(f"When was the {place} built?", year), (f"What is the {place} known as?", f"great {place}")]
            qas = [
                {
                    "id": f"{article}-{number}-{which}",
                    "question": question,
                    "answers": [{"text": answer, "answer_start": context.index(answer)}],
                }
                for which, (question, answer) in enumerate(asked)
            ]
            parts.append({"context": context, "qas": qas})
        data.append({"title": f"Article {article}", "paragraphs": parts})
    path.write_text(json.dumps({"version": "1.1", "data": data}), encoding="utf-8")
    return path
