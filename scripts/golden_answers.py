"""Write tests/golden/answers.json and squad-dev.json: answers of transformers' question-answering pipeline.

Run once, in a separate environment, because transformers 5.3 removed this pipeline (Mooring is not needed there):

    pip install torch==2.13.0 'transformers==4.57.*' numpy
    python scripts/golden_answers.py [--squad FOLDER/dev-v1.1.json]

Answers are stored as [score, start, end]; the text is the context between the two. null is a question on which the
pipeline fails (its tokenizer panics if a question leaves less room than doc_stride). SQuAD's answers are keyed by
question id and contain no text from SQuAD.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import pipeline

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.golden_questions import GOLDEN, MODEL, SQUAD_MODEL, Asked, long, short  # noqa: E402


def main() -> None:
    """Ask all questions one by one, so that neither batching nor padding affects the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    write("answers.json", MODEL, [*short(), *long()])
    if options.squad:
        write("squad-dev.json", SQUAD_MODEL, squad(options.squad))


def squad(path: Path) -> list[Asked]:
    """All questions of the file, with the default parameters."""
    return [
        Asked(question["id"], question["question"], paragraph["context"], {})
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def ask(model: Path, questions: Iterable[Asked]) -> dict[str, list[list[float]] | None]:
    """Key → answers, best first."""
    answering = pipeline("question-answering", model=str(model), dtype=torch.float32, device=-1)
    found: dict[str, list[list[float]] | None] = {}
    began = time.monotonic()
    for asked in questions:
        found[asked.key] = answer(answering, asked)
        if len(found) % 500 == 0:
            print(f"{len(found)} questions, {time.monotonic() - began:.0f} s", flush=True)
    return found


def answer(answering: Any, asked: Asked) -> list[list[float]] | None:
    """Answers to one question, best first; None if the pipeline fails."""
    try:
        said = answering(question=asked.question, context=asked.context, **asked.parameters)
    except BaseException as error:  # pyo3's PanicException is no Exception
        if type(error).__name__ != "PanicException":
            raise
        return None
    answers = said if isinstance(said, list) else [said]
    for one in answers:
        assert one["answer"] == asked.context[one["start"] : one["end"]], asked.key
    return [[float(f"{one['score']:.9g}"), int(one["start"]), int(one["end"])] for one in answers]


def write(name: str, model: Path, questions: Iterable[Asked]) -> None:
    """Write a line per question, for readable diffs."""
    answers = ask(model, questions)
    lines = ",\n".join(f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value)}" for key, value in answers.items())
    head = {"transformers": transformers.__version__, "torch": torch.__version__, "model": model.name}
    (GOLDEN / name).write_text(f'{json.dumps(head)[:-1]}, "answers": {{\n{lines}\n}}}}\n', encoding="utf-8")
    print(f"{name}: {len(answers)} questions")


if __name__ == "__main__":
    main()
