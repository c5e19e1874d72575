"""Web pages of other sites change nothing here, and no foreign name leads here."""

import pytest

from mooring.errors import CallerRefused, UnsupportedMediaType
from mooring.web.callers import CHANGING, Callers, allowed_hosts
from mooring.web.limits import WebLimits
from tests.web.site import JSON, PAIR, Site, play

LOCAL = allowed_hosts(None, "127.0.0.1")


def scope(method: str = "POST", **headers: str) -> dict[str, object]:
    """Of a request."""
    named = {"host": "localhost:8080"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {"method": method, "headers": [(name.encode(), value.encode()) for name, value in named.items() if value]}


@pytest.mark.parametrize(
    ("given", "bound", "expected"),
    [
        (None, "0.0.0.0", None),
        (None, "10.0.0.3", None),
        ("*", "127.0.0.1", None),
        (None, "localhost", {"localhost", "127.0.0.1", "::1"}),
        (" Models.example , [fd00::1]", "0.0.0.0", {"models.example", "fd00::1", "0.0.0.0"}),
    ],
)
def test_names_are_limited_where_only_this_machine_calls(
    given: str | None, bound: str, expected: set[str] | None
) -> None:
    """Platforms call by any name. Loopback names are always allowed."""
    hosts = allowed_hosts(given, bound)
    assert (None if hosts is None else set(hosts)) == (expected and expected | {"localhost", "127.0.0.1", "::1"})


@pytest.mark.parametrize(
    "host", ["localhost:8080", "LOCALHOST", "127.0.0.1:1", "[::1]:8080", "[::1]", "localhost.", ""]
)
def test_names_of_this_machine_are_allowed(host: str) -> None:
    """With any port. Without a Host, as in HTTP/1.0, there is no browser."""
    Callers(LOCAL).check(scope(host=host), "/invocations")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example", "[::2]:80"])
def test_other_names_are_refused(host: str) -> None:
    """The message has the name and the flag."""
    with pytest.raises(CallerRefused, match=r"--allowed-host NAME"):
        Callers(LOCAL).check(scope(host=host), "/invocations")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
    ],
)
def test_pages_of_other_sites_change_nothing(headers: dict[str, str]) -> None:
    """They may ask."""
    callers = Callers(None, CHANGING)
    for method, route in CHANGING:
        with pytest.raises(CallerRefused, match="another site"):
            callers.check(scope(method, **headers), route)
    callers.check(scope(**headers), "/models/{name}/invoke")


@pytest.mark.parametrize(
    "kind", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; b=1"]
)
def test_types_that_pages_may_send_unasked_change_nothing(kind: str) -> None:
    """Whatever the browser says of the page."""
    with pytest.raises(UnsupportedMediaType, match="application/json"):
        Callers(None, CHANGING).check(scope(content_type=kind), "/models")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_type": "application/json"},
        {"sec_fetch_site": "same-origin", "origin": "http://localhost:8080"},
        {"sec_fetch_site": "none"},
        {"origin": "http://localhost:8080", "host": "localhost"},
    ],
)
def test_programs_and_pages_of_this_server_may(headers: dict[str, str]) -> None:
    """nginx removes the port from Host."""
    Callers(LOCAL, CHANGING).check(scope(**headers), "/models")


def test_a_refusal_has_the_shape_of_every_error() -> None:
    """It is 403, before the body is read."""

    async def scene(stage: Site) -> None:
        reply = await stage.post("/invocations", PAIR, host="evil.example", **JSON)
        assert (reply.status, reply.json["type"]) == (403, "CallerRefused")
        assert stage.computed == 0
        assert (await stage.post("/invocations", PAIR, host="localhost", **JSON)).status == 200

    play(scene, WebLimits(hosts=LOCAL))
