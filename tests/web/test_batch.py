"""Batch transform: many records in a body, bad ones among them, a full queue, and bodies of nothing but records."""

import asyncio
import csv
import io
import json

import pytest

from mooring.engine.limits import Limits
from mooring.settings import Settings
from mooring.web.batch import AT_ONCE, MESSAGE_LIMIT
from mooring.web.limits import WebLimits
from mooring.web.records import check_count
from tests.engine.running import until
from tests.support.asgi import Client
from tests.web.site import PAIR, Site, play

BATCH = WebLimits(batch=True, max_records=250_000)
GOOD = json.dumps(PAIR)
TOKENS = len(PAIR["question"] + PAIR["context"])
LINES = "application/jsonlines"


def lines(*records: str) -> bytes:
    """A body."""
    return "\n".join(records).encode()


def test_one_bad_line_is_an_error_line_and_the_others_are_answered() -> None:
    """In order: not JSON, a missing field, a wrong type."""

    async def scene(stage: Site) -> None:
        body = lines(GOOD, "{", GOOD, '{"question": "q"}', "[]", GOOD)
        reply = await stage.ask(body, content_type=LINES, accept=LINES)
        assert reply.status == 200
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert [entry.get("answer") for entry in found] == ["Ada", None, "Ada", None, None, "Ada"]
        errors = [entry["error"] for entry in found if "error" in entry]
        assert [error["code"] for error in errors] == [400, 400, 400]
        assert errors[0]["message"].startswith("Line 2: ")
        assert reply.headers["x-mooring-failed-records"] == "3"
        assert (reply.headers["x-mooring-windows"], reply.headers["x-mooring-tokens"]) == ("3", str(3 * TOKENS))
        assert "x-truncated" not in reply.headers
        assert int(reply.headers["content-length"]) == len(reply.body)

    play(scene, BATCH)


def test_a_bad_row_of_csv_is_an_error_row() -> None:
    """With a column for errors after those of answers."""

    async def scene(stage: Site) -> None:
        body = b"question,context\r\nWho?,Ada wrote it.\r\nWho?\r\nWho?,\r\n"
        reply = await stage.ask(body, content_type="text/csv", accept="text/csv")
        rows = reply.body.decode().splitlines()
        assert rows[0] == "score,start,end,answer,error"
        assert rows[1].endswith("Ada,")
        assert [row.startswith(",,,,") for row in rows[1:]] == [False, True, True]
        assert "has 1 fields" in rows[2]

    play(scene, BATCH)


def test_lines_may_have_parameters_of_their_own() -> None:
    """Each is a request."""

    async def scene(stage: Site) -> None:
        two = json.dumps({"inputs": PAIR, "parameters": {"top_k": 2}})
        reply = await stage.ask(lines(two, GOOD), content_type=LINES, accept=LINES)
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert [len(found[0]), found[1]["answer"]] == [2, "Ada"]

    play(scene, BATCH)


@pytest.mark.parametrize("count", [1, 2])
def test_as_many_lines_come_back_as_went_in(count: int) -> None:
    """One as well."""

    async def scene(stage: Site) -> None:
        two = json.dumps({"inputs": PAIR, "parameters": {"top_k": 2}})
        reply = await stage.ask(lines(*[two] * count), content_type=LINES, accept=LINES)
        assert len(reply.body.splitlines()) == count

    play(scene, BATCH)


def test_a_full_queue_is_waited_for() -> None:
    """Never a 429: a job would fail of it."""

    async def scene(stage: Site) -> None:
        body = lines(*[GOOD] * 60)
        reply = await stage.ask(body, content_type=LINES, accept=LINES)
        assert reply.status == 200
        assert {json.loads(line)["answer"] for line in reply.body.splitlines()} == {"Ada"}
        assert stage.sample("mooring_refused_total", reason="queue_full") > 0

    play(scene, BATCH, Limits(max_queue_s=0))


def test_a_bad_record_fails_the_body_outside_of_batch_jobs() -> None:
    """The strict switch, and real-time endpoints: nothing of it is answered."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(lines(GOOD, "{"), content_type=LINES)
        assert (reply.status, reply.json["type"]) == (400, "InvalidRequest")

    play(scene, WebLimits())


def test_a_failed_batch_of_the_engine_is_that_records_error() -> None:
    """500 in its own line."""

    async def scene(stage: Site) -> None:
        stage.backend.poison = lambda window: len(window) > 40
        long = json.dumps({"question": "Who?", "context": "Ada wrote it. " * 10})
        reply = await stage.ask(lines(GOOD, long), content_type=LINES, accept=LINES)
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert found[0]["answer"] == "Ada"
        assert (found[1]["error"]["code"], found[1]["error"]["type"]) == (500, "BackendError")

    play(scene, BATCH)


def test_a_header_that_names_no_column_fails_the_body() -> None:
    """Then no record can be told apart."""

    async def scene(stage: Site) -> None:
        assert (await stage.ask(b"a,b\r\n1,2\r\n", content_type="text/csv")).status == 400

    play(scene, BATCH)


def test_a_record_at_fault_is_told_by_its_line_or_row() -> None:
    """Also where the task finds the fault."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(lines(GOOD, '{"question": "q"}'), content_type=LINES, accept=LINES)
        assert "Line 2, /context: " in reply.body.decode()
        body = b"question,context\r\nWho?,Ada wrote it.\r\nWho?,\r\n"
        reply = await stage.ask(body, content_type="text/csv", accept="text/csv")
        assert "Row 2 (line 3), column context: " in reply.body.decode()

    play(scene, BATCH)


