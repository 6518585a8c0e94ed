"""Rates of the portal begin at 0, not at the first request."""

from __future__ import annotations

from prometheus_client import REGISTRY

from services.portal import metrics


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"kieng_portal_{name}", labels)


def test_every_page_and_every_reason_is_there_before_the_first_request() -> None:
    assert value("requests_total", page="/a", status="500") is None
    metrics.preset(["/a"])
    for status in metrics.STATUSES:
        assert value("requests_total", page="/a", status=status) == 0
    assert value("request_seconds_count", page="/a") == 0
    for reason in metrics.REFUSALS:
        assert value("refused_total", reason=reason) is not None
