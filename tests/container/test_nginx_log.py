"""What nginx says of requests is logged without what clients sent."""

import pytest

from mooring.container.nginx_log import without_requests

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        (
            "2026/11/29 05:00:29 [crit] 20885#20885: *34 connect() to unix:/run/worker-1.sock failed (2: No such file "
            "or directory) while connecting to upstream, client: 127.0.0.1, server: x, "
            f'request: "POST /?q={CANARY} HTTP/1.1", upstream: "http://unix:/run/worker-1.sock:/?q={CANARY}", '
            f'host: "{CANARY}", referrer: "http://{CANARY}/"',
            "crit",
            "connect() to unix:/run/worker-1.sock failed (2: No such file or directory) while connecting to upstream",
        ),
        (
            '2026/11/29 05:00:29 [crit] 7#7: *3 pwritev() "/run/body/1" failed (28: No space left on device), '
            f'client: 10.0.0.1, server: mooring, request: "POST /, client: {CANARY}", host: "x"',
            "crit",
            'pwritev() "/run/body/1" failed (28: No space left on device)',
        ),
        ("2026/11/29 05:00:29 [notice] 7#7: signal 1 received", "error", "signal 1 received"),
        (f'  in the middle, request: "GET /{CANARY}"', "error", "  in the middle"),
        ("nginx: [emerg] bind() to 0.0.0.0:80 failed", "error", "nginx: [emerg] bind() to 0.0.0.0:80 failed"),
    ],
)
def test_the_context_is_cut_off(line: str, level: str, message: str) -> None:
    """Whatever the request contains."""
    assert without_requests(line + "\n") == (level, message)
