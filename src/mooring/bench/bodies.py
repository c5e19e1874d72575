"""Prepare the requests to send, from a file or a distribution of lengths. Called by `moor bench`.

Requests are made before the clock starts, shuffled with a seed, and sent equally often: a cache in the server must not
improve the figures unnoticed.
"""

import functools
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from mooring.bench.exchange import post_bytes
from mooring.bench.lengths import QUESTIONS, TEXT, Lengths, Writer, sentences_of
from mooring.client import encode
from mooring.errors import UsageError, echo
from mooring.quality.examples import load
from mooring.quality.squad import Question, read_squad
from mooring.target import Target
from mooring.tasks import TASKS
from mooring.tasks.fill_mask import FILL_MASK
from mooring.tasks.question_answering import QUESTION_ANSWERING

MOST_MADE, MOST_MADE_WORDS = 20_000, 6_000_000
"""Most texts of chosen lengths, and most words in total (about 40 MB); a longer run starts over."""
GROUPS = 12
"""Number of groups of similar length, for latency over length."""
APART = 1.2
"""Smallest ratio of the fewest words of one group to those of the next."""
LINES = (".jsonl", ".ndjson")
TEXTS = (".txt", ".md")

SAMPLE = Question(
    id="sample",
    question="What keeps the ship from drifting away?",
    context=" ".join(sentences_of(TEXT)[:2]),
    answers=(),
)
"""Sent by default."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """Requests, ready to send, in order."""

    source: str
    """Short description of the source."""
    requests: list[bytes]
    words: list[int]
    """Number of words of each request's strings."""

    @property
    def distinct(self) -> int:
        """Number of distinct requests."""
        return len(set(self.requests))

    def groups(self) -> "Groups":
        """At most GROUPS ranges of length, with similar numbers of requests if lengths are spread evenly."""
        values = sorted(self.words)
        starts = [values[0]]
        for place in range(1, GROUPS):
            edge = values[len(values) * place // GROUPS]
            if edge > APART * starts[-1]:
                starts.append(edge)
        edges = starts[1:]
        number = {count: sum(edge <= count for edge in edges) for count in set(values)}
        ends = [max(count for count, group in number.items() if group == place) for place in range(len(starts))]
        of = [number[count] for count in self.words]
        means = [
            _mean([words for words, at in zip(self.words, of, strict=True) if at == place])
            for place in range(len(starts))
        ]
        return Groups(of, [Span(*span) for span in zip(starts, ends, means, strict=True)])


@dataclass(frozen=True, slots=True)
class Groups:
    """Requests by length."""

    of: list[int]
    """Group number of each request."""
    spans: "list[Span]"
    """Range of word counts of each group."""


class Span(NamedTuple):
    """The numbers of words in a group."""

    least: int
    most: int
    mean: float


@dataclass(frozen=True, slots=True)
class Wish:
    """The bodies that a user asked for, and what the server takes."""

    file: Path | None = None
    lengths: Lengths | None = None
    seed: int = 0
    tasks: tuple[str, ...] = ()
    """The tasks of the model, its own first; () if unknown, which stands for question answering."""
    example: Mapping[str, Any] | None = None
    """A body that the model answers."""

    @property
    def answering(self) -> bool:
        """Whether requests are questions."""
        return not self.tasks or self.tasks[0] == QUESTION_ANSWERING.name or self.example is None


def wish_of(served: Mapping[str, Any], wish: Wish) -> Wish:
    """The wish, with what the server's /info says."""
    model, example = served.get("model"), served.get("example")
    names = (model.get("tasks") or ()) if isinstance(model, Mapping) else ()
    tasks = tuple(name for name in names if name in TASKS)
    return replace(wish, tasks=tasks, example=example if isinstance(example, dict) and "inputs" in example else None)


def make_bodies(target: Target, wish: Wish, count: int) -> Bodies:
    """The requests, shuffled; at most `count` of chosen lengths, else all in the file.

    Raises UsageError naming the invalid place of a file.
    """
    chance = random.Random(wish.seed)  # noqa: S311 - an order, not a secret
    if wish.lengths is not None:
        return _of_lengths(target, wish, wish.lengths, chance, min(count, MOST_MADE))
    if wish.file is None:
        if not wish.answering:
            return _from(target, "one short example", [_counted(wish.example)])
        return _from(target, "one short question", [(_body(SAMPLE.question, SAMPLE.context), _words_of(SAMPLE))])
    if wish.file.suffix.lower() in TEXTS:
        raise UsageError(
            f"{wish.file} is plain text, which needs --lengths to set the length of the contexts.",
            hint="Add --lengths, such as --lengths uniform:50-400.",
        )
    if (labelled := _labelled(wish.file, wish.tasks)) is not None:
        found = labelled
    elif wish.file.suffix.lower() in LINES:
        found = _read_lines(wish.file)
    else:
        questions = read_squad(wish.file, labelled=False)
        found = [(_body(question.question, question.context), _words_of(question)) for question in questions]
    return _from(target, wish.file.name, chance.sample(found, len(found)))


def _from(target: Target, source: str, bodies: Sequence[tuple[bytes, int]]) -> Bodies:
    return Bodies(source, [post_bytes(target, body) for body, _ in bodies], [words for _, words in bodies])


def _body(question: str, context: str) -> bytes:
    return encode({"question": question, "context": context})


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def _words_of(question: Question) -> int:
    return len(question.question.split()) + len(question.context.split())


def _counted(body: Any) -> tuple[bytes, int]:
    """A body with its number of words."""
    return json.dumps(body).encode(), sum(len(text.split()) for text in _strings(body))


def _labelled(file: Path, tasks: Sequence[str]) -> list[tuple[bytes, int]] | None:
    """The requests of a file with labels for one of the tasks; None for another file."""
    for name in tasks:
        known = TASKS[name].labelled
        if name != QUESTION_ANSWERING.name and known.scored and (found := known.read(file, load(file, known)[1])):
            return [_counted({"inputs": one.body, "parameters": dict(one.parameters)}) for one in found]
    return None


def _of_lengths(target: Target, wish: Wish, lengths: Lengths, chance: random.Random, count: int) -> Bodies:
    """Distinct texts of random lengths from the file's sentences, with its questions."""
    sentences, questions = _material(wish.file)
    writer = Writer(sentences, chance)
    made: dict[bytes, int] = {}
    left = MOST_MADE_WORDS
    for _ in range(2 * count):  # few words allow few distinct texts
        words = lengths.sample(chance)
        if wish.answering:
            asked, text = chance.choice(questions), writer.write(words)
            made[_body(asked, text)] = len(asked.split()) + len(text.split())
            left -= words
        else:
            body, total = _filled(wish, functools.partial(writer.write, words))
            made[body] = total
            left -= total
        if len(made) == count or left < 0:
            break
    source = wish.file.name if wish.file else "the built-in text"
    return _from(target, f"{lengths.said} words from {source}", list(made.items()))


def _filled(wish: Wish, write: Callable[[], str]) -> tuple[bytes, int]:
    """The server's example with other texts; a query, or a sentence to compare with, stays."""
    example = dict(wish.example or {})
    inputs = example["inputs"]
    if isinstance(inputs, dict):
        last = [*inputs][-1]
        value = inputs[last]
        example["inputs"] = {**inputs, last: [write() for _ in value] if isinstance(value, list) else write()}
    elif wish.tasks[0] == FILL_MASK.name:
        example["inputs"] = f"{inputs} {write()}"  # the example has the mask
    else:
        example["inputs"] = write()
    return _counted(example)


def _material(file: Path | None) -> tuple[list[str], Sequence[str]]:
    """Sentences and questions."""
    if file is None:
        return sentences_of(TEXT), QUESTIONS
    if file.suffix.lower() in LINES:
        raise UsageError(
            f"{file} contains complete requests, whose length is fixed.",
            hint="Remove --lengths, or use a SQuAD JSON or text file.",
        )
    if file.suffix.lower() in TEXTS:
        sentences = sentences_of(_text(file))
        if not sentences:
            raise UsageError(f"{file} is empty.", hint="Use a text file with some words.")
        return sentences, QUESTIONS
    found = read_squad(file, labelled=False)
    contexts = dict.fromkeys(question.context for question in found)
    return [sentence for context in contexts for sentence in sentences_of(context)], [one.question for one in found]


def _read_lines(file: Path) -> list[tuple[bytes, int]]:
    """Each line is a request body, sent unchanged."""
    found = []
    for number, line in enumerate(_text(file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{file}, line {number} is not valid JSON: {echo(line)}.",
                hint='Each line must be a complete request, such as {"inputs": {"question": "…", "context": "…"}}.',
            ) from error
        found.append((line.strip().encode(), sum(len(text.split()) for text in _strings(body))))
    if not found:
        raise UsageError(f"{file} contains no requests.", hint="Each line must be a complete request.")
    return found


def _strings(value: Any) -> Iterable[str]:
    """Every text in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from _strings(inside)


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        hint = "Check that the file exists and is readable."
        raise UsageError(f"Cannot read {file}: {error.strerror or error}.", hint=hint) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not valid UTF-8 (byte {error.start}).", hint="Save it as UTF-8.") from error
