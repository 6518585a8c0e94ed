"""Every pod keeps the "restricted" Pod Security Standard, and the limits that operators expect."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.charts import (
    EXAMPLES,
    WORKLOADS,
    Object,
    deployments,
    environment,
    example,
    name_of,
    objects,
    of_kind,
    pod_of,
)
from tests.deploy.known import DOCKERFILE, ROOT, needs_tools
from tests.deploy.tools import locked_environment

LOCK = Path(__file__).parent / "checkov.lock"

ACCEPTED = {
    "CKV_K8S_11": "a limit of CPU slows a service down and protects nobody; memory is limited",
    "CKV_K8S_10": "one of the examples takes its request of CPU away on purpose",
    "CKV_K8S_43": "the digest of an image that is not built yet is not known; values have a place",
    "CKV_K8S_15": "pulling always needs the registry at every start; tags here never move",
    "CKV_K8S_8": "a job or a test has no life to ask for",
    "CKV_K8S_9": "a job or a test has no readiness to ask for",
    "CKV_K8S_35": "the token of doctor is read from the environment, as `kieng` does everywhere",
    "CKV2_K8S_6": "hook jobs and the test run before or beside the policies; each service has one",
}


@pytest.fixture(params=EXAMPLES)
def workloads(request: pytest.FixtureRequest) -> list[Object]:
    """What starts pods, with the values of an example."""
    found = of_kind(example(request.param), *WORKLOADS)
    assert found
    return found


def test_every_pod_is_restricted(workloads: list[Object]) -> None:
    for each in workloads:
        is_restricted(name_of(each), pod_of(each))


def is_restricted(name: str, pod: dict[str, Any]) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True, name
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 10001
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False, name
    assert pod["enableServiceLinks"] is False, name
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
    assert {next(iter(v.keys() - {"name"})) for v in pod["volumes"]} <= {"emptyDir", "projected"}
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert isinstance(container["command"], list), "no shell"
        assert "sh" not in container["command"]


def test_memory_is_limited_and_the_processor_is_not(workloads: list[Object]) -> None:
    for each in workloads:
        for container in pod_of(each)["containers"]:
            resources = container["resources"]
            assert set(resources["limits"]) == {"memory"}, name_of(each)
            assert "memory" in resources["requests"], name_of(each)


def test_what_is_written_has_a_limit(workloads: list[Object]) -> None:
    for each in workloads:
        scratch = [v["emptyDir"] for v in pod_of(each)["volumes"] if "emptyDir" in v]
        assert [volume for volume in scratch if "sizeLimit" not in volume] == [], name_of(each)


@pytest.mark.parametrize("name", EXAMPLES)
def test_policies_are_on_unless_they_are_switched_off(name: str) -> None:
    values = example(name)
    values.setdefault("networkPolicy", {}).pop("enabled", None)
    found = of_kind(values, "NetworkPolicy")
    assert len(found) == len(deployments(values))
    values["networkPolicy"]["enabled"] = False
    assert of_kind(values, "NetworkPolicy") == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_the_service_that_calls_others_gets_the_key_that_signs_its_calls(name: str) -> None:
    values = example(name, serviceKey__existingSecret="kieng-calls")
    holders = {
        component
        for component, each in deployments(values).items()
        if "KIENG_SERVICE_KEY_FILE" in environment(each) or "kieng-calls" in str(pod_of(each))
    }
    assert holders == {"submissions"}
    for each in deployments(example(name, serviceKey__existingSecret="")).values():
        assert "KIENG_SERVICE_KEY_FILE" not in environment(each)
        assert environment(each)["KIENG_AUDIENCES"] == "none"


def test_each_service_has_the_kafka_user_that_is_named_for_it() -> None:
    secrets = {"submissions": "kafka-submissions", "query": "kafka-query"}
    found = deployments(example("production", kafka__security__serviceSecrets=secrets))
    named = {
        component: {
            name for name in ("kafka-submissions", "kafka-query") if name in str(pod_of(each))
        }
        for component, each in found.items()
    }
    assert named.pop("submissions") == {"kafka-submissions"}
    assert named.pop("query") == {"kafka-query"}
    assert set().union(*named.values()) == set(), "others use the common one"


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_the_process_that_signs_editions_gets_their_key(name: str) -> None:
    values = example(name, editions__existingSecret="kieng-editions")
    holders = {
        name_of(each).removeprefix("Deployment/trial-kieng-")
        for each in of_kind(values, *WORKLOADS)
        if "KIENG_EDITION_KEY_FILE" in environment(each) or "kieng-editions" in str(pod_of(each))
    }
    assert holders == ({"query"} & deployments(values).keys())


@needs_tools
@pytest.mark.parametrize("name", EXAMPLES)
def test_checkov_finds_nothing_that_is_not_accepted(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rendered.yaml"
    path.write_text(yaml.safe_dump_all(objects(example(name))))
    failed = checkov(path, "kubernetes")
    assert sorted(failed - ACCEPTED.keys()) == []
    print(f"\ncheckov, {name}: accepted {', '.join(sorted(failed)) or 'nothing'}")


@needs_tools
def test_checkov_finds_nothing_in_the_dockerfile() -> None:
    assert checkov(DOCKERFILE, "dockerfile") == set()


@needs_tools
def test_checkov_would_find_something(tmp_path: Path) -> None:
    """A pod with every right is refused; so the tests above can fail."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "free"},
        "spec": {
            "containers": [
                {"name": "free", "image": "free", "securityContext": {"privileged": True}}
            ]
        },
    }
    path = tmp_path / "pod.yaml"
    path.write_text(yaml.safe_dump(pod))
    assert "CKV_K8S_16" in checkov(path, "kubernetes")


def checkov(path: Path, framework: str) -> set[str]:
    """Return the ids of the checks that failed."""
    program = locked_environment("checkov", LOCK) / "checkov"
    options = ["--framework", framework, "--compact", "--quiet", "--output", "json"]
    options += ["--skip-download", "--soft-fail"]
    found = subprocess.run(
        [program, "--file", path, *options], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    passed = report["summary"]["passed"] if "summary" in report else report["passed"]
    assert passed > 0
    results = report.get("results", {}).get("failed_checks", [])
    return {check["check_id"] for check in results}
