"""Say how each task's requests and answers look as tensors, for `protocols/open_inference.py`.

The first dimension of every tensor is the number of the request. Where requests have answers of different numbers (such
as entities), these are concatenated, and the output `batch_index` has the request of each, from 0.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mooring.errors import InvalidRequest, echo
from mooring.tasks.base import TaskSpec
from mooring.web.tensors import Datatype, Texts, Values

BATCH_INDEX = "batch_index"
CANDIDATES = "candidate_labels"
"""Labels of the request, which are a parameter of the task and may also be a tensor."""

Columns = Mapping[str, Datatype]


@dataclass(frozen=True, slots=True)
class Form:
    """One task's tensors."""

    inputs: tuple[str, ...]
    """Required inputs; all are BYTES."""
    outputs: Columns
    """Outputs of a request without parameters."""
    optional: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Inputs with a list of texts for each request: shape [requests, texts], or [texts] for one request."""
    wide: bool = False
    """Whether outputs other than `batch_index` have a second dimension."""

    @property
    def known(self) -> tuple[str, ...]:
        """All inputs."""
        return tuple(dict.fromkeys((*self.inputs, *self.optional, *self.lists)))


SPAN: Columns = {"answer": "BYTES", "score": "FP32", "start": "INT32", "end": "INT32"}
ENTITY: Columns = {"score": "FP32", "word": "BYTES", "start": "INT32", "end": "INT32", BATCH_INDEX: "INT32"}
MASK: Columns = {"score": "FP32", "token": "INT32", "token_str": "BYTES", "sequence": "BYTES"}
FORMS: Mapping[str, Form] = {
    "question-answering": Form(("question", "context"), SPAN, lists=("contexts",)),
    "text-classification": Form(("text",), {"label": "BYTES", "score": "FP32"}, ("text_pair",)),
    "zero-shot-classification": Form(
        ("text", CANDIDATES), {"labels": "BYTES", "scores": "FP32"}, lists=(CANDIDATES,), wide=True
    ),
    "token-classification": Form(("text",), {"entity": "BYTES", "index": "INT32", **ENTITY}),
    "fill-mask": Form(("text",), {**MASK, "mask_index": "INT32", BATCH_INDEX: "INT32"}),
    "text-ranking": Form(("query", "texts"), {"index": "INT32", "score": "FP32"}, lists=("texts",), wide=True),
    "sentence-similarity": Form(("source_sentence", "sentences"), {"score": "FP32"}, lists=("sentences",), wide=True),
    "sentence-embeddings": Form(("text",), {"embedding": "FP32"}, wide=True),
    "feature-extraction": Form(("text",), {"embedding": "FP32", BATCH_INDEX: "INT32"}, wide=True),
}
"""Task → its tensors."""
NAMES = frozenset(name for form in FORMS.values() for name in form.known)
"""Inputs of all tasks."""
LISTS = frozenset(name for form in FORMS.values() for name in form.lists)


def usual(task: str, offered: Sequence[str]) -> str:
    """The task of a request that names none, given the one it is meant for: one vector for each text, if there are."""
    pooled = "sentence-embeddings"
    return pooled if task == "feature-extraction" and pooled in offered else task


def example_of(spec: TaskSpec) -> dict[str, Any]:
    """The task's example as tensors."""
    inputs, parameters = spec.example["inputs"], dict(spec.example.get("parameters", {}))
    columns = dict(inputs) if isinstance(inputs, dict) else {"text": inputs}
    if CANDIDATES in parameters:
        columns[CANDIDATES] = parameters.pop(CANDIDATES)
    tensors = []
    for name, value in columns.items():
        data = value if isinstance(value, list) else [value]
        tensors.append({"name": name, "shape": [len(data)], "datatype": "BYTES", "data": data})
    return {"inputs": tensors, **({"parameters": parameters} if parameters else {})}


# Requests


