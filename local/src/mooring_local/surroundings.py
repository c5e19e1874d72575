"""Environment variables and a SageMaker SDK configuration file that point clients at the local SageMaker.

Used by `moor local env`, tests and notebooks, and for the model code that runs here (`Whereabouts`).
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
"""Variables that would redirect clients elsewhere. So does each AWS_ENDPOINT_URL_<SERVICE>."""

_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_REGION = re.compile(r"[a-z0-9-]{1,32}")


def role(region: str) -> str:
    """The role that always exists."""
    return f"arn:{partition_of(region).name}:iam::{ACCOUNT}:role/SageMakerLocal"


def default_bucket(region: str) -> str:
    """The name that the SDK would build from the account that STS returns."""
    return f"sagemaker-{region}-{ACCOUNT}"


def variables(url: str, region: str, sdk_configuration: Path) -> dict[str, str]:
    """Environment variables for a program."""
    return {
        **for_clients(url, region),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(sdk_configuration),
        "SAGEMAKER_ROLE": role(region),
    }


def for_clients(url: str, region: str) -> dict[str, str]:
    """Variables that every AWS client reads. The keys are not secret: any key is accepted."""
    return {
        **past_proxies(urlsplit(url).hostname or ""),
        **in_region(region),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "mooring-local",
        "AWS_SECRET_ACCESS_KEY": "mooring-local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def in_region(region: str) -> dict[str, str]:
    """Variables that set the region of every AWS client."""
    return {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}


class Whereabouts:
    """Points a model's own code at the local SageMaker that runs it. The address is known once the server listens."""

    def __init__(self, *, reached: bool) -> None:
        """`reached`: whether models can reach this machine's loopback interface; containers cannot."""
        self._reached = reached
        self._told = asyncio.Event()
        self._url = ""

    def tell(self, url: str) -> None:
        """The server listens at `url`."""
        self._url = url
        self._told.set()

    async def __call__(self, region: str) -> Mapping[str, str]:
        """Variables for a model in that region; waits for the address."""
        if not self._reached:
            return in_region(region)
        await self._told.wait()
        return for_clients(self._url, region)


def past_proxies(host: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that exclude `host` from the user's proxy; empty if no proxy would be used."""
    if not any(environ.get(name) for name in _PROXIES) or proxy_bypass(host):
        return {}
    kept = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    value = ",".join(filter(None, (kept, host)))
    return {"no_proxy": value, "NO_PROXY": value}


def write_sdk_configuration(folder: Path, region: str) -> Path:
    """Write the SDK's configuration file into `folder` and return its path. Raises UsageError if that fails."""
    if _REGION.fullmatch(region) is None:
        raise UsageError(f"Invalid region {echo(region)}.", hint="Pass a region name such as us-east-1.")
    path = folder / f"sagemaker-sdk.{region}.yaml"
    text = (
        "# Written by `moor local env` for the SageMaker Python SDK, so that it does not call the real STS.\n"
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
