"""Whether numbers are to be trusted, as operators are told."""

import re
from pathlib import Path

from services.portal.domain import trust
from services.portal.domain.trust import AMBER, GOOD, RED

RULES = Path(__file__).parents[4] / "helm/kieng/files/prometheus-rules.yaml"


def test_the_worst_trouble_decides() -> None:
    assert trust.level(trust.troubles("", 0, 0)) == GOOD
    assert trust.level(trust.troubles("", 3, 0)) == AMBER
    assert trust.level(trust.troubles("", 3, 1)) == RED
    assert trust.level(trust.troubles("LOG_DIVERGED", 0, 0)) == RED


def test_the_limits_are_those_of_the_alerts() -> None:
    rules = RULES.read_text(encoding="utf-8")

    def limit(alert: str) -> int:
        found = re.search(rf"alert: {alert}\n\s+expr: '[^']*> (\d+)'", rules)
        assert found is not None
        return int(found[1])

    assert limit("KiengViewStale") == trust.AMBER_SECONDS
    assert limit("KiengLagHigh") == trust.RED_SECONDS
