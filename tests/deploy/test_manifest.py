"""Manifests: OCI's written again as Docker's, and what stands in an index."""

import json
from typing import Any

import pytest

from mooring.deploy.manifest import DOCKER, OCI, OCI_INDEX, architectures, as_docker, how_to_convert
from mooring.errors import DeployError

LAYER = "application/vnd.oci.image.layer.v1.tar"


def oci(*layers: str) -> dict[str, Any]:
    """A manifest as BuildKit writes it: with annotations, and without a media type of its own."""
    return {
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:c0", "size": 7},
        "layers": [
            {"mediaType": layer, "digest": f"sha256:{number:02}", "size": number, "annotations": {"a": "b"}}
            for number, layer in enumerate(layers)
        ],
        "annotations": {"org.opencontainers.image.created": "2026"},
    }


def test_the_same_image_in_dockers_words() -> None:
    """Digests and sizes stay; every media type is Docker's; what Docker's format does not have goes."""
    made = json.loads(as_docker(json.dumps(oci(f"{LAYER}+gzip", LAYER))))
    assert made == {
        "schemaVersion": 2,
        "mediaType": DOCKER,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7, "digest": "sha256:c0"},
        "layers": [
            {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 0, "digest": "sha256:00"},
            {"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": 1, "digest": "sha256:01"},
        ],
    }
    assert json.loads(as_docker(json.dumps(made))) == made


@pytest.mark.parametrize("layer", [f"{LAYER}+zstd", "application/vnd.in-toto+json", "application/octet-stream"])
def test_what_docker_has_no_type_for_is_refused(layer: str) -> None:
    """By its name, with a way out."""
    with pytest.raises(DeployError, match=layer.replace("+", r"\+")) as caught:
        as_docker(json.dumps(oci(layer)))
    assert "gzip" in caught.value.hint


def test_attestations_are_no_images() -> None:
    """Nor are other systems' images."""
    members = [
        {"mediaType": OCI, "digest": "sha256:a", "platform": {"architecture": "amd64", "os": "linux"}},
        {"mediaType": OCI, "digest": "sha256:b", "platform": {"architecture": "unknown", "os": "unknown"}},
        {"mediaType": OCI, "digest": "sha256:c", "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"}},
        {"mediaType": OCI, "digest": "sha256:d", "platform": {"architecture": "amd64", "os": "windows"}},
        {"mediaType": OCI, "digest": "sha256:e"},
    ]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": members}
    assert architectures(json.dumps(index)) == {"amd64": "sha256:a", "arm64": "sha256:c"}


@pytest.mark.parametrize(
    ("image", "copied"),
    [
        ("host/a/b:1", "docker://host/a/b:docker"),
        ("host/a/b", "docker://host/a/b:docker"),
        ("host/a/b@sha256:ab", "docker://host/a/b:docker"),
        ("host:5000/b", "docker://host:5000/b:docker"),
    ],
)
def test_the_command_that_copies_names_a_place(image: str, copied: str) -> None:
    """In the same repository, under another tag."""
    assert f"skopeo copy --format v2s2 docker://{image} {copied}." in how_to_convert(image)
