"""A folder in, a local SageMaker that runs in this process out. For notebooks and for users' tests.

with mooring_local.start(tempfile.mkdtemp()) as local:
    os.environ.update(local.environment())
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from mooring.observe.logs import configure_logs
from mooring.settings.places import expanded
from mooring_local.fleet.phases import DEFAULT_SCALE
from mooring_local.server import LocalSageMaker, Options
from mooring_local.surroundings import variables, write_sdk_configuration


class Started:
    """One that serves. `stop` it, or leave the with-block."""

    def __init__(self, server: LocalSageMaker, folder: Path) -> None:
        self._server = server
        self._folder = folder

    @property
    def url(self) -> str:
        """What clients take as their endpoint_url."""
        return self._server.url

    def environment(self, region: str = "us-east-1") -> dict[str, str]:
        """Variables that lead boto3, the AWS CLI and the SageMaker SDK to it, as `moor local env` prints them."""
        return variables(self.url, region, write_sdk_configuration(self._folder, region))

    def stop(self) -> None:
        """End it and all endpoints. Again is harmless."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(data: str | Path, *, port: int = 0, instant: bool = False) -> Started:
    """Serve on loopback in a thread until `stop`; returns when it is ready.

    `data` is the folder that it keeps everything in; port 0 is any that is free; `instant` leaves out what the real
    platform's phases take. Raises UsageError or ListenError.
    """
    if not structlog.is_configured():
        # What a server tells its terminal is not worth a line in somebody's notebook; and structlog's own lines would
        # show local variables there, with the environments of models.
        configure_logs("warning", "text", ours_only=True)
    # Absolute: a program may go to another folder while it is served.
    folder = expanded(data, "data").absolute()
    server = LocalSageMaker(Options(folder, port=port, time_scale=0.0 if instant else DEFAULT_SCALE))
    server.start()
    return Started(server, folder)
