"""Just reading the log, and the bare fold in memory behind it: the 1.0 of all ratios."""

from __future__ import annotations

from tests.benchmark.figures import Figure
from tests.benchmark.machine import Machine

STEPS = {
    "delivery": "kafka-python with crc32c",
    "parse": "protobuf",
    "decode": "to claims and facts",
    "fold": "to rows, rolled up",
}


def read(machine: Machine, events: int) -> tuple[float, list[Figure]]:
    """Read the log and do nothing; return the seconds it took."""
    measured = machine.inside("read", machine.bootstrap, events)
    rate, cost = events / measured["wall"], measured["cpu"] / events * 1e6
    return measured["wall"], [
        Figure("just reading the log: rate", rate, "events/s", events),
        Figure("just reading the log", cost, "us CPU/event", events),
    ]


def bare(machine: Machine, events: int) -> tuple[float, list[Figure]]:
    """Fold in memory; return the CPU microseconds per event."""
    measured = machine.inside("bare", machine.bootstrap, events)
    cost = {step: measured[step] / events * 1e6 for step in STEPS}
    whole = sum(cost.values())
    figures = [Figure("bare fold", whole, "us CPU/event", events, {"ratio": 1.0})]
    for step, what in STEPS.items():
        figures.append(Figure(f"bare fold: {step}", cost[step], "us CPU/event", events, {"": what}))
    decoded = cost["parse"] + cost["decode"] + cost["fold"]
    return whole, [
        *figures,
        Figure("fold alone: rate", 1e6 / cost["fold"], "events/s", events),
        Figure("decode and fold: rate", 1e6 / decoded, "events/s", events),
        Figure("bare fold: rate", events / measured["wall"], "events/s", events),
        Figure("bare fold: peak memory", measured["peak_mib"], "MiB", 1, {"works": "all kept"}),
    ]