def test_the_columns_of_csv_do_not_depend_on_the_records() -> None:
    """The parts of a job's output fit together: `error` is there also when nothing failed."""

    async def scene(stage: Site) -> None:
        for row in ("Who?,Ada wrote it.", "Who?"):
            body = f"question,context\r\nWho?,Ada wrote it.\r\n{row}\r\n".encode()
            reply = await stage.ask(body, content_type="text/csv", accept="text/csv")
            assert reply.body.splitlines()[0] == b"score,start,end,answer,error"

    play(scene, BATCH)


def test_several_answers_of_a_record_are_several_rows() -> None:
    """All rows then say which record they belong to, also the error of one."""

    async def scene(stage: Site) -> None:
        two = json.dumps({"inputs": PAIR, "parameters": {"top_k": 2}})
        reply = await stage.ask(lines(GOOD, two, "{"), content_type=LINES, accept="text/csv")
        found = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
        assert [(row["row"], row["answer"]) for row in found] == [("1", "Ada"), ("2", "Ada"), ("2", ""), ("3", "")]
        assert [bool(row["error"]) for row in found] == [False, False, False, True]


def test_a_record_whose_answer_does_not_fit_into_csv_has_an_error() -> None:
    """As one with several answers to each of several questions; the others have their answers."""

    async def scene(stage: Site) -> None:
        deep = json.dumps({"inputs": [PAIR, PAIR], "parameters": {"top_k": 2}})
        reply = await stage.ask(lines(GOOD, deep), content_type=LINES, accept="text/csv")
        first, second = reply.body.decode().splitlines()[1:]
        assert first.endswith("Ada,")
        assert "NotAcceptable" in second

    play(scene, BATCH)


def test_an_unexpected_failure_is_that_records_error() -> None:
    """Without its words, which may repeat the text."""

    async def scene(stage: Site) -> None:
        crash = json.dumps({"question": "Who?", "context": "crash secretly"})
        reply = await stage.ask(lines(GOOD, crash, GOOD), content_type=LINES, accept=LINES)
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert [entry.get("answer") for entry in found] == ["Ada", None, "Ada"]
        assert found[1]["error"]["type"] == "InternalError"
        assert b"secret" not in reply.body

    play(scene, BATCH)


@pytest.mark.parametrize(
    ("kind", "body"), [(LINES, b"1\n" * 400_000), ("text/csv", b"question,context\n" + b"q,c\n" * 400_000)]
)
def test_a_body_of_nothing_but_records_is_413(kind: str, body: bytes) -> None:
    """Before any is computed; the message has the limit and what to do."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(body, content_type=kind)
        assert (reply.status, reply.json["type"]) == (413, "PayloadTooLarge")
        assert ", the limit for one request. Split it into several requests of at most 250000" in reply.json["message"]
        assert stage.computed == 0

    play(scene, BATCH)


def test_six_megabytes_of_short_records_are_not_too_many() -> None:
    """A transform job's default payload, in the shortest JSON Lines and in short rows."""
    line, row = b'{"question":"q","context":"c"}\n', b"Who wrote it?,Ada did.\n"
    check_count(LINES, line * ((6 << 20) // len(line)), Settings().max_records)
    check_count("text/csv", b"question,context\n" + row * 240_000, Settings().max_records)


def test_records_at_fault_hold_nobody_up_and_repeat_no_long_texts() -> None:
    """Other work of the event loop goes on between them."""
    turns = 0

    async def scene(stage: Site) -> None:
        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.ensure_future(count())
        reply = await stage.ask(b"1\n" * 20_000, content_type=LINES, accept=LINES)
        counting.cancel()
        assert reply.headers["x-mooring-failed-records"] == "20000"
        assert len(reply.body) < 20_000 * 150
        long = json.dumps({"question": "Who?", "context": ["x" * 5000]})
        reply = await stage.ask(lines(long), content_type=LINES, accept=LINES)
        assert len(json.loads(reply.body)["error"]["message"]) <= MESSAGE_LIMIT

    play(scene, BATCH)
    assert turns > 70


def test_a_line_that_is_too_large_is_that_records_error() -> None:
    """Not the end of the body."""

    async def scene(stage: Site) -> None:
        reply = await stage.ask(lines(GOOD, "[" + "{}," * 1_000_001 + "0]", GOOD), content_type=LINES, accept=LINES)
        found = [json.loads(line) for line in reply.body.splitlines()]
        assert [entry.get("answer") for entry in found] == ["Ada", None, "Ada"]
        assert found[1]["error"]["type"] == "PayloadTooLarge"

    play(scene, BATCH)


def test_only_some_records_are_in_the_engine_at_a_time() -> None:
    """And a client that leaves takes all of them with it."""

    async def scene(stage: Site) -> None:
        stage.backend.gate.close()
        leaving = Client(stage.app)
        body = lines(*(json.dumps({"question": f"{number}?", "context": "Ada."}) for number in range(2000)))
        calling = asyncio.ensure_future(leaving.call("POST", "/invocations", [body], {"Content-Type": LINES}))
        await until(lambda: stage.engine.snapshot()["in_flight"] == AT_ONCE)
        for _ in range(50):
            await asyncio.sleep(0)
        assert stage.engine.snapshot()["in_flight"] == AT_ONCE
        leaving.left.set()
        assert (await calling).status == 0
        await until(lambda: stage.engine.snapshot()["in_flight"] == 0)
        stage.backend.gate.open()

    play(scene, BATCH)
