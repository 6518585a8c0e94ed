"""What the operators of a cluster may set, and what the notes tell them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

from tests.deploy.charts import (
    EXAMPLES,
    WORKLOADS,
    chart,
    deployments,
    example,
    merged,
    name_of,
    notes,
    objects,
    of_kind,
    pod_of,
    render,
)
from tests.deploy.known import CHART

OF_OTHERS = {path.stem: path for path in (Path(__file__).parent / "schemas").glob("*.json")}
METADATA: dict[str, Any] = yaml.load((CHART / "Chart.yaml").read_text(), yaml.CSafeLoader)


@pytest.fixture(params=EXAMPLES)
def values(request: pytest.FixtureRequest) -> dict[str, Any]:
    return example(request.param)


def test_labels_for_prometheus_and_grafana_can_be_set() -> None:
    values = example("production")
    for kind in ("ServiceMonitor", "PrometheusRule"):
        (each,) = of_kind(values, kind)
        assert each["metadata"]["labels"]["release"] == "monitoring"
    (monitor,) = of_kind(values, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"]
    found = [
        s for s in of_kind(values, "Service") if wanted.items() <= s["metadata"]["labels"].items()
    ]
    assert len(found) == len(deployments(values))
    assert all(
        {"name": "http", "port": 9464, "targetPort": "http"} in s["spec"]["ports"] for s in found
    )


def test_objects_of_others_wait_until_the_cluster_knows_them() -> None:
    values = example("production", metrics__assumeCustomResources=False)
    assert of_kind(values, *OF_OTHERS) == []
    assert "does not know KEDA" in notes(values)
    assert "does not know ServiceMonitors" in notes(values)


def test_notes_warn_of_what_is_unsafe_and_of_nothing_else() -> None:
    assert "Warnings" not in notes(example("production"))
    alone = notes(example("small", services__notifications={"enabled": False}))
    assert "addresses.notifications is empty" in alone
    changes = {"reflection": True, "topicsJob__enabled": False, "networkPolicy__enabled": False}
    found = notes(example("small", **changes))
    for words in (
        "PLAINTEXT: events",
        "mongodb.plainText is true: data",
        "replication is 1",
        "services.query has 1 replica",
        "networkPolicy.enabled is false",
        "image.digest is empty",
        "nobody watches",
        "reflection is true",
        "kieng topics apply",
        "no edition can be closed",
        "tokens for submissions have to name kieng.partners",
    ):
        assert words in found
    assert "trial-kieng-query:50051" in found
    plain = notes(example("production", tls={"enabled": False}))
    assert "gRPC without TLS" in plain
    assert "tls.enabled is false: tokens are readable" in plain
    assert "audiences is kieng: who" in notes(example("production", audiences="kieng"))


def test_notes_tell_that_prometheus_is_kept_out() -> None:
    words = "networkPolicy.monitoring is empty"
    assert words in notes(example("production", networkPolicy__monitoring=[]))
    assert words not in notes(example("small"))


def test_null_takes_an_amount_away() -> None:
    (container,) = pod_of(deployments(example("many-institutions"))["submissions"])["containers"]
    assert container["resources"] == {"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}


def test_openshift_can_choose_the_user() -> None:
    none = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    for each in deployments(merged(example("small"), {"podSecurity": none})).values():
        assert pod_of(each)["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }


def test_further_objects_are_filled_and_installed() -> None:
    extra = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "{{ .Release.Name }}-mine"},
    }
    found = objects(example("small", extraObjects=[extra]))
    assert "ConfigMap/trial-mine" in {name_of(each) for each in found}


def test_pods_take_what_their_cluster_wants() -> None:
    common = {
        "podLabels": {"team": "kpi"},
        "extraVolumes": [{"name": "ca", "configMap": {"name": "own-ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": True}],
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "services": {"query": {"podLabels": {"team": "reads"}, "nodeSelector": {"disk": "fast"}}},
    }
    found = deployments(merged(example("small"), common))
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"]["team"] for name, each in found.items()
    }
    assert labels.pop("query") == "reads"
    assert set(labels.values()) == {"kpi"}
    assert pod_of(found["query"])["nodeSelector"] == {"disk": "fast"}
    assert {"name": "ca", "mountPath": "/ca", "readOnly": True} in pod_of(found["query"])[
        "containers"
    ][0]["volumeMounts"]


def test_the_chart_can_be_packaged(tmp_path: Path) -> None:
    archive = Path(chart().save(tmp_path))
    packed = helm.Chart.load_archive(archive.read_bytes())
    assert (packed.name, packed.version) == ("kieng", METADATA["version"])
    assert packed.render(example("small"), name="trial", namespace="kieng") == render(
        example("small")
    )


def test_mirrors_and_digests_reach_every_pod() -> None:
    digest = "sha256:" + "0" * 64
    for each in of_kind(example("production"), *WORKLOADS):
        (container,) = pod_of(each)["containers"]
        assert container["image"] == f"registry.example.vn/kieng@{digest}"
        assert pod_of(each)["imagePullSecrets"] == [{"name": "registry"}]


def test_sign_in_by_providers_needs_the_address_they_send_browsers_back_to() -> None:
    one = {"services": {"portal": {"enabled": True}}, "portal": {"existingSecret": "session"}}
    own = {"signIn": {"existingSecret": "providers", "publicUrl": "https://kieng.example.vn"}}
    values = merged(merged(example("small"), one), {"portal": own})
    (container,) = pod_of(deployments(values)["portal"])["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["KIENG_PUBLIC_URL"] == "https://kieng.example.vn"
    assert variables["KIENG_SIGN_IN_PROVIDERS_FILE"] == "/etc/kieng/portal/providers.json"


@pytest.mark.parametrize(
    ("portal", "origin"),
    [
        ({"ingress": {"host": "kieng.example.vn"}}, "https://kieng.example.vn"),
        ({"signIn": {"publicUrl": "https://a.example.vn"}}, "https://a.example.vn"),
        ({}, None),
    ],
)
def test_reports_lead_back_to_the_portal_also_without_providers(
    portal: dict[str, Any], origin: str | None
) -> None:
    one = {"services": {"portal": {"enabled": True}}, "portal": {"existingSecret": "session"}}
    values = merged(merged(example("small"), one), {"portal": portal})
    (container,) = pod_of(deployments(values)["portal"])["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables.get("KIENG_PUBLIC_URL") == origin
