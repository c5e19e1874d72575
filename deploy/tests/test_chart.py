"""The Helm chart as Helm renders it: what Kubernetes' schemas say of it, and what this project promises."""

import re
from typing import Any

import helm_python
import kubernetes_validate
import pytest
from jsonschema import Draft7Validator
from rendering import CHART, NAMESPACE, RELEASE, ROOT, Manifest, is_test, one, render

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "a1" * 32
HUB = {"model": {"source": "hub", "hub": {"id": "distilbert/squad", "revision": COMMIT}}}
PVC = {"model": {"source": "pvc", "pvc": {"claimName": "models", "subPath": "qa"}}}
S3 = {"model": {"source": "s3", "s3": {"uri": "s3://bucket/qa/", "image": f"aws-cli@{DIGEST}", "region": "eu-west-1"}}}
VOLUME = {"model": {"image": {"reference": f"registry.example/model@{DIGEST}", "subPath": "model"}}}
HPA = {"autoscaling": {"type": "hpa"}}
KEDA = {"autoscaling": {"type": "keda", "minReplicas": 2, "keda": {"serverAddress": "http://prometheus:9090"}}}
EVERYTHING: dict[str, Any] = {
    **KEDA,
    "image": {"digest": DIGEST, "pullSecrets": [{"name": "registry"}]},
    "model": {
        **HUB["model"],
        "name": "org/model",
        "task": "question-answering",
        "hub": {**HUB["model"]["hub"], "tokenSecret": {"name": "hub"}},
    },
    "settings": {"max_queue_ms": 500, "max_body_bytes": 26214400, "standby": False, "deadline_s": 2.5},
    "env": [{"name": "TZ", "value": "UTC"}],
    "hostPort": 8080,
    "tmp": {"medium": "Memory"},
    "networkPolicy": {"ingressFrom": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"}},
    "service": {"annotations": {"a": "b"}},
    "podLabels": {"team": "search"},
    "podAnnotations": {"a": "b"},
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    ],
    "priorityClassName": "high",
}
CASES = {
    "defaults": {},
    "hub": HUB,
    "pvc": PVC,
    "s3": S3,
    "volume": VOLUME,
    "hpa": HPA,
    "keda": KEDA,
    "all": EVERYTHING,
}
FOREIGN = ("ScaledObject", "ServiceMonitor")
"""Kinds that are not Kubernetes' own."""
OLD, NEW = "1.33", "1.37"
"""Versions of Kubernetes: the first with image volumes, and a new one."""


def pod(values: dict[str, Any] | None = None) -> Manifest:
    """The Deployment's pod."""
    found: Manifest = one(render(values), "Deployment")["spec"]["template"]
    return found


def server(values: dict[str, Any] | None = None) -> Manifest:
    """The container of the server."""
    (found,) = pod(values)["spec"]["containers"]
    return dict(found)


def environment(values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Variable → value, or where it comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in server(values)["env"]}


@pytest.mark.parametrize(("case", "version"), [*((case, NEW) for case in CASES), ("all", OLD), ("volume", OLD)])
def test_kubernetes_accepts_every_manifest(case: str, version: str) -> None:
    """By the strict schemas of its API, which refuse unknown fields."""
    manifests = render(CASES[case])
    assert len(manifests) >= 6
    for manifest in manifests:
        if manifest["kind"] not in FOREIGN:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_helm_finds_no_fault() -> None:
    """`helm lint`, as data. An icon is for charts in a catalogue."""
    found = helm_python.lint(CHART, {"image": {"repository": "a"}})
    assert not found["errors"]
    assert [each["error"] for each in found["messages"]] == ["icon is recommended"]


def test_the_pod_may_do_little() -> None:
    """Every container of every case: no root, no capabilities, nothing to write on but volumes, no token of the API."""
    for case, values in CASES.items():
        manifests = [each for each in render(values) if each["kind"] in ("Deployment", "Pod")]
        for spec in (each["spec"].get("template", each)["spec"] for each in manifests):
            assert spec["automountServiceAccountToken"] is False, case
            assert spec["enableServiceLinks"] is False
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in (*spec["containers"], *spec.get("initContainers", ())):
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "privileged": False,
                    "readOnlyRootFilesystem": True,
                    "runAsNonRoot": True,
                    "capabilities": {"drop": ["ALL"]},
                }


