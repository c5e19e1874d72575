"""Read questions of SQuAD files with their articles and answer offsets, and hold whole articles back."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mooring.errors import UsageError
from mooring.quality.squad import read_squad


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one paragraph."""

    id: str
    question: str
    context: str
    article: str
    """Paragraphs of one article are similar; those of the held-back articles are never trained on."""
    answers: tuple[str, ...]
    """Acceptable answers; () if the paragraph has none."""
    start: int = 0
    """Character offset of the first answer."""

    @property
    def answerable(self) -> bool:
        """Whether the paragraph has an answer."""
        return bool(self.answers)


def read_questions(path: Path) -> list[Question]:
    """All questions of a SQuAD file (1.1 or 2.0), in order.

    Raises UsageError for another format, or an answer that is not at its offset.
    """
    read_squad(path)  # checks the shape, with errors that name the place
    found: list[Question] = []
    for number, article in enumerate(json.loads(path.read_text(encoding="utf-8-sig"))["data"]):
        title = str(article.get("title", f"article {number}"))
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            for entry in paragraph["qas"]:
                answers = [] if entry.get("is_impossible") is True else entry["answers"]
                identity = str(entry.get("id", len(found)))
                start = _start(path, identity, context, answers)
                texts = tuple(dict.fromkeys(answer["text"] for answer in answers))
                found.append(Question(identity, entry["question"], context, title, texts, start))
    return found


def _start(path: Path, identity: str, context: str, answers: Sequence[dict[str, object]]) -> int:
    """Offset of the first answer, 0 without one. Raises UsageError if the answer is not there."""
    if not answers:
        return 0
    text, start = str(answers[0]["text"]), answers[0].get("answer_start")
    if type(start) is not int or start < 0 or context[start : start + len(text)] != text:
        raise UsageError(
            f"{path}: question {identity!r} has the answer {text[:60]!r} with answer_start {start!r}, where its "
            "context has another text.",
            hint="answer_start counts characters (code points) of the context, from 0.",
        )
    return start


def hold_back(questions: Sequence[Question], share: float, seed: int) -> tuple[list[Question], list[Question]]:
    """(training, held back): all questions of a `share` of the articles, drawn by the seed, are held back.

    At least one article is. Articles with more than that share of all questions are never drawn: files of mixed
    paragraphs have one title. Raises UsageError if no article is small enough.
    """
    sizes = Counter(one.article for one in questions)
    names = sorted(name for name, count in sizes.items() if count <= max(share, 1 / len(sizes)) * len(questions))
    if len(sizes) < 2 or not names:
        raise UsageError(
            f"The questions come from {len(sizes)} article(s), of which none can be held back.",
            hint="Provide files with more articles, or set held_out to 0.",
        )
    count = min(max(1, round(share * len(sizes))), len(sizes) - 1)
    drawn = {names[place] for place in np.random.default_rng(seed).permutation(len(names))[:count]}
    return (
        [one for one in questions if one.article not in drawn],
        [one for one in questions if one.article in drawn],
    )


def spread(questions: Sequence[Question], count: int | None) -> list[Question]:
    """At most `count` of the questions, spread evenly; None: all."""
    if count is None or count >= len(questions):
        return list(questions)
    return [questions[place * len(questions) // count] for place in range(count)]


def digest_of(paths: Iterable[Path]) -> dict[str, str]:
    """File name → hex sha256."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
