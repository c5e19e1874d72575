"""What golden answers were asked for: passages, parameters and long contexts, shared by the script and the tests."""

import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

GOLDEN = Path(__file__).parents[1] / "golden"
MODELS = Path(__file__).parents[2] / "models"
MODEL = MODELS / "minilm-squad"
"""The embedded model's checkpoint: fp16 weights, computed in fp32."""
SQUAD_MODEL = MODELS / "minilm-squad-1"
"""Its predecessor, of which SQuAD's answers are known: asking the pipeline again takes more than an hour."""

GRID: Mapping[str, dict[str, Any]] = {
    "default": {},
    "top_k 3": {"top_k": 3},
    "top_k 30": {"top_k": 30},
    "impossible": {"handle_impossible_answer": True},
    "impossible, top_k 5": {"handle_impossible_answer": True, "top_k": 5},
    "tokens": {"align_to_words": False},
    "tokens, top_k 4": {"align_to_words": False, "top_k": 4},
    "one token": {"max_answer_len": 1},
    "four tokens, top_k 2": {"max_answer_len": 4, "top_k": 2},
    "long answers": {"max_answer_len": 60, "max_seq_len": 512, "doc_stride": 200},
    "small windows": {"max_seq_len": 64, "doc_stride": 16},
    "tiny windows": {"max_seq_len": 40, "doc_stride": 8, "top_k": 3, "handle_impossible_answer": True},
    "no overlap": {"max_seq_len": 48, "doc_stride": 0, "top_k": 2},
    "tiny windows, tokens": {"max_seq_len": 44, "doc_stride": 13, "align_to_words": False, "top_k": 5},
    "max_question_len": {"max_question_len": 4},
}
"""Name → parameters of the pipeline."""

LONG_GRID: Mapping[str, dict[str, Any]] = {
    "default": {},
    "top_k 10": {"top_k": 10},
    "small windows": {"max_seq_len": 128, "doc_stride": 32, "handle_impossible_answer": True, "top_k": 4},
}
LONG_WORDS = 5_500


class Asked(NamedTuple):
    """One question with its parameters; `key` names it in the golden file."""

    key: str
    question: str
    context: str
    parameters: dict[str, Any]


def passages() -> list[dict[str, Any]]:
    """name, context and questions of each passage of tests/golden/passages.json."""
    found: list[dict[str, Any]] = json.loads((GOLDEN / "passages.json").read_text(encoding="utf-8"))["passages"]
    return found


def short() -> Iterator[Asked]:
    """Every question on its passage with every set of the grid."""
    for passage in passages():
        yield from about(passage)


def about(passage: Mapping[str, Any]) -> Iterator[Asked]:
    """The questions of one passage."""
    for number, question in enumerate(passage["questions"]):
        for name, parameters in GRID.items():
            yield Asked(f"{passage['name']}/{number}/{name}", question, passage["context"], parameters)


def long() -> Iterator[Asked]:
    """Questions on two contexts of more than 5,000 words, in which everything is said several times over."""
    for seed in (1, 2):
        context, questions = long_context(seed)
        for number, question in enumerate(questions):
            for name, parameters in LONG_GRID.items():
                yield Asked(f"long {seed}/{number}/{name}", question, context, parameters)


def long_context(seed: int) -> tuple[str, list[str]]:
    """Passages of all scripts in random order, again and again with other numbers, and questions on some of them."""
    rng = random.Random(seed)
    parts: list[str] = []
    words = round_ = 0
    while words < LONG_WORDS:
        for passage in rng.sample(passages(), len(passages())):
            text = _other_numbers(passage["context"], round_)
            parts.append(text)
            words += len(text.split())
        round_ += 1
    asked = [passage["questions"][0] for passage in rng.sample(passages(), 6)]
    return "\n\n".join(parts), [*asked, "Who is the captain?", "Who was the first pilot?"]


def _other_numbers(text: str, more: int) -> str:
    return re.sub(r"\d+", lambda found: str(int(found[0]) + more), text)
