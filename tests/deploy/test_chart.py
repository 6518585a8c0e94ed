"""What the chart makes of good values."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from services.cli.client.local_issuer import write_key
from services.cli.client.stack import SERVICES
from services.kernel.config import read
from services.kernel.runner import STOP_SECONDS_MAX, find_service
from tests.deploy.charts import (
    EXAMPLES,
    WORKLOADS,
    deployments,
    environment,
    example,
    name_of,
    objects,
    of_kind,
    pod_of,
    render,
)
from tests.deploy.known import CHART, ROOT, settings, unknown_words

VERSIONS = ("1.29", "1.31", "1.33", kubernetes_validate.latest_version())
OF_OTHERS = {path.stem: path for path in (Path(__file__).parent / "schemas").glob("*.json")}
METADATA: dict[str, Any] = yaml.load((CHART / "Chart.yaml").read_text(), yaml.CSafeLoader)
DATABASE = "mongodb://database.example.vn/?tls=true"


@pytest.fixture(params=EXAMPLES)
def values(request: pytest.FixtureRequest) -> dict[str, Any]:
    return example(request.param)


def test_helm_finds_nothing_to_complain_of(values: dict[str, Any]) -> None:
    report = helm.lint(CHART, values, strict=True)
    # 1 is a hint: it misses an icon.
    assert [message for message in report["messages"] if message["severity"] > 1] == []
    assert report["errors"] == []


def test_the_objects_are_shown(values: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """For the reader of `make check-deploy`: what comes of each example."""
    found = objects(values)
    names = [name_of(each) for each in found]
    assert len(names) == len(set(names)) >= 11
    print(f"\n{request.node.callspec.id}: {len(found)} objects")
    print("\n".join(f"  {name}" for name in sorted(names)))


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_take_every_object(values: dict[str, Any], version: str) -> None:
    for each in objects(values):
        if each["kind"] not in OF_OTHERS:
            kubernetes_validate.validate(each, version, strict=True)


def test_operators_would_take_their_objects() -> None:
    """The vendored schemas know only what the chart writes, so a slip of the pen is unknown."""
    found = [each for each in objects(example("production")) if each["kind"] in OF_OTHERS]
    assert {each["kind"] for each in found} == set(OF_OTHERS)
    for each in found:
        schema = json.loads(OF_OTHERS[each["kind"]].read_text())
        Draft202012Validator.check_schema(schema)
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(each)]
        assert errors == [], name_of(each)


def test_every_service_of_the_product_is_in_the_chart() -> None:
    commands = {
        pod_of(each)["containers"][0]["command"][-1]
        for each in deployments(example("production")).values()
    }
    assert commands >= set(SERVICES)


def test_selectors_are_those_of_the_first_release() -> None:
    """Kubernetes refuses an upgrade that changes one: whoever has to needs a new name."""
    for name, each in deployments(example("production")).items():
        assert each["spec"]["selector"] == {
            "matchLabels": {
                "app.kubernetes.io/name": "kieng",
                "app.kubernetes.io/instance": "trial",
                "app.kubernetes.io/component": name,
            }
        }
        assert each["metadata"]["name"] == f"trial-kieng-{name}"


def test_every_selector_finds_pods(values: dict[str, Any]) -> None:
    pods = [each["spec"]["template"]["metadata"]["labels"] for each in deployments(values).values()]
    for each in of_kind(values, "Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = each["spec"]
        wanted = spec.get("podSelector", spec.get("selector"))
        wanted = wanted.get("matchLabels", wanted)
        found = [labels for labels in pods if wanted.items() <= labels.items()]
        assert len(found) == 1, name_of(each)


def test_rendering_twice_gives_the_same(values: dict[str, Any]) -> None:
    assert render(values) == render(values)
    text = "".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))
    assert not re.findall(r"\b(rand\w+|genCA|gen\w+Cert|genPrivateKey|uuidv4|now|lookup)\b", text)


def test_the_chart_makes_no_secret_and_shows_none(values: dict[str, Any]) -> None:
    assert of_kind(values, "Secret") == []
    for each in of_kind(values, *WORKLOADS):
        taken = {name for name, value in environment(each).items() if isinstance(value, dict)}
        assert taken <= {"KIENG_TOKEN"}, "secrets are files"


def test_every_variable_is_a_setting(values: dict[str, Any]) -> None:
    for each in of_kind(values, *WORKLOADS):
        assert set(environment(each)) <= settings(), name_of(each)


@pytest.mark.parametrize("name", EXAMPLES)
def test_services_can_read_their_environment(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings class of each service takes what its container is given."""
    values = example(name)
    for each in deployments(values).values():
        process = pod_of(each)["containers"][0]["command"][-1]
        given = environment(each)
        with monkeypatch.context() as patch:
            for variable, value in given.items():
                path = tmp_path / variable
                if variable.endswith("_FILE") and value.startswith("/etc/kieng/"):
                    path.unlink(missing_ok=True)
                    if variable in ("KIENG_EDITION_KEY_FILE", "KIENG_SERVICE_KEY_FILE"):
                        write_key(path)
                    elif variable == "KIENG_MONGO_URI_FILE":
                        path.write_text(f"{DATABASE}\n")
                    else:
                        path.write_text(f"from {value}\n")
                    value = str(path)
                patch.setenv(variable, value)
            loaded, mistakes = read(find_service(process)[1])
        assert loaded is not None, mistakes
        if process == "portal":  # it is met from outside, and needs neither
            assert [name for name in given if "MONGO" in name or "KAFKA" in name] == []
        else:
            assert loaded.mongo_uri == DATABASE
            assert loaded.kafka_bootstrap == values["kafka"]["bootstrapServers"]
        assert (loaded.grpc_port, loaded.http_port) == (50051, 9464)
        if process == "submissions":
            assert list(vars(loaded)["institutions"]) == values["institutions"]


