"""`moor image`: build the container image from this installation, in the format that SageMaker takes."""

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
@click.option("--target", type=click.Choice(["serve", "full"]), default="serve", show_default=True)
@click.option("--engine", type=click.Choice(ENGINES), help="Which client to use.  [default: the first that answers]")
@click.option("--build-arg", "arguments", multiple=True, metavar="NAME=VALUE", help="Passed on; may be repeated.")
@click.option("--network", metavar="NAME", help="Of the build's commands, as the engine has it.")
@click.option("--context", type=click.Path(path_type=Path), help="Write the build context there and build nothing.")
def command(tag: str, target: str, engine: str | None, arguments: tuple[str, ...], **more: object) -> None:
    """Build the image that runs under Docker, Podman, Kubernetes and SageMaker.

    `full` adds PyTorch and transformers, for handlers that need them.
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
        for argument in (f"VERSION={mooring.__version__}", *arguments):
            command += ["--build-arg", argument]
        done = subprocess.run([*command, str(place)], env={**os.environ, **variables}, check=False)
    if done.returncode:
        raise BuildError(f"{client} could not build the image (exit code {done.returncode}).")
    click.echo(f"{tag} is built. Try: {Path(client).name} run --rm -p 8080:8080 {tag} serve")


def write_context(folder: Path) -> None:
    """What the Dockerfile copies: itself, docker/, and this very package. Raises BuildError if the folder is taken."""
    source = _files()
    if folder.exists():
        raise BuildError(f"{folder} exists already.", hint="Name another folder.")
    folder.mkdir(parents=True)
    shutil.copyfile(source / "Dockerfile", folder / "Dockerfile")
    shutil.copytree(source / "docker", folder / "docker")
    shutil.copytree(PACKAGE, folder / "src" / "mooring", ignore=shutil.ignore_patterns("__pycache__", "image"))


def _files() -> Path:
    """The folder with Dockerfile and docker/: in a wheel inside the package, in a checkout at its top."""
    for place in (PACKAGE / "container" / "image", PACKAGE.parents[1]):
        if (place / "Dockerfile").is_file() and (place / "docker").is_dir():
            return place
    raise BuildError("This installation has no Dockerfile.", hint="Install Mooring again, or build from a checkout.")
