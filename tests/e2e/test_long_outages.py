"""Database, broker, aggregator away for a minute: what is seen, and that all comes back alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.callers import UNIT, Callers, calling
from tests.e2e.comparing import Comparison
from tests.e2e.parts import Parts, own_parts, start_again
from tests.e2e.running import RunningStack
from tests.e2e.watching import Prometheus, watching
from tests.pausing import paused
from tests.waiting import wait_until

OUTAGE_SECONDS = 60.0
FREEZE_SECONDS = 20.0
"""Longer than a session, so that the group goes on without the member that hangs."""
SEEN_SECONDS = 45.0
BACK_SECONDS = 90.0
LISTED_MAX = "20000"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Watched:
    """A stack on parts that the test owns, and the Prometheus beside it."""

    stack: RunningStack
    parts: Parts
    prometheus: Prometheus
    comparison: Comparison

    def value(self, metric: str) -> float | None:
        """What a metric without labels shows now."""
        found = self.prometheus.query(metric)
        return float(found[0]["value"][1]) if found else None

    def doctor(self) -> tuple[int, dict[str, Any]]:
        """Exit code of the doctor, and its lines by name."""
        told = self.stack.run("doctor", "--output", "json")
        rows = json.loads(told.out)["checks"]
        assert [row for row in rows if not row["ok"] and not row["remedy"]] == []
        return told.code, {row["check"]: row for row in rows}

    def pids(self) -> dict[str, int]:
        """The processes of the stack."""
        return {name: process.pid for name, process in self.stack.stack.processes.items()}


@pytest.fixture(scope="module")
def watched(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    mail_server: Any,
    measured: Callable[[str], None],
) -> Iterator[Watched]:
    """One stack for all outages, in turn."""
    folder = tmp_path_factory.mktemp("outages")
    kind: str = pytestconfig.getoption("--broker")
    with ExitStack() as opened:
        parts = opened.enter_context(own_parts(folder, kind))
        stack = RunningStack(folder, kind, {})
        opened.callback(stack.stop)
        stack.start("up", *parts.options, until="kieng doctor")
        smtp = f"127.0.0.1:{mail_server.port}"
        prometheus = opened.enter_context(watching(stack, smtp, folder))
        yield Watched(stack, parts, prometheus, Comparison(stack, measured))


def until_over(began: float, seconds: float) -> None:
    """Wait until something has lasted so long."""
    wait_until(lambda: time.monotonic() >= began + seconds, seconds + 1, "the time is over")


def is_seen(watched: Watched, alert: tuple[str, str], metric: str = "") -> None:
    """Wait until Prometheus shows the outage and its alert fires."""
    if metric:
        wait_until(lambda: watched.value(metric) == 0, SEEN_SECONDS, f"{metric} is 0")
    wait_until(lambda: alert in watched.prometheus.firing(), SEEN_SECONDS, f"{alert} fires")


def is_well_again(watched: Watched, alert: tuple[str, str], metric: str = "") -> None:
    """Wait until alert and doctor are content."""
    if metric:
        wait_until(lambda: watched.value(metric) == 1, BACK_SECONDS, f"{metric} is 1")
    wait_until(lambda: alert not in watched.prometheus.firing(), BACK_SECONDS, f"{alert} ends")
    wait_until(lambda: watched.doctor()[0] == 0, BACK_SECONDS, "the doctor is content")


def is_exact(watched: Watched, callers: Callers, before: int) -> None:
    """Everything that was asked for is there once, is counted, and equals the SQL oracle."""
    callers.repeat_refused()
    listed = watched.stack.json("submission", "list", "--unit", UNIT, "--limit", LISTED_MAX)
    keys = [one["work_key"] for one in listed["submissions"]]
    ours = [key for key in keys if f".{callers.prefix}." in key]
    assert len(ours) == len(set(ours))
    assert set(ours) == callers.taken
    expected = before + len(callers.taken)
    wait_until(lambda: callers.counted() == expected, BACK_SECONDS, f"{expected} are counted")
    watched.comparison.check()


def test_a_database_that_is_down_for_a_minute_is_told_and_everything_comes_back_alone(
    watched: Watched, measured: Callable[[str], None]
) -> None:
    alert, up, pids = ("KiengDatabaseDown", ""), "kieng_database_up", watched.pids()
    with calling(watched.stack, "database-down") as callers:
        before = callers.base
        callers.at_least(10, SEEN_SECONDS)
        began = time.monotonic()
        watched.parts.database.child.kill()
        is_seen(watched, alert, up)
        seen = time.monotonic() - began
        assert watched.value("kieng_broker_up") == 1
        code, rows = watched.doctor()
        assert (code, rows["database"]["ok"]) == (3, False)
        assert rows["database"]["remedy"] == "start the database"
        until_over(began, OUTAGE_SECONDS)
        assert callers.writes["UNAVAILABLE"] > 0
        start_again(watched.parts.database)
        back = time.monotonic()
        callers.at_least(10, BACK_SECONDS)
        writing = time.monotonic() - back
        is_well_again(watched, alert, up)
    assert set(callers.writes) | set(callers.reads) <= {"OK", "UNAVAILABLE"}
    is_exact(watched, callers, before)
    assert watched.pids() == pids, "nothing was started again"
    measured(
        f"database down {OUTAGE_SECONDS:.0f} s: alert after {seen:.1f} s, writes again after "
        f"{writing:.1f} s; writes {dict(callers.writes)}, reads {dict(callers.reads)}"
    )


def test_a_broker_that_is_down_for_a_minute_is_told_and_every_submission_is_taken(
    watched: Watched, pytestconfig: pytest.Config, measured: Callable[[str], None]
) -> None:
    if pytestconfig.getoption("--broker") != "kafka":
        pytest.skip("the embedded broker loses its log with its process: --broker kafka")
    alert, up, pids = ("KiengBrokerDown", ""), "kieng_broker_up", watched.pids()
    with calling(watched.stack, "broker-down") as callers:
        before = callers.base
        callers.at_least(10, SEEN_SECONDS)
        began = time.monotonic()
        watched.parts.broker.child.kill()
        is_seen(watched, alert, up)
        seen = time.monotonic() - began
        assert watched.value("kieng_database_up") == 1
        assert watched.prometheus.query("kieng_lag_records") == []
        code, rows = watched.doctor()
        assert (code, rows["broker"]["ok"]) == (3, False)
        assert rows["broker"]["remedy"] == "start the brokers"
        callers.at_least(10, SEEN_SECONDS)
        until_over(began, OUTAGE_SECONDS)
        start_again(watched.parts.broker)
        back = time.monotonic()
        wait_until(lambda: callers.counted() > before + 20, BACK_SECONDS, "it counts again")
        counting = time.monotonic() - back
        is_well_again(watched, alert, up)
    assert (set(callers.writes), set(callers.reads)) == ({"OK"}, {"OK"})
    is_exact(watched, callers, before)
    assert watched.pids() == pids, "nothing was started again"
    measured(
        f"broker down {OUTAGE_SECONDS:.0f} s: alert after {seen:.1f} s, counting again after "
        f"{counting:.1f} s; writes {dict(callers.writes)}, reads {dict(callers.reads)}"
    )


def test_an_aggregator_that_stops_is_told_and_counts_everything_once_when_it_goes_on(
    watched: Watched, measured: Callable[[str], None]
) -> None:
    alert, pids = ("KiengServiceMissing", "kpi.aggregator"), watched.pids()
    with calling(watched.stack, "aggregator-stopped") as callers:
        before = callers.base
        callers.at_least(10, SEEN_SECONDS)
        began = time.monotonic()
        with paused(pids["kpi.aggregator"]):
            is_seen(watched, alert)
            seen = time.monotonic() - began
            waiting = 'sum(kieng_lag_records{group="kieng.kpi"}) > 0'
            wait_until(lambda: watched.prometheus.query(waiting), SEEN_SECONDS, "the lag is seen")
            code, rows = watched.doctor()
            assert (code, rows["kpi.aggregator"]["ok"]) == (3, False)
            assert "kpi.aggregator.log" in rows["kpi.aggregator"]["remedy"]
            assert not rows["lag"]["ok"]
            until_over(began, FREEZE_SECONDS)
        is_well_again(watched, alert)
    assert (set(callers.writes), set(callers.reads)) == ({"OK"}, {"OK"})
    is_exact(watched, callers, before)
    assert watched.pids() == pids, "nothing was started again"
    measured(
        f"aggregator stopped: alert after {seen:.1f} s; writes {dict(callers.writes)}, "
        f"reads {dict(callers.reads)}"
    )