class Batch:
    """The input tensors of a request by name. The first dimension of each is the number of the text, or 1."""

    def __init__(self, tensors: Sequence[Texts]) -> None:
        """A single tensor of an unknown name is `text`. Raises InvalidRequest."""
        self._tensors = tensors
        self._places: dict[str, int] = {}
        alone = sum(one.name != CANDIDATES for one in tensors) == 1
        for place, tensor in enumerate(tensors):
            name = "text" if alone and tensor.name not in NAMES else tensor.name
            if name in self._places:
                raise InvalidRequest(f"two inputs are named {echo(name)}.", pointer=f"/inputs/{place}/name")
            self._places[name] = place

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tensors."""
        return tuple(self._places)

    def body(self, parameters: Mapping[str, object]) -> dict[str, Any]:
        """A list of requests in the format of Hugging Face's pipelines. Raises InvalidRequest."""
        given, named = dict(parameters), dict(self._places)
        if CANDIDATES in named:
            given[CANDIDATES] = list(self._tensors[named.pop(CANDIDATES)].values)
        count = max((self._tensors[place].shape[0] for name, place in named.items() if name not in LISTS), default=1)
        columns = [self._column(name, place, count) for name, place in named.items()]
        rows = [dict(zip(named, row, strict=True)) for row in zip(*columns, strict=True)]
        return {"inputs": rows, "parameters": given}

    def _column(self, name: str, place: int, count: int) -> list[Any]:
        """One value for each of `count` requests; a single text is for all of them."""
        tensor, at = self._tensors[place], f"/inputs/{place}/shape"
        width = math.prod(tensor.shape[1:])
        if name in LISTS:
            rows, width = (1, tensor.shape[0]) if len(tensor.shape) == 1 else (tensor.shape[0], width)
            if rows != count:
                raise InvalidRequest(
                    f"{rows} lists of texts for {count} requests.", pointer=at, hint=f"Send the shape [{count}, texts]."
                )
            return [list(tensor.values[row * width : (row + 1) * width]) for row in range(rows)]
        if width != 1:
            raise InvalidRequest(
                f"expected one dimension, found {list(tensor.shape)}.", pointer=at, hint=f"Send the shape [{count}]."
            )
        if tensor.shape[0] not in (1, count):
            raise InvalidRequest(
                f"{tensor.shape[0]} texts for {count} requests.", pointer=at, hint="Send as many, or one for all."
            )
        return list(tensor.values) * (count if tensor.shape[0] == 1 else 1)

    def check(self, task: str, parameters: Mapping[str, object]) -> None:
        """Raise InvalidRequest for an input that the task does not read, or one that is missing."""
        form = FORMS[task]
        inputs = f"The inputs of {task} are {', '.join(form.known)}."
        for name, place in self._places.items():
            if name not in form.known:
                shown = echo(self._tensors[place].name)
                raise InvalidRequest(f"unknown input {shown}.", pointer=f"/inputs/{place}/name", hint=inputs)
        instead = {"context": "contexts" in self._places, CANDIDATES: CANDIDATES in parameters}
        for name in form.inputs:
            if name not in self._places and not instead.get(name):
                raise InvalidRequest(f"missing the input `{name}`.", pointer="/inputs", hint=inputs)

    def pointer(self, pointer: str) -> str:
        """The place of an error, given a JSON pointer into the body."""
        if pointer.startswith(f"/parameters/{CANDIDATES}") and CANDIDATES in self._places:
            return f"/inputs/{self._places[CANDIDATES]}" + pointer.removeprefix(f"/parameters/{CANDIDATES}")
        found = re.fullmatch(r"/inputs/(\d{1,9})/(\w+)(?:/(\d{1,9}))?", pointer)
        if found is None or found[2] not in self._places:
            return pointer
        tensor = self._tensors[place := self._places[found[2]]]
        row, column = int(found[1]), int(found[3] or 0)
        if found[2] not in LISTS:
            number = row
        else:
            number = column if len(tensor.shape) == 1 else row * math.prod(tensor.shape[1:]) + column
        return f"/inputs/{place}/data/{min(number, len(tensor.values) - 1)}"


# Answers


def outputs_of(task: str, parameters: Mapping[str, Any], names: Sequence[str]) -> Columns:
    """The outputs of a request with these parameters and inputs."""
    found = dict(FORMS[task].outputs)
    if task == "question-answering":
        if "contexts" in names:
            found["context_index"] = "INT32"
        top_k = parameters.get("top_k", parameters.get("topk"))
        if isinstance(top_k, int) and top_k > 1:
            found[BATCH_INDEX] = "INT32"
    if task == "token-classification" and str(parameters.get("aggregation_strategy") or "none").lower() != "none":
        found = {"entity_group": "BYTES", **ENTITY}
    if task == "text-ranking" and parameters.get("return_text"):
        found["text"] = "BYTES"
    return found


def values_of(columns: Columns, answers: Sequence[Any]) -> Iterator[Values]:
    """The outputs, given the answer to each request."""
    if "embedding" in columns:
        yield from _vectors(columns, answers)
        return
    first = answers[0]
    if BATCH_INDEX in columns:
        rows = [row for number, answer in enumerate(answers) for row in _rows(answer, number)]
        shape: tuple[int, ...] = (len(rows),)
    elif isinstance(first, list) and first and isinstance(first[0], dict):
        rows, shape = [row for answer in answers for row in answer], (len(answers), len(first))
    else:
        rows, shape = list(answers), (len(answers),)
    for name, datatype in columns.items():
        values = [row if not isinstance(row, dict) else row.get(name) for row in rows]
        if values and isinstance(values[0], list | np.ndarray):  # one list for each request
            parts: list[Any] = [part for value in values for part in value or ()]
            yield Values(name, datatype, (*shape, len(values[0])), parts)
        else:
            yield Values(name, datatype, shape, _without_none(values, datatype))


def _without_none(values: list[Any], datatype: Datatype) -> list[Any]:
    """-1 for places that "no answer" lacks."""
    return [-1 if value is None else value for value in values] if datatype == "INT32" else values


def _rows(answer: Any, number: int) -> Iterator[dict[str, Any]]:
    """The objects of one answer, with the number of its request and of the mask they are for."""
    entries = answer if isinstance(answer, list) else [answer]
    for mask, entry in enumerate(entries if entries and isinstance(entries[0], list) else [entries]):
        for row in entry:
            yield {**row, "mask_index": mask, BATCH_INDEX: number}


def _vectors(columns: Columns, answers: Sequence[Any]) -> Iterator[Values]:
    if BATCH_INDEX not in columns:
        rows = np.asarray(answers, np.float32)
        yield Values("embedding", "FP32", rows.shape, rows)
        return
    parts = [np.asarray(answer, np.float32).reshape(-1, np.shape(answer)[-1]) for answer in answers]
    joined = np.concatenate(parts)
    yield Values("embedding", "FP32", joined.shape, joined)
    yield Values(
        BATCH_INDEX, "INT32", (len(joined),), np.repeat(np.arange(len(parts), dtype=np.int32), [len(p) for p in parts])
    )
