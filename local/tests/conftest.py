"""One server of the control plane for all tests that ask for it."""

from collections.abc import Iterator

import pytest

from local.tests.support.local_control import Local, local_control


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """Its fleet does nothing: a test moves the documents itself."""
    with local_control(tmp_path_factory.mktemp("local")) as served:
        yield served


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 reads variables that would lead it elsewhere."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