def test_what_is_read_is_mounted(values: dict[str, Any]) -> None:
    for each in of_kind(values, *WORKLOADS):
        (volume,) = [v for v in pod_of(each)["volumes"] if v["name"] == "connections"]
        mounted = {
            f"/etc/kieng/{item['path']}"
            for source in volume["projected"]["sources"]
            for item in next(iter(source.values()))["items"]
        }
        files = {v for v in environment(each).values() if str(v).startswith("/etc/kieng/")}
        if each["kind"] == "Job":
            # It calls no service.
            files = {f for f in files if not re.match("/etc/kieng/(issuers|tls)/", f)}
        assert files <= mounted, name_of(each)


def test_each_service_is_given_the_secrets_that_it_uses() -> None:
    found = {
        name: json.dumps(pod_of(each)) for name, each in deployments(example("production")).items()
    }
    assert {name for name, text in found.items() if "kieng-editions" in text} == {"query"}
    assert {name for name, text in found.items() if "kieng-mail" in text} == {"notifications"}


def test_jobs_and_test_run_commands_that_exist() -> None:
    found = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each
        for each in of_kind(example("production"), "Job", "Pod")
    }
    assert set(found) >= {"topics", "doctor"}
    for each in found.values():
        program, *arguments = pod_of(each)["containers"][0]["command"]
        assert program == "kieng"
        assert unknown_words([word for word in arguments if word not in ("en", "3")]) == []
        hook = each["metadata"]["annotations"]["helm.sh/hook"]
        assert hook == ("test" if each["kind"] == "Pod" else "pre-install,pre-upgrade")


def test_jobs_need_nothing_that_the_release_makes() -> None:
    """They run before anything else of the release is there."""
    for job in of_kind(example("production"), "Job"):
        pod = pod_of(job)
        assert "serviceAccountName" not in pod
        assert "configMap" not in json.dumps(pod["volumes"])


