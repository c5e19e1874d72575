"""Show the answer to a request of `moor run`, by task. An answer of an unknown shape is shown as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from mooring.cli.passage import low_score, printable
from mooring.cli.run_request import ANSWERING, CHOOSING, COMPARING, ENTITIES, LABELING, POOLED, RANKING, VECTORS

SHOWN_VALUES = 4
"""Values shown of a vector."""
WIDTH = 100
"""Most characters shown of a text."""
MASKS = "fill-mask"

Lines = list[str]
Show = Callable[[Any], Lines]
"""An answer to one input → lines. Raises KeyError, TypeError or ValueError for an answer of another shape."""


def lines_of(task: str, inputs: Any, answer: Any) -> Lines:
    """The lines for people."""
    try:
        return _lines(task, inputs, answer)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return [json.dumps(answer, ensure_ascii=False)]


def _lines(task: str, inputs: Any, answer: Any) -> Lines:
    if task in BY_REQUEST:
        return BY_REQUEST[task](inputs, answer)
    show = BY_INPUT[task]
    if not isinstance(inputs, list):
        return show(answer)
    lines: Lines = []
    for text, one in zip(inputs, answer, strict=True):
        lines += [click.style(shortened(text), bold=True), *(f"  {line}" for line in show(one))]
    return lines


def shortened(text: str) -> str:
    """A text on one line, cut to `WIDTH`."""
    line = printable(text).strip()
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def _table(rows: Sequence[tuple[float, str, str]]) -> Lines:
    """Score, name and remark in columns."""
    width = max((len(name) for _, name, remark in rows if remark), default=0)
    return [
        f"{_number(score)}  {click.style(f'{name:<{width}}', fg='green')}{f'  {remark}' if remark else ''}".rstrip()
        for score, name, remark in rows
    ]


def _number(score: float) -> str:
    return f"{score:>6.3f}"


def _labels(answer: Any) -> Lines:
    found = answer if isinstance(answer, list) else [answer]
    return _table([(one["score"], printable(one["label"]), "") for one in found])


def _choices(answer: Any) -> Lines:
    return _table(
        [(score, printable(label), "") for label, score in zip(answer["labels"], answer["scores"], strict=True)]
    )


def _entities(answer: Any) -> Lines:
    if not answer:
        return ["no entities"]
    rows = []
    for one in answer:
        label = one.get("entity_group") or one["entity"]
        rows.append((one["score"], printable(label), f"{shortened(one['word'])}  ({one['start']} to {one['end']})"))
    return _table(rows)


def _masks(answer: Any) -> Lines:
    if isinstance(answer[0], dict):
        return _table(
            [(one["score"], printable(one["token_str"]).strip(), shortened(one["sequence"])) for one in answer]
        )
    lines: Lines = []
    for number, found in enumerate(answer, 1):
        lines += [f"mask {number}", *(f"  {line}" for line in _masks(found))]
    return lines


def _vector(answer: Any) -> Lines:
    values = [float(value) for value in answer]
    more = " …" if len(values) > SHOWN_VALUES else ""
    shown = " ".join(f"{value:.4f}" for value in values[:SHOWN_VALUES])
    return [f"{len(values)} values: {shown}{more}"]


def _token_vectors(answer: Any) -> Lines:
    (tokens,) = answer
    return [f"{len(tokens)} tokens", *(f"  {line}" for token in tokens for line in _vector(token))]


def _ranked(inputs: Any, answer: Any) -> Lines:
    texts = inputs["texts"]
    width = len(str(len(answer)))
    return [
        f"{place:>{width}}. {_number(one['score']).lstrip()}  {shortened(texts[one['index']])}"
        for place, one in enumerate(answer, 1)
    ]


def _compared(inputs: Any, answer: Any) -> Lines:
    pairs = zip(answer, inputs["sentences"], strict=True)
    return [f"{_number(score)}  {shortened(sentence)}" for score, sentence in pairs]


def _answers(inputs: Any, answer: Any) -> Lines:
    texts = inputs["contexts"] if "contexts" in inputs else [inputs["context"]]
    lines: Lines = []
    answers = answer if isinstance(answer, list) else [answer]
    for one in answers:
        if not one["answer"]:
            lines.append(f"{_number(one['score'])}  No answer in this text")
            continue
        said = click.style(printable(one["answer"]).strip(), fg="green")
        where = f"INPUT {one['context_index'] + 1}, " if len(texts) > 1 else ""
        lines.append(f"{_number(one['score'])}  {said}  ({where}characters {one['start']} to {one['end']})")
        note = low_score(one["score"], "" if len(answers) > 1 else "; -p top_k=3 shows them")
        if note and one is answers[0]:
            lines.append(f"        {click.style(note, fg='yellow')}")
    return lines


BY_INPUT: Mapping[str, Show] = {
    LABELING: _labels,
    CHOOSING: _choices,
    ENTITIES: _entities,
    MASKS: _masks,
    POOLED: _vector,
    VECTORS: _token_vectors,
}
"""Tasks that answer each text."""

BY_REQUEST: Mapping[str, Callable[[Any, Any], Lines]] = {
    RANKING: _ranked,
    COMPARING: _compared,
    ANSWERING: _answers,
}
"""Tasks that answer all texts together: (inputs, answer) → lines."""
