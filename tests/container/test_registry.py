"""Which worker holds which model: the same to Python as to nginx."""

import re
import shutil
import socket
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

from mooring.container.proxy import find_nginx
from mooring.container.registry import LoadedModels, murmur2, shares, worker_of
from mooring.multi.lost import Held
from mooring.wiring.multi import read_first
from tests.support.started import started

NAMES = [f"model-{number}" for number in range(200)] + ["", "a", "ab", "abc", "äöü", "北京", "with space", "x" * 300]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_worker_gets_some_and_none_gets_most(count: int) -> None:
    """A hash and not a queue."""
    slots = [worker_of(f"model-{number}", count) for number in range(2000)]
    assert set(slots) == set(range(1, count + 1))
    assert max(slots.count(slot) for slot in set(slots)) < 2 * 2000 / count


def test_the_hash_is_murmurs() -> None:
    """Values of the reference implementation, seed 0 mixed with the length."""
    assert murmur2(b"") == 0
    assert len({murmur2(name.encode()) for name in NAMES}) == len(NAMES)


def test_what_a_new_worker_has_to_load(tmp_path: Path) -> None:
    """Its own models, and only what answered under their names before."""
    models = LoadedModels(2, {name: Held(f"/models/{name}", {"model": f"sha256:{name}"}) for name in NAMES[:50]})
    mine = models.of(1)
    assert mine
    assert set(mine) | set(models.of(2)) == set(NAMES[:50])
    models.write(1, tmp_path / "first.json")
    assert read_first(tmp_path / "first.json") == mine


def test_a_model_that_two_workers_died_of_is_given_to_no_third() -> None:
    """One may have been killed by chance; a worker that has loaded it since clears it."""
    models = LoadedModels(1, {"one": Held("/models/one"), "two": Held("/models/two")})
    models.suspect("one", "A worker died.")
    models.clear("one")
    models.suspect("one", "A worker died.")
    assert [held.deadly for held in models.of(1).values()] == ["", ""]
    models.suspect("one", "Workers died.")
    models.suspect("unknown", "Workers died.")
    models.suspect("unknown", "Workers died.")
    assert {name: held.deadly for name, held in models.of(1).items()} == {"one": "Workers died.", "two": ""}


@pytest.mark.wire
@pytest.mark.parametrize("count", [2, 3])
def test_nginx_sends_each_name_to_the_same_worker(tmp_path: Path, count: int) -> None:
    """split_clients, asked for every name."""
    program = find_nginx()
    if program is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    parts = " ".join(f"{share / 100:g}% {slot};" for slot, share in enumerate(shares(count), 1))
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    conf = f"""
    daemon off; pid {tmp_path}/pid; error_log stderr crit; events {{}}
    http {{
      access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f;
      uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
      split_clients $model_name $holder {{ {parts} * {count}; }}
      server {{ listen 127.0.0.1:{port}; location ~ ^/models/(?<model_name>[^/]+)/invoke$ {{ return 200 $holder; }} }}
    }}"""
    (tmp_path / "nginx.conf").write_text(conf)
    command = [program, "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    with started(command, stdout=None, stderr=None):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        for name in NAMES:
            if not name:
                continue
            url = f"http://127.0.0.1:{port}/models/{quote(name, safe='')}/invoke"
            with urllib.request.urlopen(url) as response:
                assert int(re.sub(r"\D", "", response.read().decode())) == worker_of(name, count), name
    shutil.rmtree(tmp_path, ignore_errors=True)
