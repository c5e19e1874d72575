"""Every task on a small model: JSON, JSON Lines, CSV, batch transform, and the examples that a server shows."""

import csv
import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from mooring.tasks import TASKS
from tests.support.every_task import MODELS
from tests.web.modelled import Modelled, play_on

ONE_PER_ROW = {
    "question-answering": "question,context\r\nwho ?,the king lives\r\nwhat ?,the river\r\n",
    "fill-mask": "text\r\na <mask> .\r\nthe <mask> .\r\n",
    "text-classification": "text,text_pair\r\nthe king,the queen\r\nthe river,it is\r\n",
}
"""Task → CSV of two requests; others have a column of texts."""
NO_CSV = ("text-ranking", "sentence-similarity", "zero-shot-classification")
"""Tasks whose requests have lists, which CSV lacks."""


def lines_of(data: bytes) -> list[Any]:
    """Decoded JSON Lines."""
    return [json.loads(line) for line in data.decode().splitlines()]


@pytest.mark.parametrize("task", TASKS)
def test_the_shown_example_is_answered(task: str, tmp_path: Path) -> None:
    """That of GET /, of /openapi.json and of /info are the model's own."""

    async def scene(stage: Modelled) -> None:
        page = await stage.get("/")
        example = json.loads(shlex.split(page["try"])[-1])
        assert (await stage.get("/info"))["example"] == example
        assert await stage.answer("/invocations", example)
        document = await stage.get("/openapi.json")
        content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]
        assert content["examples"][task]["value"] == example

    play_on(MODELS[task](tmp_path), scene, task=task)


@pytest.mark.parametrize("task", ["text-ranking", "zero-shot-classification", "sentence-similarity"])
def test_every_task_that_a_folder_offers_has_an_example_that_is_answered(task: str, tmp_path: Path) -> None:
    """By that task: the body says which one is meant."""

    async def scene(stage: Modelled) -> None:
        document = await stage.get("/openapi.json")
        content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]
        assert task in content["examples"]
        assert len(content["examples"]) > 1
        for one in content["examples"].values():
            assert await stage.answer("/invocations", one["value"])

    play_on(MODELS[task](tmp_path), scene)


@pytest.mark.parametrize("task", TASKS)
def test_each_json_line_is_answered_by_a_line(task: str, tmp_path: Path) -> None:
    """However many there are, and as the elements of a list are."""

    async def scene(stage: Modelled) -> None:
        example = (await stage.get("/info"))["example"]
        several = {**example, "inputs": [example["inputs"]] * 2}
        first, second = await stage.answer("/invocations", several)
        assert first == second
        for count in (1, 2):
            reply = await stage.post(
                "/invocations",
                (json.dumps(example) + "\n").encode() * count,
                content_type="application/jsonlines",
                accept="application/jsonlines",
            )
            assert reply.status == 200, reply.body
            assert lines_of(reply.body) == [first] * count

    play_on(MODELS[task](tmp_path), scene, task=task)


@pytest.mark.parametrize("task", [task for task in TASKS if task not in NO_CSV])
def test_rows_of_csv_are_answered_in_csv(task: str, tmp_path: Path) -> None:
    """Several results for each row have a column that says which row is meant."""
    body = ONE_PER_ROW.get(task, "text\r\nthe king lives\r\nthe river\r\n").encode()

    async def scene(stage: Modelled) -> None:
        expected = await stage.answer("/invocations", body, content_type="text/csv")
        reply = await stage.post("/invocations", body, content_type="text/csv", accept="text/csv")
        assert reply.status == 200, reply.body
        rows = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
        if isinstance(expected[0], list) and isinstance(expected[0][0], dict):
            assert [row["row"] for row in rows] == [str(n) for n, one in enumerate(expected, 1) for _ in one]
            found = [float(row["score"]) for row in rows]
            assert found == pytest.approx([entry["score"] for one in expected for entry in one])
        else:
            assert len(rows) == len(expected) == 2
        head, first = body.split(b"\r\n")[:2]
        alone = await stage.post("/invocations", head + b"\r\n" + first, content_type="text/csv", accept="text/csv")
        assert "row" not in alone.body.decode().splitlines()[0].split(",")

    play_on(MODELS[task](tmp_path), scene, task=task)


@pytest.mark.parametrize("task", TASKS)
def test_batch_transform_answers_record_by_record(task: str, tmp_path: Path) -> None:
    """As outside of a job, but a record that is invalid has an error in its line."""

    async def scene(stage: Modelled) -> None:
        example = (await stage.get("/info"))["example"]
        single, _ = await stage.answer("/invocations", {**example, "inputs": [example["inputs"]] * 2})
        lines = [json.dumps(example), '{"inputs": 7}', json.dumps(example)]
        reply = await stage.post(
            "/invocations",
            "\n".join(lines).encode(),
            content_type="application/jsonlines",
            accept="application/jsonlines",
        )
        assert reply.status == 200, reply.body
        first, bad, last = lines_of(reply.body)
        assert first == last == single
        assert bad["error"]["code"] == 400

    play_on(MODELS[task](tmp_path), scene, task=task, batch=True)


@pytest.mark.parametrize("task", [task for task in TASKS if task not in NO_CSV])
def test_rows_of_a_batch_job_are_answered_as_outside_of_it(task: str, tmp_path: Path) -> None:
    """With one more column, which has the error of a row that is invalid."""
    body = ONE_PER_ROW.get(task, "text\r\nthe king lives\r\nthe river\r\n").encode()
    kind = "text/csv"
    found: list[list[list[str]]] = []

    async def scene(stage: Modelled) -> None:
        bad = b"too,many,fields\r\n" if len(found) else b""
        reply = await stage.post("/invocations", body + bad, content_type=kind, accept=kind)
        assert reply.status == 200, reply.body
        found.append(list(csv.reader(io.StringIO(reply.body.decode(), newline=""))))

    folder = MODELS[task](tmp_path)
    play_on(folder, scene, task=task)
    play_on(folder, scene, task=task, batch=True)
    outside, (*job, last) = found
    assert job == [[*row, "error" if number == 0 else ""] for number, row in enumerate(outside)]
    assert "3 fields" in last[-1]
    assert (job[0][0] == "row") == (last[0] == "3")
