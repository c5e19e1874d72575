"""nginx.conf from settings: one source for what the application and nginx both have to know."""

import re
from pathlib import Path

import pytest

from mooring.container.folders import Folders
from mooring.container.nginx_conf import READ_MARGIN_S, Place, render
from mooring.container.nginx_gate import MODULES
from mooring.container.topology import plan
from mooring.observe.machine import Machine
from mooring.settings import Settings
from mooring.web.listen import Address

RUN = Path("/tmp/run")


def rendered(
    settings: Settings | None = None,
    *,
    cores: int = 2,
    user: str | None = None,
    lua: bool = True,
    files: int = 65_536,
) -> str:
    """For a machine of so many cores."""
    settings = settings or Settings()
    machine = Machine(tuple(range(cores)), float(cores), None)
    topology = plan(machine, workers=settings.workers, threads=0, standby=settings.standby)
    modules = tuple(Path("/modules") / name for name in MODULES) if lua else ()
    place = Place("/proc/self/fd/9", user, Address(settings.host, settings.port), files=files, lua=modules)
    return render(settings, topology, Folders(RUN), place)


def value(text: str, name: str) -> str:
    """Of the first directive of that name."""
    found = re.search(rf"^\s*{name}\s+(.+?);$", text, flags=re.MULTILINE)
    assert found is not None, name
    return found[1]


def test_every_name_of_the_template_is_filled_in() -> None:
    """And none is left."""
    assert "{{" not in rendered()
    assert "{{" not in rendered(Settings(workers=3), user="mooring")
    assert "{{" not in rendered(Settings(workers=3, multi_model=True), lua=False)


def test_limits_and_times_are_the_applications() -> None:
    """nginx waits longer than the deadline, and gives up an idle connection before the worker does."""
    settings = Settings(max_body_bytes=1234, deadline_s=7.5, keep_alive_s=50, max_in_flight=9, drain_s=11)
    text = rendered(settings)
    assert value(text, "client_max_body_size") == "1234"
    assert value(text, "proxy_read_timeout") == f"{8 + READ_MARGIN_S}s"
    upstream = text[text.index("upstream workers") : text.index("upstream front")]
    assert 0 < float(value(upstream, "keepalive_timeout").rstrip("s")) < 50
    assert "requests = 9," in text
    assert "bytes = 9872," in text
    assert value(text, "worker_shutdown_timeout") == "11s"


def test_the_standby_is_asked_only_when_the_first_is_gone() -> None:
    """And neither is ever banned."""
    lines = [
        line.strip() for line in rendered().splitlines() if line.strip().startswith("server unix:/tmp/run/sockets")
    ]
    assert lines == [
        "server unix:/tmp/run/sockets/worker-1.sock max_fails=0;",
        "server unix:/tmp/run/sockets/worker-2.sock max_fails=0 backup;",
    ]


def test_several_active_workers_share_by_connections() -> None:
    """No one of them is a backup."""
    text = rendered(cores=8)
    assert "least_conn;" in text
    assert "backup" not in text[text.index("upstream workers") : text.index("upstream front")]


def test_nginx_itself_goes_on_to_another_worker_only_before_one_has_the_request() -> None:
    """Afterwards process 1 decides: it knows of what a worker died."""
    assert value(rendered(), "proxy_next_upstream") == "error"
    assert value(rendered(cores=16), "proxy_next_upstream_tries") == "4"


def test_clients_cannot_pretend_that_a_request_was_accepted() -> None:
    """The header of retried requests is removed everywhere else."""
    text = rendered()
    again = text[text.index("location @accepted") :]
    assert 'proxy_set_header X-Mooring-Retry "";' in text[: text.index("server {")]
    assert "proxy_set_header X-Mooring-Retry 1;" in again
    assert text.count("X-Mooring-Retry") == 2


def test_bodies_that_arrive_take_at_most_half_of_the_connections() -> None:
    """The others are for honest requests. A connection needs a file."""
    for files, connections in ((1_048_576, 16_384), (1024, 768)):
        text = rendered(files=files)
        assert value(text, "worker_connections") == str(connections)
        assert f"bodies = {connections // 2}," in text


def test_without_lua_nginx_itself_bounds_what_it_can() -> None:
    """It counts bodies from their first byte, so the limits are wide."""
    text = rendered(Settings(max_in_flight=9), lua=False)
    assert "lua" not in text
    assert "limit_conn all 36; limit_conn large 256;" in text
    assert value(text, "client_body_timeout") == "10s"
    assert "limit_conn" not in rendered()
    assert value(rendered(), "client_body_timeout") == "62s"


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", "127.0.0.1:8080"), ("::", "[::]:8080"), ("", "0.0.0.0:8080")]
)
def test_the_address(host: str, expected: str) -> None:
    """IPv6 in brackets."""
    assert value(rendered(Settings(host=host)), "listen").startswith(expected + " ")


def test_requests_are_logged_at_level_info() -> None:
    """And not above."""
    assert "default 1;" in rendered()
    assert "default 0;" in rendered(Settings(log_level="warning"))


@pytest.mark.parametrize(
    ("uri", "route"),
    [
        ("/invocations", "/invocations"),
        ("/models/me/my-model?x=1", "/models/{id}"),
        ("/models/me/my-model/pipeline/fill-mask", "/models/{id}/pipeline/{task}"),
        ("/v1/models", "/v1/models"),
        ("/v1/models/me/my-model", "/v1/models/{id}"),
        ("/v1/embeddings", "/v1/embeddings"),
        ("/models", "other"),
        ("/embeddings", "other"),
    ],
)
def test_routes_have_a_name_in_the_log(uri: str, route: str) -> None:
    """That of the first pattern that fits, as nginx chooses; ids may contain slashes."""
    text = rendered()
    lines = text[text.index("map $request_uri $route {") :].partition("}\n    map")[0]
    patterns = re.findall(r'"~(.+)" "(.+)";', lines)
    assert next((name for pattern, name in patterns if re.match(pattern.replace("\\\\", "\\"), uri)), "other") == route
