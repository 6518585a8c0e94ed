"""Rules and dashboards as the chart brings them to a cluster."""

from __future__ import annotations

import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from services.cli.client.stack import SERVICES
from tests.deploy.charts import (
    EXAMPLES,
    deployments,
    example,
    merged,
    notes,
    of_kind,
)
from tests.deploy.known import CHART, ROOT

RULES = CHART / "files" / "prometheus-rules.yaml"


@pytest.fixture(params=EXAMPLES)
def values(request: pytest.FixtureRequest) -> dict[str, Any]:
    return example(request.param)


def test_rules_come_as_they_stand_with_links_to_the_operators_own_pages() -> None:
    (each,) = of_kind(example("production"), "PrometheusRule")
    text = RULES.read_text().replace(
        "https://kieng.example/docs/", "https://wiki.example.vn/kieng/"
    )
    # What is missed is missed in the release's namespace, where every service runs.
    text = re.sub(r"absent\((\w+){(?=service)", r'absent(\1{namespace="kieng", ', text)
    text = re.sub(r"absent\((\w+){}", r'absent(\1{namespace="kieng"}', text)
    assert each["spec"] == yaml.load(text, yaml.CSafeLoader)
    links = [rule["annotations"]["runbook_url"] for rule in alerts(each)]
    assert len(links) >= 10
    assert [link for link in links if not link.startswith("https://wiki.example.vn/kieng/")] == []


def own_release(*off: str) -> dict[str, Any]:
    """Watched, with the services of that name left to another release."""
    elsewhere = {
        "partners": "p:443",
        "kpi": "k:443",
        "notifications": "n:443",
        "submissions": "s:1",
    }
    names = {"partners": "partners", "query": "kpi", "notifications": "notifications"}
    names["submissions"] = "submissions"
    addresses = {names[name]: elsewhere[names[name]] for name in off if name in names}
    disabled = {name: {"enabled": False} for name in off}
    return merged(example("production"), {"services": disabled, "addresses": addresses})


@pytest.mark.parametrize("off", ["partners", "submissions", "aggregator", "query", "notifications"])
def test_a_service_that_a_release_does_not_run_is_not_missed_there(off: str) -> None:
    process = {"aggregator": "kpi.aggregator", "query": "kpi.query"}.get(off, off)
    (each,) = of_kind(own_release(off), "PrometheusRule")
    found = {rule["alert"]: rule for rule in alerts(each)}
    missed = re.findall(r'service="([^"]+)"', found["KiengServiceMissing"]["expr"])
    assert set(missed) == set(SERVICES) - {process}
    assert ("KiengNoLiveView" in found) is (off != "query")
    assert "KiengLagMissing" in found
    for expression in (rule["expr"] for rule in found.values()):
        promql_parser.parse(expression)


def test_the_release_of_one_institution_watches_what_it_runs_and_depends_on() -> None:
    """The example of docs/installing.md."""
    text = (ROOT / "docs/installing.md").read_text()
    given = yaml.load(
        re.findall(r"```yaml\n(institutions: .*?)```", text, re.DOTALL)[0], yaml.CSafeLoader
    )
    enabled = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
    watched = {"metrics": {"assumeCustomResources": True, **enabled}}
    small = merged(example("small"), {"services": {"portal": {"enabled": False}}})
    values = merged(merged(small, given), watched)
    assert set(deployments(values)) == {"submissions", "exporter"}
    (each,) = of_kind(values, "PrometheusRule")
    found = {rule["alert"]: rule["expr"] for rule in alerts(each)}
    assert found["KiengServiceMissing"] == (
        'absent(kieng_service_info{namespace="kieng", service="submissions"})\n'
        'or absent(kieng_service_info{namespace="kieng", service="exporter"})'
    )
    assert {"KiengDatabaseDown", "KiengBrokerDown", "KiengLagMissing", "KiengDiskFilling"} <= {
        *found
    }
    assert "KiengNoLiveView" not in found
    without = merged(values, {"services": {"exporter": {"enabled": False}}})
    (each,) = of_kind(without, "PrometheusRule")
    assert "KiengLagMissing" not in {rule["alert"] for rule in alerts(each)}
    assert "services.exporter is not enabled: nobody sees" in notes(without)
    assert "services.exporter" not in notes(values)


def alerts(rules: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule]


def test_labels_of_our_metrics_are_not_renamed() -> None:
    """Alerts select by `service`, a label that the operator's targets have too."""
    (monitor,) = of_kind(example("production"), "ServiceMonitor")
    assert all(endpoint["honorLabels"] is True for endpoint in monitor["spec"]["endpoints"])


def test_every_dashboard_is_mounted_as_it_stands() -> None:
    files = {path.name: path for path in (CHART / "files/grafana-dashboards").glob("*.json")}
    maps = [
        each
        for each in of_kind(example("production"), "ConfigMap")
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    assert {name for each in maps for name in each["data"]} == set(files)
    for each in maps:
        ((name, text),) = each["data"].items()
        assert json.loads(text) == json.loads(files[name].read_text())
        assert each["metadata"]["annotations"] == {"grafana_folder": "Kieng"}
        assert len(text) < 1_000_000, "an object holds at most 1 MiB"
