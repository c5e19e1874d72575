"""The examples for KServe: every field is one of KServe's own models, and every pod one of Kubernetes."""

import importlib
import importlib.util
import re
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kserve"
MODELS = {"ClusterServingRuntime": "V1alpha1ClusterServingRuntime", "InferenceService": "V1beta1InferenceService"}


@pytest.fixture(scope="module", autouse=True)
def models() -> Iterator[None]:
    """KServe's models without the package's own __init__, which imports a server with all that it needs."""
    spec = importlib.util.find_spec("kserve")
    assert spec is not None
    package = types.ModuleType("kserve")
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["kserve"] = package
    yield
    del sys.modules["kserve"]


def model(name: str) -> Any:
    """The class of that name; None if it is one of Kubernetes'."""
    if not name.startswith(("V1alpha1", "V1beta1")):
        return None
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return getattr(importlib.import_module(f"kserve.models.{words}"), name)


def check(value: Any, kind: str, at: str) -> Any:
    """The value as KServe's model, whose constructor refuses what is missing. Asserts that all fields are known."""
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(value, list), at
        return [check(each, inner[1], f"{at}/{place}") for place, each in enumerate(value)]
    plain = {"str": str, "int": int, "bool": bool}.get(kind)
    if plain is not None:
        assert isinstance(value, plain), f"{at}: {value!r} is no {kind}"
        return value
    found = model(kind)
    if found is None:
        return value
    names = {theirs: ours for ours, theirs in found.attribute_map.items()}
    assert set(value) <= set(names), f"{at}: {set(value) - set(names)} are no fields of {kind}"
    parts = {names[key]: check(part, found.openapi_types[names[key]], f"{at}/{key}") for key, part in value.items()}
    return found(**parts)


def read(name: str) -> Mapping[str, Any]:
    """The example."""
    found: Mapping[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", ["clusterservingruntime.yaml", "inferenceservice.yaml"])
def test_every_field_is_one_of_kserve(name: str) -> None:
    """At any depth."""
    manifest = read(name)
    check(manifest, MODELS[manifest["kind"]], manifest["kind"])


def test_a_field_that_kserve_lacks_is_noticed() -> None:
    """Otherwise the test above would prove nothing."""
    with pytest.raises(AssertionError, match="are no fields of V1beta1PredictorSpec"):
        check({"predictor": {"replica": 1}}, "V1beta1InferenceServiceSpec", "spec")
    with pytest.raises(ValueError, match="must not be `None`"):
        check({}, "V1beta1InferenceServiceSpec", "spec")


def test_the_runtimes_pod_is_one_of_kubernetes() -> None:
    """Its containers and volumes are Kubernetes' types."""
    spec = read("clusterservingruntime.yaml")["spec"]
    pod = {"containers": spec["containers"], "volumes": spec["volumes"]}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod}
    kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_the_runtime_serves_what_kserve_mounts() -> None:
    """Under the name that KServe passes, by its protocols, and as little as possible is allowed."""
    spec = read("clusterservingruntime.yaml")["spec"]
    (container,) = spec["containers"]
    assert container["name"] == "kserve-container"
    assert {"/mnt/models", "--model_name={{.Name}}"} <= set(container["args"])
    assert spec["protocolVersions"] == ["v2", "v1"]
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    format_ = read("inferenceservice.yaml")["spec"]["predictor"]["model"]["modelFormat"]["name"]
    assert format_ in [each["name"] for each in spec["supportedModelFormats"] if each.get("autoSelect")]
