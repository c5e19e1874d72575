"""Names of images."""

import pytest

from mooring.deploy.fit import fit_format
from mooring.deploy.image import Address, ImageFacts, address_of, is_ours, is_registry_name, region_of
from mooring.deploy.manifest import DOCKER_LIST

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        (f"{ECR}/mooring:1", True),
        (f"{ECR}/team/mooring", True),
        (f"{ECR}/mooring@sha256:ab", True),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/mooring:1", True),
        ("mooring", False),
        ("docker.io/library/mooring:1", False),
    ],
)
def test_names_that_sagemaker_can_pull(name: str, registry: bool) -> None:
    """Those of ECR."""
    assert is_registry_name(name) is registry


def test_the_parts_of_an_address() -> None:
    """A digest decides where there is one; without a tag it is the latest."""
    found = address_of(f"{ECR}/team/mooring:1@sha256:ab")
    assert found == Address("123456789012", "us-east-1", "team/mooring", "1", "sha256:ab")
    assert found.which == {"imageDigest": "sha256:ab"}
    latest = address_of(f"{ECR}/mooring")
    assert latest is not None
    assert latest.which == {"imageTag": "latest"}
    assert region_of(f"{ECR}/mooring") == "us-east-1"
    assert region_of("mooring") is None


@pytest.mark.parametrize(("name", "ours"), [("mooring", True), (f"{ECR}/mooring:2", True), (f"{ECR}/mooring-x", False)])
def test_what_moor_image_makes(name: str, ours: bool) -> None:
    """By its last name."""
    assert is_ours(name) is ours


def test_a_list_of_dockers_is_a_warning() -> None:
    """Nobody says that it is refused."""
    found = list(fit_format(ImageFacts("x", "ECR", media_type=DOCKER_LIST)))
    assert [(each.level, each.check) for each in found] == [("warning", "format")]
    assert list(fit_format(ImageFacts("x", "docker"))) == []
