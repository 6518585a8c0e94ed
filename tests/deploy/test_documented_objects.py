"""Objects for Kubernetes that a page shows can be applied as they stand, and are closed off."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.known import ROOT, settings, unknown_words
from tests.unit.docs.command_lines import mistakes_of
from tests.unit.docs.pages import FENCE

PAGE = ROOT / "docs" / "installing.md"
VERSIONS = ("1.29", kubernetes_validate.latest_version())


def shown() -> list[dict[str, Any]]:
    fences = FENCE.findall(PAGE.read_text(encoding="utf-8"))
    loaded = [yaml.load(body, yaml.CSafeLoader) for kind, body in fences if kind == "yaml"]
    return [each for each in loaded if "apiVersion" in each]


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def test_the_page_shows_a_backup() -> None:
    assert [(each["kind"], each["metadata"]["name"]) for each in shown()] == [
        ("CronJob", "kieng-backup")
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid(version: str) -> None:
    for each in shown():
        kubernetes_validate.validate(each, version, strict=True)


def test_it_runs_a_real_command_with_real_settings_into_a_volume() -> None:
    (job,) = shown()
    container = container_of(job)
    assert mistakes_of(container["command"], complete=True) == []
    assert unknown_words(container["command"][1:]) == []
    assert {variable["name"] for variable in container["env"]} <= settings()
    (to,) = re.findall(r"--to (\S+)", " ".join(container["command"]))
    assert to in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_it_is_restricted_as_every_pod_of_the_chart() -> None:
    (job,) = shown()
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container_of(job)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
