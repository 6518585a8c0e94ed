"""Writes series in promtool's notation.

`1x40` is 1 at every step (30 seconds), `0+5x40` grows by 5 a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Series = dict[str, str]
PROCESS = '{instance="a:1", job="kieng"}'
SERVICE = 'grpc_type="unary", grpc_service="kieng.kpi.v1.KpiService", grpc_method="GetKpis"'
SERVICES = (
    *("partners", "submissions", "kpi.aggregator", "kpi.query"),
    *("notifications", "exporter", "portal"),
)
ALL_THERE = {f'kieng_service_info{{service="{name}"}}': "1x240" for name in SERVICES}
KPI = '{group="kieng.kpi", topic="kieng.submissions.v1", partition="0"}'
GROUP = f'{{group="kieng.kpi", {PROCESS[1:]}'
READER = f'{{group="kieng.kpi", topic="kieng.submissions.v1", {PROCESS[1:]}'
OF_GROUP = {"group": "kieng.kpi"}
OF_READER = {**OF_GROUP, "topic": "kieng.submissions.v1"}
OF_PARTITION = {**OF_READER, "partition": "0"}
OF_PROCESS = {"instance": "a:1", "job": "kieng"}
OF_SERVICE = {"grpc_service": "kieng.kpi.v1.KpiService"}
HERE = {"namespace": "here", "instance": "a:1"}


@dataclass(frozen=True)
class Case:
    """One alert: ``bad`` series fire it by ``fires_at`` with these labels, ``good`` ones never do.

    ``quiet_at`` is a time at which the bad series exist and it does not fire yet; empty when it may
    fire at once.
    """

    bad: Series
    good: Series
    fires_at: str
    labels: dict[str, str] = field(default_factory=dict)
    quiet_at: str = ""


def process(number: str) -> Series:
    return {f"kieng_service_info{PROCESS}": "1x240", number: "1x240"}


def share(busy: str, limit: str, labels: str = PROCESS) -> tuple[Series, Series]:
    """Of 32 places 31 are taken, and 16 are."""
    all_places = {f"{limit}{labels}": "32x40"}
    return {f"{busy}{labels}": "31x40", **all_places}, {f"{busy}{labels}": "16x40", **all_places}


def disk(part: str, free: int) -> Series:
    labels = f'{{instance="a:1", part="{part}"}}'
    return {
        f"kieng_disk_free_bytes{labels}": f"{free}x40",
        f"kieng_disk_bytes{labels}": "100x40",
    }


def handled(code: str, step: int) -> Series:
    name = f'grpc_server_handled_total{{{SERVICE}, grpc_code="{code}"}}'
    return {name: f"0+{step}x60"}


def buckets(name: str, labels: str, slow: float) -> Series:
    """100 observations a step, all below 10 seconds, `slow` of them above 1 second."""
    comma = ", " if labels else ""
    return {
        f'{name}{{{labels}{comma}le="{bound}"}}': f"0+{count}x60"
        for bound, count in (("1.0", 100 - slow), ("10.0", 100), ("+Inf", 100))
    }


def growing(name: str, step: str) -> Series:
    return {name: step}


def here(name: str, values: str) -> Series:
    return {f'{name}{{namespace="here", instance="a:1"}}': values}


def elsewhere(name: str, values: str) -> Series:
    """The same of another installation that the same Prometheus looks at."""
    return {f'{name}{{namespace="elsewhere", instance="b:1"}}': values}
