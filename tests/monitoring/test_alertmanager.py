"""Who is told of what: the routes of Alertmanager, by its own tool."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import yaml

from services.cli.commands.up import DIRECTORY
from services.cli.local.stack_processes import read_institutions
from tests.monitoring.bundle import ROOT, alerts, run

FOLDER = ROOT / "deploy" / "alertmanager"
FILE = FOLDER / "alertmanager.yml"
INSTITUTIONS = read_institutions(DIRECTORY)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told(**labels: str) -> list[str]:
    """Receivers of an alert, in order."""
    arguments = [f"{name}={value}" for name, value in labels.items()]
    answer = run("amtool", "config", "routes", "test", "--config.file", FILE, *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip().split(",")


def test_the_file_is_what_its_generator_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == generator().text(), "run generate.py"


UNITS = {"d": 24.0, "h": 1.0, "m": 1 / 60, "s": 1 / 3600}


def hours(text: str) -> float:
    return sum(float(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)([dhms])", text))


def retention_hours() -> float:
    """How long Compose's Alertmanager remembers what it told; without a flag 120 hours."""
    compose = yaml.load(
        (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
    )
    flags = [each.split("=", 1) for each in compose["services"]["alertmanager"]["command"]]
    return hours(dict(flags).get("--data.retention", "120h"))


def routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for each in route.get("routes", ()):
        yield from routes(each)


def test_nothing_is_told_again_after_it_was_forgotten_that_it_was_told() -> None:
    root = yaml.load(FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)["route"]
    again = [each["repeat_interval"] for each in routes(root) if "repeat_interval" in each]
    assert len(again) > 3
    # A longer one is repeated whenever the memory of it ends, as Alertmanager warns.
    assert max(map(hours, again)) <= min(retention_hours(), 120.0)


def test_alertmanager_takes_the_file() -> None:
    checked = run("amtool", "check-config", FILE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("institution", INSTITUTIONS)
def test_an_institution_hears_of_its_own_and_the_operators_too(institution: str) -> None:
    own = f"institution-{institution}"
    outbox = {"alertname": "KiengOutboxWaiting", "institution": institution}
    assert told(**outbox, severity="critical") == [own, "operators"]
    missing = {"alertname": "KiengInstitutionMissing", "institution": institution}
    assert told(**missing, severity="critical") == [own, "operators"]
    queue = {"alertname": "KiengReviewQueueOld", "institution": institution}
    assert told(**queue, severity="ticket") == [own]


def test_what_concerns_all_goes_to_the_operators() -> None:
    for name, rule in alerts().items():
        severity = rule["labels"]["severity"]
        expected = "watchdog" if severity == "none" else "operators"
        assert told(alertname=name, severity=severity) == [expected]


def test_an_institution_that_joins_gets_a_route_and_an_address() -> None:
    made = generator().configuration(
        [*INSTITUTIONS, "new"],
        yaml.load((FOLDER / "receivers.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader),
    )
    (receiver,) = [each for each in made["receivers"] if each["name"] == "institution-new"]
    assert receiver["email_configs"][0]["to"] == "kpi@new.example"
    matchers = [route["matchers"] for route in made["route"]["routes"]]
    assert ['institution="new"'] in matchers


def test_an_outage_silences_what_follows_from_it_in_its_own_installation_only() -> None:
    made = yaml.load(FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    assert all(rule["equal"] == ["namespace"] for rule in made["inhibit_rules"])


def test_only_alerts_that_exist_silence_others() -> None:
    known = set(alerts())
    for cause, effects in generator().INHIBITED.items():
        assert cause in known
        assert set(effects) <= known
