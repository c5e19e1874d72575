"""The command that installs an extra or another package of Mooring into the environment that is running.

Mooring is on no package index, so a hint names the folder that it was installed from. Installers record that folder
(PEP 610, direct_url.json). Without it, the hint names the extra's own packages.
"""

import json
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "mooring-serve"
EXTRAS = {
    "aws": "boto3>=1.42",
    "batch": "pyarrow>=18",
    "build": "nncf>=3.4,<4",
    "plots": "matplotlib>=3.9",
    "ray": "ray[data]>=2.50",
}
"""Extra → its requirement. A test compares this with pyproject.toml, which an installation does not have."""


def install_command(extra: str) -> str:
    """A shell command that works in the current folder. `extra` is a key of `EXTRAS`."""
    source = _source()
    if source is None:
        return f"{_installer()} {shlex.quote(EXTRAS[extra])}"
    folder, editable = source
    here = "." if folder.samefile(".") else str(folder)
    return f"{_installer()} {'-e ' if editable else ''}{shlex.quote(f'{here}[{extra}]')}"


def package_hint(folder: str) -> str:
    """How to install another distribution of Mooring. `folder` is where a checkout has it."""
    source = _source()
    if source is None or not (source[0] / folder / "pyproject.toml").is_file():
        return f"In a checkout of Mooring: {_installer()} ./{folder}"
    checkout, editable = source
    here = f"./{folder}" if checkout.samefile(".") else str(checkout / folder)
    return f"Install it: {_installer()} {'-e ' if editable else ''}{shlex.quote(here)}"


def _source() -> tuple[Path, bool] | None:
    """The folder that Mooring was installed from, if it still exists, and whether the installation is editable."""
    # Imported late: they take 30 ms and a hint is seldom needed.
    from importlib import metadata
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        record = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        folder, editable = Path(__file__).resolve().parents[2], True  # perhaps a checkout on PYTHONPATH
    else:
        if "dir_info" not in record:  # a wheel
            return None
        folder = Path(url2pathname(urlsplit(record["url"]).path))
        editable = bool(record["dir_info"].get("editable", False))
    return (folder, editable) if (folder / "pyproject.toml").is_file() else None


def _installer() -> str:
    """pip or uv for the running environment, since the `pip` on PATH often belongs to another one."""
    python, pip = shlex.quote(sys.executable), shutil.which("pip")
    if pip and sys.prefix != sys.base_prefix and Path(pip).parent == Path(sys.executable).parent:
        return "pip install"
    if find_spec("pip") is not None:
        return f"{python} -m pip install"
    return f"uv pip install --python {python}" if shutil.which("uv") else f"pip --python {python} install"