def test_draining_fits_into_the_time_before_the_kill(values: dict[str, Any]) -> None:
    for each in deployments(values).values():
        pod = pod_of(each)
        (container,) = pod["containers"]
        words = container["lifecycle"]["preStop"]["exec"]["command"]
        before = float(re.findall(r"sleep\((\d+)\)", words[-1])[0])
        assert before + STOP_SECONDS_MAX < pod["terminationGracePeriodSeconds"]


def test_probes_ask_what_they_should(values: dict[str, Any]) -> None:
    for name, each in deployments(values).items():
        (container,) = pod_of(each)["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        ports = {port["name"] for port in container["ports"]}
        ready = container["readinessProbe"]
        if name in ("aggregator", "exporter", "portal"):
            assert ready["httpGet"]["path"] == "/readyz"
            assert ports == ({"http", "web"} if name == "portal" else {"http"})
        else:
            # The kubelet cannot ask by TLS.
            assert ready["tcpSocket"] == {"port": "grpc"}
            assert ports == {"grpc", "http"}


def test_only_several_replicas_have_a_budget() -> None:
    production = {name_of(each) for each in of_kind(example("production"), "PodDisruptionBudget")}
    assert len(production) == 6
    assert of_kind(example("small"), "PodDisruptionBudget") == []


def test_replicas_are_left_to_whoever_scales() -> None:
    values = example("production")
    found = deployments(values)
    scaled = {"submissions", "aggregator"}
    assert {name for name, each in found.items() if "replicas" not in each["spec"]} == scaled
    (keda,) = of_kind(values, "ScaledObject")
    (hpa,) = of_kind(values, "HorizontalPodAutoscaler")
    assert keda["spec"]["scaleTargetRef"]["name"] == "trial-kieng-aggregator"
    assert keda["spec"]["maxReplicaCount"] == values["kafka"]["partitions"]
    assert hpa["spec"]["scaleTargetRef"]["name"] == "trial-kieng-submissions"
    assert hpa["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300


def test_scaling_by_lag_cannot_be_driven_by_a_stuck_partition() -> None:
    (keda,) = of_kind(example("production"), "ScaledObject")
    ((trigger),) = keda["spec"]["triggers"]
    facts = trigger["metadata"]
    assert (facts["consumerGroup"], facts["topic"]) == ("kieng.kpi", "kieng.submissions.v1")
    assert facts["excludePersistentLag"] == facts["limitToPartitionsWithLag"] == "true"
    assert facts["offsetResetPolicy"] == "earliest"
    down = keda["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 300


def test_consumers_make_room_before_they_are_replaced() -> None:
    for name, each in deployments(example("production")).items():
        rolling = each["spec"]["strategy"]["rollingUpdate"]
        consumes = name in ("aggregator", "notifications")
        assert (rolling["maxSurge"], rolling["maxUnavailable"]) == ((0, 1) if consumes else (1, 0))


def test_policies_close_everything_that_is_not_needed() -> None:
    values = example("production")
    found = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]
        for each in of_kind(values, "NetworkPolicy")
    }
    assert set(found) == set(deployments(values))
    more: dict[str, set[int | str]] = {"submissions": {"grpc"}, "notifications": {587}}
    for name, spec in found.items():
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        ports = {p["port"] for rule in spec["egress"] for p in rule["ports"]}
        parts: set[int | str] = {"grpc"} if name == "portal" else {9093, 27017}
        assert ports == {53, 4318} | parts | more.get(name, set()), name
        assert all(rule.get("from") for rule in spec["ingress"]), "nobody is let in by default"


def test_the_list_of_images_is_complete(values: dict[str, Any]) -> None:
    values["image"], values["global"] = {}, {}
    images = {
        container["image"]
        for each in of_kind(values, *WORKLOADS)
        for container in pod_of(each)["containers"]
    }
    listed = yaml.load(METADATA["annotations"]["artifacthub.io/images"], yaml.CSafeLoader)
    assert images == {entry["image"] for entry in listed}


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert METADATA["appVersion"] == project["version"]
    assert f"KIENG_IMAGE:-kieng:{project['version']}" in (ROOT / "deploy/compose.yaml").read_text()