@pytest.mark.parametrize(("pre_stop", "drain"), [(5, 25), (0, 0), (30, 600)])
def test_the_grace_period_is_longer_than_the_drain(pre_stop: int, drain: int) -> None:
    """By what preStop waits, and some seconds for the end of the processes."""
    values = {"shutdown": {"preStopSeconds": pre_stop, "drainSeconds": drain}}
    assert pod(values)["spec"]["terminationGracePeriodSeconds"] == pre_stop + drain + 10
    assert environment(values)["MOORING_DRAIN_S"] == str(drain)
    assert server(values)["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", str(pre_stop)]


def test_probes() -> None:
    """A long start, /ping for traffic, and a restart only where nothing else helps."""
    found = server({"probes": {"startupSeconds": 601, "periodSeconds": 5}})
    assert found["startupProbe"]["httpGet"]["path"] == found["readinessProbe"]["httpGet"]["path"] == "/ping"
    assert found["startupProbe"]["failureThreshold"] * found["startupProbe"]["periodSeconds"] == 605
    assert found["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert found["readinessProbe"]["timeoutSeconds"] > 1, "a /ping may take 0.8 s while a worker hangs"


def test_a_single_pod_can_always_be_moved() -> None:
    """No budget says minAvailable, and none allows zero disruptions."""
    spec = one(render(), "PodDisruptionBudget")["spec"]
    assert "minAvailable" not in spec
    assert spec["maxUnavailable"] == 1
    assert not [each for each in render({"podDisruptionBudget": {"enabled": False}}) if "Disruption" in each["kind"]]


def test_where_the_model_comes_from() -> None:
    """Each source with its revision; without one that is outside, the server makes no requests."""
    assert (environment(HUB)["MOORING_MODEL"], environment(HUB)["MOORING_REVISION"]) == ("distilbert/squad", COMMIT)
    assert pod(HUB)["metadata"]["labels"]["model-revision"] == COMMIT
    assert "MOORING_OFFLINE" not in environment(HUB)
    assert environment(EVERYTHING)["MOORING_HUB_TOKEN"] == {"secretKeyRef": {"name": "hub", "key": "token"}}
    assert "MOORING_MODEL" not in environment()
    for values in (PVC, S3, VOLUME):
        assert environment(values)["MOORING_MODEL"] == "/opt/ml/model"
        assert environment(values)["MOORING_OFFLINE"] == "1"
        mounts = {each["name"]: each for each in server(values)["volumeMounts"]}
        assert mounts["model"]["mountPath"] == "/opt/ml/model"
        assert mounts["model"]["readOnly"] is True
    (fetch,) = pod(S3)["spec"]["initContainers"]
    assert "s3://bucket/qa/" in fetch["command"]
    volumes = {each["name"]: each for each in pod(VOLUME)["spec"]["volumes"]}
    assert volumes["model"]["image"]["reference"].endswith(DIGEST)


def test_the_image_is_pinned_apart_from_the_model() -> None:
    """By digest, or else by tag."""
    assert server(EVERYTHING)["image"] == f"registry.example/mooring@{DIGEST}"
    assert server({"image": {"tag": "7"}})["image"] == "registry.example/mooring:7"
    assert server()["image"] == "registry.example/mooring:0.1.0"


def test_settings_are_written_as_people_write_numbers() -> None:
    """Go would write 26214400 as 2.62144e+07."""
    found = environment(EVERYTHING)
    names = ("MAX_QUEUE_MS", "MAX_BODY_BYTES", "STANDBY", "DEADLINE_S")
    assert [found[f"MOORING_{name}"] for name in names] == ["500", "26214400", "false", "2.5"]
    assert found["MOORING_MODEL_NAME"] == "org/model"
    assert environment()["MOORING_MODEL_NAME"] == RELEASE


def test_the_settings_are_those_of_the_server() -> None:
    """The schema takes every setting, except those that the chart sets itself or that do not fit it."""
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    known = {name.lower() for name in re.findall(r"^\| `MOORING_([A-Z0-9_]+)`", page, re.MULTILINE)}
    with helm_python.Chart.load(CHART) as chart:
        schema = chart.schema
    assert schema is not None
    listed = set(schema["properties"]["settings"]["propertyNames"]["enum"])
    own = {"model", "model_name", "revision", "task", "hub_token", "offline", "drain_s", "drain_delay_s"}
    others = {"more_models", "base_dir", "front", "host", "port", "multi_model", "batch", "batch_strict", "max_records"}
    assert known - listed == own | others | {"ping_always_200"}
    assert listed <= known


def test_scaling() -> None:
    """One autoscaler at a time, which owns the number of pods."""
    assert one(render(), "Deployment")["spec"]["replicas"] == 1
    for values, kind in ((HPA, "HorizontalPodAutoscaler"), (KEDA, "ScaledObject")):
        manifests = render(values)
        kinds = [each["kind"] for each in manifests]
        assert len({"HorizontalPodAutoscaler", "ScaledObject"} & set(kinds)) == 1
        assert "replicas" not in one(manifests, "Deployment")["spec"]
        target = one(manifests, kind)["spec"]["scaleTargetRef"]
        assert target["name"] == one(manifests, "Deployment")["metadata"]["name"]


def test_the_scaled_object_follows_the_documented_gauge() -> None:
    """Of this release's pods; the fields are KEDA's."""
    manifests = render(KEDA)
    found = one(manifests, "ScaledObject")
    schema = __import__("json").loads((ROOT / "deploy" / "tests" / "scaledobject.schema.json").read_text("utf-8"))
    Draft7Validator(schema).validate(found)
    (trigger,) = found["spec"]["triggers"]
    service = one(manifests, "Service")["metadata"]["name"]
    wanted = f'max(mooring_queue_wait_seconds{{namespace="{NAMESPACE}",service="{service}"}})'
    assert (trigger["metricType"], trigger["metadata"]["query"]) == ("Value", wanted)
    assert "`mooring_queue_wait_seconds`" in (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    assert float(trigger["metadata"]["threshold"]) < 1, "requests that wait for more than a second are refused"


def test_network_policy() -> None:
    """Only the port of the server in; out only where the model comes from."""
    closed = one(render(PVC), "NetworkPolicy")["spec"]
    assert (closed["policyTypes"], closed["egress"]) == (["Ingress", "Egress"], [])
    assert closed["ingress"] == [{"ports": [{"protocol": "TCP", "port": "http"}]}]
    for values in (HUB, S3):
        (rule,) = one(render(values), "NetworkPolicy")["spec"]["egress"]
        assert {port["port"] for port in rule["ports"]} == {53, 443}
    (rule,) = one(render(EVERYTHING), "NetworkPolicy")["spec"]["ingress"]
    assert len(rule["from"]) == 2, "the peers of the values, and helm test"


def test_selectors_find_the_pod() -> None:
    """Of everything that selects, by labels that do not change with a version."""
    labels = pod(EVERYTHING)["metadata"]["labels"]
    manifests = render(EVERYTHING)
    service = one(manifests, "Service")
    selectors = [
        one(manifests, "Deployment")["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        one(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector == {"app.kubernetes.io/name": "mooring", "app.kubernetes.io/instance": RELEASE}
        assert selector.items() <= labels.items()
    monitor = one(manifests, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["endpoints"]} <= {each["name"] for each in service["spec"]["ports"]}
    (test,) = [each for each in manifests if is_test(each)]
    assert not selectors[0].items() <= test["metadata"]["labels"].items(), "the test pod must not get traffic"


def test_names_fit_and_are_those_of_the_release() -> None:
    """At most 63 characters, also with a suffix."""
    assert one(render(name="mooring"), "Service")["metadata"]["name"] == "mooring"
    assert one(render(name="qa"), "Service")["metadata"]["name"] == "qa-mooring"
    for each in render(name="a" * 53):
        assert len(each["metadata"]["name"]) <= 63


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": {"repository": ""}}, "/image/repository"),
        ({"image": {"digest": "sha256:12"}}, "/image/digest"),
        ({"model": {"source": "ftp"}}, "/model/source"),
        ({"model": {"source": "hub"}}, "/model/hub/revision"),
        ({"model": {"source": "hub", "hub": {"id": "a/b", "revision": "main"}}}, "/model/hub/revision"),
        ({"model": {"source": "pvc"}}, "/model/pvc/claimName"),
        ({"model": {"source": "s3", "s3": {"uri": "https://a/b", "image": "a"}}}, "/model/s3/uri"),
        ({"model": {"image": {"reference": "a:latest"}}}, "/model/image/reference"),
        ({"settings": {"max_queue": 1}}, "invalid propertyName 'max_queue'"),
        ({"settings": {"port": 9000}}, "invalid propertyName 'port'"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "/podDisruptionBudget/maxUnavailable"),
        ({"podDisruptionBudget": {"minAvailable": 1}}, "minAvailable"),
        ({"autoscaling": {"type": "keda"}}, "/autoscaling/keda/serverAddress"),
        ({"resources": {"limits": {"cpu": None}}}, "/resources/limits"),
        ({"replica": 3}, "replica"),
    ],
)
def test_wrong_values_are_refused_with_their_place(values: dict[str, Any], said: str) -> None:
    """By values.schema.json, before anything is installed."""
    with pytest.raises(helm_python.HelmValuesError, match=re.escape(said)):
        render(values)
