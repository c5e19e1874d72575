"""Run a local SageMaker in this process, for notebooks and users' tests.

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
    """A running local SageMaker. Call `stop`, or leave the with-block."""

    def __init__(self, server: LocalSageMaker, folder: Path) -> None:
        self._server = server
        self._folder = folder

    @property
    def url(self) -> str:
        """The endpoint_url for clients."""
        return self._server.url

    def environment(self, region: str = "us-east-1") -> dict[str, str]:
        """Variables that point boto3, the AWS CLI and the SageMaker SDK here, as printed by `moor local env`."""
        return variables(self.url, region, write_sdk_configuration(self._folder, region))

    def stop(self) -> None:
        """Stop the server and all endpoints. May be called again."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(data: str | Path, *, port: int = 0, instant: bool = False) -> Started:
    """Serve on loopback in a thread until `stop`; returns when it is ready.

    `data` is the folder for objects, logs and state; port 0 picks a free port; `instant` skips all simulated delays.
    Raises UsageError or ListenError.
    """
    if not structlog.is_configured():
        # Server logs do not belong into a notebook, and structlog's default output would show local variables, with the
        # environments of models.
        configure_logs("warning", "text", ours_only=True)
    # Absolute: the program may change its working directory.
    folder = expanded(data, "data").absolute()
    server = LocalSageMaker(Options(folder, port=port, time_scale=0.0 if instant else DEFAULT_SCALE))
    server.start()
    return Started(server, folder)
