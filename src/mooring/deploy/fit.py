"""Machine, image and model in, what does not fit together out. Pure. Called by `doctor.py` and `deployment.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mooring.deploy import instances
from mooring.deploy.image import ImageFacts
from mooring.deploy.instances import Instance
from mooring.deploy.limits import GIGABYTE, LIMITS
from mooring.deploy.manifest import DOCKER, LISTS, REFUSED, how_to_convert
from mooring.deploy.spec import DEFAULT_INSTANCE, Instances, Serverless

Level = Literal["error", "warning", "ok"]

OVERHEAD_BYTES = 350 * 1024**2
"""What the server needs beside the weights: measured with the embedded model, all shapes warmed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. `way_out` is what to do; empty where all is well."""

    level: Level
    check: str
    what: str
    way_out: str = ""


def fit_image(compute: Instances | Serverless, image: ImageFacts) -> Iterator[Finding]:
    """Format, architecture and size. Of an image that nobody knows, nothing is known to be wrong."""
    yield from fit_format(image)
    serverless = isinstance(compute, Serverless)
    # Serverless endpoints run on x86 alone.
    machine = Instance("serverless", "amd64") if isinstance(compute, Serverless) else instances.describe(compute.type)
    if machine.architecture is None:
        what = f"{machine.type} is no instance type that is known here."
        yield Finding("warning", "instance", what, "It looks like ml.c7i.large; SageMaker has the last word.")
        return
    if machine.accelerated:
        what = f"{machine.type} has accelerators, and Mooring computes on the CPU."
        yield Finding("warning", "instance", what, f"{DEFAULT_INSTANCE} costs less and answers as fast.")
    if image.architectures and machine.architecture not in image.architectures:
        have = ", ".join(image.architectures)
        what = f"The image {image.name} is for {have}, and {machine.type} is {machine.architecture}."
        other = "ml.c7i.large" if "amd64" in image.architectures else "ml.c7g.large"
        way = f"Choose an instance that fits ({other}), or build the image on such a machine: moor image."
        yield Finding("error", "architecture", what, way)
    elif image.architectures:
        yield Finding("ok", "architecture", f"{machine.type} and the image: {machine.architecture}")
    most, size = LIMITS["serverless"].image_bytes, image.size or image.packed_size
    if serverless and size and most and size > most:
        what = f"The image has {size / 1e9:.1f} GB; a serverless endpoint takes 10."
        yield Finding("error", "image", what, "Use the target `serve` of the Dockerfile: moor image --target serve.")


def fit_format(image: ImageFacts) -> Iterator[Finding]:
    """Whether SageMaker takes the media type of the image's manifest, if that is known."""
    if image.media_type in REFUSED:
        what = f"SageMaker does not take the image {image.name}: its manifest is {image.media_type}, not {DOCKER}."
        yield Finding("error", "format", what, how_to_convert(image.name))
    elif image.media_type in LISTS:
        what = f"The image {image.name} is for several platforms ({image.media_type}); SageMaker may not take it."
        yield Finding("warning", "format", what, how_to_convert(image.name))


def fit_memory(compute: Instances | Serverless, model_bytes: int, *, halves: bool = False) -> Iterator[Finding]:
    """Whether the model, computed, fits. `halves`: it is stored in 16-bit floats, and computed in 32-bit ones."""
    if isinstance(compute, Serverless):
        memory: int | None = compute.memory_mb * 1024**2
        where, way = f"{compute.memory_mb} MB", "Give it more: --memory 6144, or an instance."
    else:
        memory = instances.describe(compute.type).memory_bytes
        where = f"{compute.type} ({(memory or 0) / GIGABYTE:.0f} GB)"
        way = "Choose a larger --instance-type."
    need = model_bytes * (2 if halves else 1) + OVERHEAD_BYTES
    if memory is not None and need > memory:
        what = f"It needs about {need / 1e9:.1f} GB of memory, more than {where} has."
        yield Finding("error", "size", what, way)
