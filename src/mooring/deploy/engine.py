"""Call the local container engine through its client: Docker, Podman, or Podman installed as `docker`.

SageMaker accepts images in Docker's format only (`manifest.py`). Each client has its own flags for that. They are used
if the client's help lists them, because older clients refuse unknown flags.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mooring.deploy.image import ImageFacts
from mooring.errors import BuildError, DeployError
from mooring.settings.places import home

ENGINES = ("docker", "podman")
_ASK_S = 20.0


def running(engine: str | None = None) -> str:
    """Path of the client of a running engine: `engine`, or the first found. Raises BuildError if there is none."""
    for name in (engine,) if engine else ENGINES:
        found = shutil.which(name)
        if found and _asked(found, "version") is not None:
            return found
    raise BuildError(
        f"No running {engine or ' or '.join(ENGINES)} engine found.",
        hint="Start it, or write the build context instead: moor image --context FOLDER.",
    )


def local_facts(image: str) -> ImageFacts | None:
    """Facts of an image in the local engine; None without an engine or image."""
    for engine in ENGINES:
        program = shutil.which(engine)
        said = _asked(program, "image", "inspect", image) if program else None
        try:
            found = json.loads(said)[0] if said is not None else None
        except (ValueError, IndexError):
            continue
        if isinstance(found, dict):
            return _of_engine(image, engine, found)
    return None


def _of_engine(image: str, engine: str, found: dict[str, Any]) -> ImageFacts:
    environment = (found.get("Config") or {}).get("Env") or []
    version = next((each.partition("=")[2] for each in environment if each.startswith("PYTHON_VERSION=")), "")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return ImageFacts(
        image,
        engine,
        id=str(found.get("Id", "")).removeprefix("sha256:"),
        architectures=(str(found["Architecture"]),) if found.get("Architecture") else (),
        size=found.get("Size"),
        python=(int(numbers[1]), int(numbers[2])) if numbers else None,
    )


def building(program: str) -> tuple[list[str], dict[str, str]]:
    """Flags and environment variables for `PROGRAM build` that store an image in Docker's format in the engine.

    BuildKit is used if the client has it: Docker 23 and later need a plugin and fail without it.
    """
    for variables in ({"DOCKER_BUILDKIT": "1"}, {"DOCKER_BUILDKIT": "0"}):
        text = _asked(program, "build", "--help", environ=variables)
        if text is not None:
            return build_flags(text), variables
    return [], {}


def build_flags(text: str) -> list[str]:
    """Flags for `build`, from its help text."""
    flags = []
    if _lists(text, "--provenance"):
        # With an attestation the result is an OCI index.
        flags.append("--provenance=false")
    if _lists(text, "--load"):
        # buildx. Only its default driver stores the result in the engine by default, and BuildKit 0.31 and later write
        # OCI media types by default.
        flags += ["--output", "type=docker,oci-mediatypes=false"]
    if _lists(text, "--format"):
        # Podman. Its default format is OCI, which also lacks health checks.
        flags += ["--format", "docker"]
    return flags


def push_flags(text: str) -> list[str]:
    """Flags for `push`, from its help text. Docker has none: it pushes the format that was built."""
    return ["--format", "v2s2"] if _lists(text, "--format") and "v2s2" in text else []


def push(program: str, image: str, uri: str, environ: Mapping[str, str]) -> None:
    """Tag `image` as `uri` and push it. Raises DeployError with the client's last lines."""
    flags = push_flags(_asked(program, "push", "--help") or "")
    for command in (["tag", image, uri], ["push", *flags, uri]):
        done = _run([program, *command], environ)
        if done.returncode:
            last = " / ".join(done.stderr.strip().splitlines()[-2:])
            raise DeployError(f"{Path(program).name} {command[0]} failed: {last}", hint=_push_hint(last))


def _push_hint(said: str) -> str:
    if "zstd" in said:
        return 'Docker\'s format does not support zstd: set compression_format = "gzip" in containers.conf.'
    if re.search(r"denied|forbidden|unauthorized|not authorized|no basic auth|\b40[13]\b", said, re.IGNORECASE):
        return "The caller needs ecr:PutImage and the layer uploads (AmazonEC2ContainerRegistryPowerUser)."
    return ""


@contextmanager
def signed_in(registry: str, token: str) -> Iterator[dict[str, str]]:
    """Variables that sign a client in to `registry`, for the with-block. The user's own logins are not changed."""
    with tempfile.TemporaryDirectory(prefix="mooring-push-") as name:
        folder = Path(name)
        config: dict[str, Any] = {"auths": {registry: {"auth": token}}}
        own = _own_configuration()
        if own is not None and (own / "contexts").is_dir():
            # Contexts have the engine's address, for Docker Desktop, Colima and rootless engines.
            (folder / "contexts").symlink_to(own / "contexts", target_is_directory=True)
            config |= _current_context(own)
        login = folder / "config.json"
        login.touch(0o600)
        login.write_text(json.dumps(config), encoding="utf-8")
        yield {"DOCKER_CONFIG": name, "REGISTRY_AUTH_FILE": str(login)}


def _own_configuration() -> Path | None:
    """Folder of the user's Docker settings; None for a user without a home."""
    named, own = os.environ.get("DOCKER_CONFIG"), home()
    return Path(named).absolute() if named else own / ".docker" if own else None


def _current_context(own: Path) -> dict[str, str]:
    try:
        name = json.loads((own / "config.json").read_text(encoding="utf-8"))["currentContext"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {"currentContext": str(name)}


def _lists(text: str, flag: str) -> bool:
    return re.search(rf"^\s*(-\w, )?{flag}\b", text, re.MULTILINE) is not None


def _asked(program: str, *arguments: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The stdout of a command; None if it fails or takes too long."""
    try:
        done = _run([program, *arguments], environ, timeout_s=_ASK_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _run(
    command: list[str], environ: Mapping[str, str] | None, *, timeout_s: float | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=timeout_s,
    )
