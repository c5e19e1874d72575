"""Who gets the page at GET /, and what its files may do."""

import re
from collections.abc import Mapping

import pytest

from mooring.tasks import TASKS
from mooring.web.limits import WebLimits
from mooring.web.media import prefers_html
from mooring.web.page.files import INDEX, PLAYGROUND, files_of
from tests.support.asgi import Client
from tests.web.site import Site, play

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("application/json;q=0.5, TEXT/HTML", True),
        ("text/html, application/json", True),
        ("text/html;q=0.5, application/json", False),
        ("text/html;q=0", False),
        ("text/*", False),
        ("*/*", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_browsers_alone_get_html(accept: str, html: bool) -> None:
    """A client that accepts anything gets JSON."""

    async def scene(stage: Site) -> None:
        reply = await stage.get("/", {"Accept": accept} if accept else {})
        assert reply.headers["content-type"] == ("text/html; charset=utf-8" if html else "application/json")
        assert reply.headers["vary"] == "Accept"

    assert prefers_html(accept) is html
    play(scene)


def test_the_files_load_nothing_from_elsewhere() -> None:
    """No address of another site, links included, no inline script or style, and every file that is named is there."""
    files = files_of(PLAYGROUND)
    assert INDEX in files
    for path, file in files.items():
        text = file.body.decode()
        found = [one for one in re.findall(r"\w+://[^\s\"'`]+", text) if one != "http://www.w3.org/2000/svg"]
        assert found == [], path
        folder = path.rpartition("/")[0]
        for name in re.findall(r'from "\./([^"]+)"', text):
            assert f"{folder}/{name}".lstrip("/") in files, (path, name)
    document = files[INDEX].body.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", document)
    named = re.findall(r'(?:src|href)="([^"#]+)"', document)
    assert named
    for one in named:
        assert one.removeprefix("page/") in files


def test_every_task_has_a_form_and_a_view() -> None:
    """By its name."""
    files = files_of(PLAYGROUND)
    for name in ("forms.js", "shared/answers.js"):
        assert [task for task in TASKS if f'"{task}"' not in files[name].body.decode()] == []


def test_the_files_are_kept_by_browsers_and_may_do_little() -> None:
    """Their policy allows this server alone."""

    async def scene(stage: Site) -> None:
        reply = await stage.get("/page/shared/dom.js")
        assert (reply.status, reply.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
        page = await stage.get("/", {"Accept": BROWSER})
        for headers in (reply.headers, page.headers):
            check(headers)
        tag = reply.headers["etag"]
        for known, status in ((tag, 304), (f'"x", W/{tag}', 304), ('"x"', 200)):
            again = await stage.get("/page/shared/dom.js", {"If-None-Match": known})
            assert (again.status, again.body) == (status, b"" if status == 304 else reply.body)
        for path in ("/page/nosuch.js", "/page/../files.py", "/page/files.py", "/page/"):
            missing = await stage.get(path)
            assert (missing.status, missing.json["type"]) == (404, "NotFound")

    play(scene)


def check(headers: Mapping[str, str]) -> None:
    """Of a file."""
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_it_can_be_turned_off() -> None:
    """Then everybody gets JSON."""

    async def scene(stage: Site) -> None:
        assert (await stage.get("/", {"Accept": BROWSER})).json["routes"]
        assert (await stage.get("/page/main.js")).status == 404
        assert (await Client(stage.app).call("HEAD", "/", headers={"Accept": BROWSER})).status == 200

    play(scene, WebLimits(page=False))
