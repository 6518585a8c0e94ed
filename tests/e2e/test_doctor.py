"""The doctor on a running stack: from a place that knows addresses only, and with trouble."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.e2e.calls import Caller, article, creation
from tests.e2e.demo_works import INSTITUTIONS
from tests.e2e.forked import kieng
from tests.e2e.running import COMMAND_SECONDS, RunningStack
from tests.pausing import paused
from tests.waiting import wait_until


def elsewhere(stack: RunningStack, folder: Path, **more: str) -> tuple[int, dict[str, Any]]:
    """Run the doctor as in a pod: no data folder, all it knows is in the environment."""
    found = stack.stack
    given = {
        "KIENG_KAFKA_BOOTSTRAP": found.broker,
        "KIENG_MONGO_URI": found.mongo,
        "KIENG_INSTITUTIONS": ",".join(INSTITUTIONS),
        "KIENG_ISSUERS_FILE": str(found.issuers_file),
        **{
            f"KIENG_{name.upper()}_ADDRESS": found.address(name)
            for name in ("submissions", "partners", "kpi", "notifications")
        },
        **more,
    }
    environment = {**os.environ, **given}
    done = kieng(("doctor", "--output", "json"), environment, folder, COMMAND_SECONDS)
    return done.code, {row["check"]: row for row in json.loads(done.out)["checks"]}


def test_addresses_in_the_environment_are_enough(stack: RunningStack, tmp_path: Path) -> None:
    token = stack.token("consortium", "operator", "viewer")
    code, rows = elsewhere(stack, tmp_path, KIENG_TOKEN=token)
    assert code == 0, rows
    wanted = {"broker", "topics", "copies", "database", "clock", "schema", "issuers"}
    assert wanted | {"view", "log", "lag", "parked", "partners", "kpi.query"} <= set(rows)
    assert rows["kpi.aggregator"]["detail"].startswith("not looked at")
    code, rows = elsewhere(stack, tmp_path)
    assert code == 0, rows
    assert rows["view"]["remedy"] == "set KIENG_TOKEN"


def test_a_frozen_aggregator_is_seen_by_what_it_leaves(stack: RunningStack, tmp_path: Path) -> None:
    token = stack.token("consortium", "operator", "viewer")
    with paused(stack.pid("kpi.aggregator")):
        Caller(stack, "hust", "contributor").create(
            creation("hust/soict", article("10.5555/e2e.doctor", "2022-03-01"))
        )

        def seen() -> bool:
            code, rows = elsewhere(stack, tmp_path, KIENG_TOKEN=token)
            lag = rows["lag"]
            return code == 1 and not lag["ok"] and "kpi.aggregator" in lag["remedy"]

        wait_until(seen, 60, "the doctor sees records that nobody counts")

    def well() -> bool:
        return elsewhere(stack, tmp_path, KIENG_TOKEN=token)[0] == 0

    wait_until(well, 60, "the doctor is content again")


def test_a_missing_migration_and_a_slip_of_the_pen_are_told(
    stack: RunningStack, tmp_path: Path
) -> None:
    more = {"KIENG_KAFKA_BOTSTRAP": "x", "KIENG_INSTITUTIONS": "nobody-yet"}
    code, rows = elsewhere(stack, tmp_path, **more)
    assert code == 1
    assert "KIENG_KAFKA_BOOTSTRAP meant" in rows["settings"]["detail"]
    assert rows["schema"]["remedy"] == "kieng db apply"
    assert "kieng_submissions_nobody-yet: index" in rows["schema"]["detail"]
