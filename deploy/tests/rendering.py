"""Render the Helm chart with Helm's own library (helm-python-sdk).

python deploy/tests/rendering.py VALUES [KIND] prints the manifests of these values (JSON), or of one kind, but not
the tests of `helm test`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "mooring"
RELEASE, NAMESPACE = "qa", "models"
IMAGE = {"image": {"repository": "registry.example/mooring"}}
Manifest = dict[str, Any]


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm merges values."""
    found = dict(base)
    for key, value in more.items():
        inner = found.get(key)
        found[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return found


def render(values: Mapping[str, Any] | None = None, name: str = RELEASE) -> list[Manifest]:
    """The manifests. Raises helm_python.HelmValuesError for values that the schema refuses."""
    with helm_python.Chart.load(CHART) as chart:
        found = chart.render(merged(IMAGE, values or {}), name=name, namespace=NAMESPACE)
    texts = (text for path, text in sorted(found.items()) if path.endswith(".yaml"))
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    """The only manifest of that kind that is no test."""
    (found,) = [each for each in manifests if each["kind"] == kind and not is_test(each)]
    return found


def is_test(manifest: Manifest) -> bool:
    """Whether it is for `helm test`."""
    return "helm.sh/hook" in manifest["metadata"].get("annotations", {})


if __name__ == "__main__":
    rendered = [each for each in render(json.loads(sys.argv[1])) if not is_test(each)]
    wanted = [each for each in rendered if each["kind"] in (sys.argv[2:3] or each["kind"])]
    print(yaml.safe_dump_all(wanted, sort_keys=False))
