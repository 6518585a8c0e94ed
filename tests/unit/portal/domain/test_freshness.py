"""Whether numbers are to be trusted, as operators are told."""

import re
from pathlib import Path

from services.portal.domain import freshness
from services.portal.domain.freshness import AMBER, GOOD, RED

RULES = Path(__file__).parents[4] / "helm/kieng/files/prometheus-rules.yaml"
SCRIPT = Path(__file__).parents[4] / "services/portal/static/live.js"


def test_the_worst_trouble_decides() -> None:
    assert freshness.level(freshness.troubles("", 0, 0)) == GOOD
    assert freshness.level(freshness.troubles("", 3, 0)) == AMBER
    assert freshness.level(freshness.troubles("", 3, 1)) == RED
    assert freshness.level(freshness.troubles("LOG_DIVERGED", 0, 0)) == RED


def test_the_limits_are_those_of_the_alerts() -> None:
    rules = RULES.read_text(encoding="utf-8")

    def limit(alert: str) -> int:
        found = re.search(rf"alert: {alert}\n\s+expr: '[^']*> (\d+)'", rules)
        assert found is not None
        return int(found[1])

    assert limit("KiengViewStale") == freshness.AMBER_SECONDS
    assert limit("KiengLagHigh") == freshness.RED_SECONDS
    script = SCRIPT.read_text(encoding="utf-8")
    assert f"AMBER_SECONDS = {freshness.AMBER_SECONDS};" in script
    assert f"RED_SECONDS = {freshness.RED_SECONDS};" in script
