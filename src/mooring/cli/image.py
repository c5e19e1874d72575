"""`moor image`: build the container image from this installation, in the format that SageMaker accepts."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import click

import mooring
from mooring.deploy.engine import ENGINES, building, running
from mooring.errors import BuildError

PACKAGE = Path(mooring.__file__).resolve().parent


@click.command("image", short_help="Build the container image from this installation.")
@click.option("-t", "--tag", default="mooring", show_default=True, help="Name of the image.")
@click.option(
    "--target", type=click.Choice(["serve", "full"]), default="serve", show_default=True, help="Stage to build."
)
@click.option("--engine", type=click.Choice(ENGINES), help="Container engine.  [default: the first one running]")
@click.option("--build-arg", "arguments", multiple=True, metavar="NAME=VALUE", help="Build argument; repeatable.")
@click.option("--network", metavar="NAME", help="Network of the build, as the engine names it.")
@click.option(
    "--platform", metavar="OS/ARCH", help="Platform of the image, such as linux/arm64.  [default: the engine's]"
)
@click.option("--context", type=click.Path(path_type=Path), help="Write the build context to this folder and stop.")
def command(tag: str, target: str, engine: str | None, arguments: tuple[str, ...], **more: object) -> None:
    """Build the container image, for Docker, Podman, Kubernetes and SageMaker.

    --target full adds PyTorch and transformers, for handlers that need them. For another --platform than its own, the
    engine needs an emulator (QEMU).
    """
    context, network = more["context"], more["network"]
    if isinstance(context, Path):
        write_context(context)
        click.echo(f"docker build --target {target} -t {tag} {context}")
        return
    client = running(engine)
    flags, variables = building(client)
    with tempfile.TemporaryDirectory(prefix="mooring-image-") as folder:
        place = Path(folder) / "context"
        write_context(place)
        command = [client, "build", "-t", tag, "--target", target, *flags]
        command += ["--network", str(network)] if network else []
        command += ["--platform", str(more["platform"])] if more["platform"] else []
        for argument in (f"VERSION={mooring.__version__}", *arguments):
            command += ["--build-arg", argument]
        done = subprocess.run([*command, str(place)], env={**os.environ, **variables}, check=False)
    if done.returncode:
        hint = "See the output above."
        raise BuildError(f"{client} could not build the image (exit code {done.returncode}).", hint=hint)
    click.echo(f"Built {tag}. Try: {Path(client).name} run --rm -p 8080:8080 {tag} serve")


def write_context(folder: Path) -> None:
    """Write the Dockerfile, docker/ and this package to `folder`. Raises BuildError if it exists."""
    source = _files()
    if folder.exists():
        raise BuildError(f"{folder} already exists.", hint="Name another folder.")
    folder.mkdir(parents=True)
    shutil.copyfile(source / "Dockerfile", folder / "Dockerfile")
    shutil.copytree(source / "docker", folder / "docker")
    shutil.copytree(PACKAGE, folder / "src" / "mooring", ignore=shutil.ignore_patterns("__pycache__", "image"))


def _files() -> Path:
    """The folder with Dockerfile and docker/: inside the package of a wheel, or at the top of a checkout."""
    for place in (PACKAGE / "container" / "image", PACKAGE.parents[1]):
        if (place / "Dockerfile").is_file() and (place / "docker").is_dir():
            return place
    raise BuildError("This installation has no Dockerfile.", hint="Reinstall Mooring, or build from a checkout.")
