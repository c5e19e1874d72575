"""Check that instance, image and model fit together. Pure.

Names of instance types have a scheme: family letters, generation, attribute letters (g: Graviton), size. A name that
does not match is unknown, which is not an error: new types appear all the time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mooring.deploy.image import ImageFacts
from mooring.deploy.manifest import DOCKER, LISTS, REFUSED, how_to_convert
from mooring.deploy.spec import DEFAULT_INSTANCE, GIGABYTE, LIMITS, Instances, Serverless

Architecture = str
"""The name that container images use: "amd64" or "arm64"."""

_TYPE = re.compile(r"ml\.([a-z]+)(\d+)([a-z]*)(?:-[a-z0-9]+)?\.([a-z0-9]+)")
_PER_LARGE_GIB: Mapping[str, float] = {"c": 4, "m": 8, "r": 16, "t": 8}
"""Memory of the size `large` (2 cores), by family."""
_SIZES: Mapping[str, float] = {"medium": 0.5, "large": 1, "xlarge": 2}
_ACCELERATED = frozenset({"g", "p", "inf", "trn"})


@dataclass(frozen=True, slots=True)
class Instance:
    """Facts from a type's name; None if unknown."""

    type: str
    architecture: Architecture | None = None
    memory_bytes: int | None = None
    accelerated: bool = False


def instance_of(name: str) -> Instance:
    """E.g. "ml.c7g.large" → arm64 and 4 GiB; "ml.m7i-flex.xlarge" → amd64 and 16 GiB."""
    found = _TYPE.fullmatch(name)
    if found is None:
        return Instance(name)
    family, _, attributes, size = found.groups()
    accelerated = family in _ACCELERATED
    architecture = "arm64" if "g" in attributes else "amd64"
    base = _PER_LARGE_GIB.get(family)
    factor = _SIZES.get(size) or _multiple(size)
    memory = round(base * factor * 1024**3) if base and factor and not accelerated else None
    return Instance(name, architecture, memory, accelerated)


def _multiple(size: str) -> float | None:
    """`4xlarge` is eight times `large`."""
    found = re.fullmatch(r"(\d+)xlarge", size)
    return 2.0 * int(found[1]) if found else None


Level = Literal["error", "warning", "ok"]

OVERHEAD_BYTES = 350 * 1024**2
"""Memory of the server without weights, measured with the embedded model after warming up all shapes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check. `way_out` is what to do next, empty if nothing."""

    level: Level
    check: str
    what: str
    way_out: str = ""


def fit_image(compute: Instances | Serverless, image: ImageFacts) -> Iterator[Finding]:
    """Check format, architecture and size. An unknown image passes."""
    yield from fit_format(image)
    serverless = isinstance(compute, Serverless)
    # Serverless endpoints run on x86 alone.
    machine = Instance("serverless", "amd64") if isinstance(compute, Serverless) else instance_of(compute.type)
    if machine.architecture is None:
        what = f"Unknown instance type {machine.type}."
        yield Finding("warning", "instance", what, "Check the name: types look like ml.c7i.large.")
        return
    if machine.accelerated:
        what = f"{machine.type} has accelerators, but Mooring runs on the CPU."
        yield Finding("warning", "instance", what, f"Use {DEFAULT_INSTANCE}, which costs less and is as fast.")
    if image.architectures and machine.architecture not in image.architectures:
        have = ", ".join(image.architectures)
        what = f"The image {image.name} is for {have}, but {machine.type} is {machine.architecture}."
        other = "ml.c7i.large" if "amd64" in image.architectures else "ml.c7g.large"
        way = (
            f"Use an instance that matches ({other}), or build one: moor image --platform linux/{machine.architecture}."
        )
        yield Finding("error", "architecture", what, way)
    elif image.architectures:
        yield Finding("ok", "architecture", f"{machine.type} and the image: {machine.architecture}")
    most, size = LIMITS["serverless"].image_bytes, image.size or image.packed_size
    if serverless and size and most and size > most:
        what = f"The image has {size / 1e9:.1f} GB; a serverless endpoint allows 10 GB."
        yield Finding("error", "image", what, "Use the smaller image: moor image --target serve.")


def fit_format(image: ImageFacts) -> Iterator[Finding]:
    """Check that SageMaker accepts the media type of the image's manifest, if known."""
    if image.media_type in REFUSED:
        what = f"SageMaker does not accept the image {image.name}: its manifest is {image.media_type}, not {DOCKER}."
        yield Finding("error", "format", what, how_to_convert(image.name))
    elif image.media_type in LISTS:
        what = f"The image {image.name} is for several platforms ({image.media_type}); SageMaker may not accept it."
        yield Finding("warning", "format", what, how_to_convert(image.name))


def fit_memory(compute: Instances | Serverless, model_bytes: int, *, halves: bool = False) -> Iterator[Finding]:
    """Check that the model fits into memory. `halves`: stored in 16-bit floats and computed in 32-bit ones."""
    if isinstance(compute, Serverless):
        memory: int | None = compute.memory_mb * 1024**2
        where, way = f"{compute.memory_mb} MB", "Use more memory (--memory 6144) or an instance."
    else:
        memory = instance_of(compute.type).memory_bytes
        where = f"{compute.type} ({(memory or 0) / GIGABYTE:.0f} GB)"
        way = "Use a larger --instance-type."
    need = model_bytes * (2 if halves else 1) + OVERHEAD_BYTES
    if memory is not None and need > memory:
        what = f"The model needs about {need / 1e9:.1f} GB of memory, more than {where}."
        yield Finding("error", "size", what, way)
