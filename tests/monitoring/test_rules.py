"""Every rule is valid, and every alert fires when it should and is silent when it should be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from services.cli.client.stack import SERVICES
from tests.monitoring import promtool_series
from tests.monitoring.alerts import CASES
from tests.monitoring.bundle import RULES, RUNBOOKS, rule_queries, run
from tests.monitoring.bundle import alerts as declared
from tests.monitoring.promtool_series import Case

SEVERITIES = {"critical", "warning", "ticket", "none"}
AGGREGATION = r"\b(?:sum|max|min|avg|count|group)\b(?!_)( by \([^)]*\)|)(?= ?\()"
SECTIONS = ["Symptom", "Check", "Remedy"]
PLACEHOLDER = "https://kieng.example/docs/runbooks/"


def test_prometheus_takes_the_rules() -> None:
    checked = run("promtool", "check", "rules", RULES)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("query", rule_queries(), ids=lambda query: query.place)
def test_another_parser_takes_the_query(query: Any) -> None:
    promql_parser.parse(query.text)


@pytest.mark.parametrize("name", declared())
def test_an_alert_says_what_how_bad_and_what_to_do(name: str) -> None:
    rule = declared()[name]
    assert re.fullmatch(r"Kieng[A-Z]\w+", name)
    assert rule["for"]
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"{PLACEHOLDER}{name}.md"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("Kieng*.md")}
    assert pages == set(declared())


@pytest.mark.parametrize("name", declared())
def test_a_runbook_says_symptom_check_and_remedy_with_commands(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    for section in text.split("\n## ")[1:]:
        assert len(section.partition("\n")[2].strip()) > 40, f"{name}: {section[:20]} is empty"
    assert "```bash" in text, f"{name}: no command"


def test_every_alert_is_tested() -> None:
    assert set(CASES) == set(declared())


def test_the_tests_know_every_service_that_may_be_missing() -> None:
    assert set(promtool_series.SERVICES) == set(SERVICES)
    expression = declared()["KiengServiceMissing"]["expr"]
    assert set(re.findall(r'service="([^"]+)"', expression)) == set(SERVICES)


def test_installations_are_told_apart_by_their_namespace() -> None:
    """Or one that is well would hide one that is not."""
    for query in rule_queries():
        for by in re.findall(AGGREGATION, query.text):
            assert by.startswith(" by (namespace"), f"{query.place}: {query.text}"


@pytest.mark.parametrize("name", [n for n, rule in declared().items() if "absent" in rule["expr"]])
def test_an_alert_of_absence_names_the_service_that_it_misses(name: str) -> None:
    """The chart leaves it out where the service does not run, and fills the braces."""
    rule = declared()[name]
    for line in rule["expr"].split("\nor "):
        (own,) = re.findall(r"^absent\(kieng_\w+{(.*)}\)$", line)
        named = re.findall(r'^service="(.+)"$', own) or [rule["labels"].get("service")]
        assert set(named) <= set(SERVICES)


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    files = [written(tmp_path, name, case) for name, case in CASES.items()]
    tested = run("promtool", "test", "rules", *files)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, "KiengDatabaseDown", CASES["KiengBrokerDown"])
    assert run("promtool", "test", "rules", path).returncode != 0


def written(folder: Path, name: str, case: Case) -> Path:
    """Write promtool's file for one alert, and its rules: the alert with all that is recorded.

    No alert reads another, and promtool would evaluate all of them at every step of every case.
    """
    document = yaml.load(RULES.read_text(encoding="utf-8"), yaml.CSafeLoader)
    for group in document["groups"]:
        group["rules"] = [r for r in group["rules"] if r.get("alert", name) == name]
    rules = folder / f"{name}.rules.yaml"
    rules.write_text(yaml.safe_dump(document), encoding="utf-8")
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(promtool_test(name, case, rules)), encoding="utf-8")
    return path


def test_no_alert_reads_another() -> None:
    """So each is tested without the others."""
    assert not [query.place for query in rule_queries() if "ALERTS" in query.text]


def promtool_test(name: str, case: Case, rules: Path) -> dict[str, Any]:
    """Return the file of promtool for one alert."""
    severity = declared()[name]["labels"]["severity"]
    labels = {"alertname": name, "alertstate": "firing", "severity": severity, **case.labels}
    sample = "ALERTS{" + ", ".join(f'{k}="{v}"' for k, v in labels.items()) + "}"
    fired = [{"labels": sample, "value": 1}]
    moments = [(case.fires_at, fired)] + ([(case.quiet_at, [])] if case.quiet_at else [])
    tests = [_of(name, case.bad, moments)]
    # The dead man's switch is never silent.
    if name != "KiengWatchdog":
        tests.append(_of(name, case.good, [(case.fires_at, [])]))
    return {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}


def _of(name: str, series: dict[str, str], moments: list[tuple[str, list[Any]]]) -> dict[str, Any]:
    query = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    return {
        "interval": "30s",
        "input_series": [{"series": name, "values": value} for name, value in series.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": at, "exp_samples": expected} for at, expected in moments
        ],
    }
