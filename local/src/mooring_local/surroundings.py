"""An address in, what leads programs to it out: environment variables, and a file for the SageMaker SDK.

Called by `moor local env`, and by tests and notebooks that start a server themselves. Models that run here are led to
it, too: `server.py` has the `Whereabouts` of that.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from mooring.errors import UsageError, echo
from mooring_local.lock import own_folder, unusable
from mooring_local.wire.call import ACCOUNT, partition_of

LEFT_OVER = frozenset(
    {
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_ROLE_ARN",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
    }
)
"""Variables that would lead somewhere else. So does each AWS_ENDPOINT_URL_ of one service."""

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_REGION = re.compile(r"[a-z0-9-]{1,32}")


def role(region: str) -> str:
    """The role that is there from the start."""
    return f"arn:{partition_of(region).name}:iam::{ACCOUNT}:role/SageMakerLocal"


def default_bucket(region: str) -> str:
    """As the SDK would name it, had it asked who is there."""
    return f"sagemaker-{region}-{ACCOUNT}"


def variables(url: str, region: str, sdk_configuration: Path) -> dict[str, str]:
    """For the environment of a program."""
    return {
        **for_clients(url, region),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(sdk_configuration),
        "SAGEMAKER_ROLE": role(region),
    }


def for_clients(url: str, region: str) -> dict[str, str]:
    """What leads every AWS client there. The keys are no secret: any are taken."""
    return {
        **past_proxies(urlsplit(url).hostname or ""),
        **in_region(region),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "mooring-local",
        "AWS_SECRET_ACCESS_KEY": "mooring-local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def in_region(region: str) -> dict[str, str]:
    """What every AWS client takes for its region."""
    return {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}


class Whereabouts:
    """How a model's own code finds the local SageMaker that runs it: by an address that is known once it listens."""

    def __init__(self, *, reached: bool) -> None:
        """`reached`: whether what runs here can reach an address of this machine's own; a container cannot."""
        self._reached = reached
        self._told = asyncio.Event()
        self._url = ""

    def tell(self, url: str) -> None:
        """It listens."""
        self._url = url
        self._told.set()

    async def __call__(self, region: str) -> Mapping[str, str]:
        """Variables for a model of that region; waits for the address."""
        if not self._reached:
            return in_region(region)
        await self._told.wait()
        return for_clients(self._url, region)


def past_proxies(host: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What keeps a proxy of the user's from being asked for `host`, which it cannot know; nothing if none would be."""
    if not any(environ.get(name) for name in _PROXIES) or proxy_bypass(host):
        return {}
    kept = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    value = ",".join(filter(None, (kept, host)))
    return {"no_proxy": value, "NO_PROXY": value}


def write_sdk_configuration(folder: Path, region: str) -> Path:
    """Write the SDK's configuration file into `folder` and return its path. Raises UsageError if that cannot be."""
    if _REGION.fullmatch(region) is None:
        raise UsageError(f"{echo(region)} is no name of a region.", hint="Regions are called us-east-1 and the like.")
    path = folder / f"sagemaker-sdk.{region}.yaml"
    text = (
        "# For SageMaker's Python SDK, by `moor local env`: what is said here is not asked of the real STS.\n"
        "SchemaVersion: '1.0'\n"
        "SageMaker:\n"
        "  PythonSDK:\n"
        "    Modules:\n"
        "      TelemetryOptOut: true\n"
        "      Session:\n"
        f"        DefaultS3Bucket: {default_bucket(region)}\n"
        "  Model:\n"
        f"    ExecutionRoleArn: {role(region)}\n"
    )
    try:
        own_folder(folder)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unusable(folder, error) from error
    return path
