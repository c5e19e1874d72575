"""A real server: the same question is computed once, and anew for who asks for that."""

import http.client
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from mooring.testing import running_server

pytestmark = pytest.mark.wire

LONG = {"question": "Who lives there?", "context": "The king lives near the river. " * 400}


def post(url: str, body: object, headers: Mapping[str, str]) -> tuple[str | None, object]:
    """X-Mooring-Cache and the answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("POST", "/invocations", json.dumps(body), {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 200, answer
        return response.getheader("X-Mooring-Cache"), answer
    finally:
        connection.close()


def metric(url: str, name: str) -> float:
    """A number of /metrics."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


def test_the_same_question_is_computed_once_and_anew_if_that_is_asked_for() -> None:
    """Seen in the header, in the answers' counter and in the engine's."""
    with running_server() as server:
        first = post(server.url, LONG, {})
        batches = metric(server.url, "mooring_batch_rows_sum")
        again = post(server.url, {"inputs": LONG}, {})
        assert (first[0], again[0]) == (None, "hit")
        assert again[1] == first[1]
        assert metric(server.url, "mooring_batch_rows_sum") == batches
        assert metric(server.url, 'mooring_answers_total{source="cache"}') == 1
        assert metric(server.url, "mooring_cache_bytes") > 0
        anew = post(server.url, LONG, {"Cache-Control": "no-cache"})
        assert anew == (None, first[1])
        assert metric(server.url, "mooring_batch_rows_sum") > batches


def test_many_who_ask_the_same_at_once_are_answered_by_one_computation() -> None:
    """Also with nothing remembered."""
    with running_server(None, "--answer-cache-bytes", "0") as server, ThreadPoolExecutor(12) as pool:
        windows = metric(server.url, "mooring_batch_rows_sum")
        found = list(pool.map(lambda _: post(server.url, LONG, {}), range(12)))
        once = metric(server.url, "mooring_batch_rows_sum") - windows
        assert len({json.dumps(answer) for _, answer in found}) == 1
        sources = [source for source, _ in found]
        assert sources.count("shared") >= 6
        post(server.url, LONG, {})
        each = metric(server.url, "mooring_batch_rows_sum") - windows - once
        assert once == each * sources.count(None)
