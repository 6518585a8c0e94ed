"""The lines of a restatement list add up to the difference of every cell, whatever happened."""

from __future__ import annotations

import os
import random
from functools import cache
from typing import Any

import pytest

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2
from services.kernel.errors import WrongState
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.months import month_of_date
from services.kpi.domain.restated_claims import Cause
from services.kpi.editions.restatements import cells_of, compare, divisors_of
from services.kpi.replay.memory_projection import MemoryProjection, ReplayBound
from services.kpi.replay.tasks import Task, decode_lines, run, task_of
from services.kpi.wire.catalogue import decode_catalogue
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import FakeRecord, catalogue_message, real_catalogue, record

CATALOGUE = real_catalogue()
DIVISORS = divisors_of(CATALOGUE)
SEEDS = range(12 if "DEEP" in os.environ else 6)
LATE = Cause.LATE
MONTHS = (month_of_date("2025-02"), month_of_date("2025-05"))


@cache
def logged(seed: int) -> list[FakeRecord]:
    return log(400, seed)


@cache
def folded(seed: int, until: int) -> MemoryProjection:
    """The first records of a log, counted; every test only reads it."""
    return scratch(logged(seed), until)


def scratch(records: list[FakeRecord], until: int) -> MemoryProjection:
    made = MemoryProjection(CATALOGUE, ReplayBound({0: until}))
    made.take(records)
    return made


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("measure", [0, 1])
def test_lines_add_up_to_every_cell_and_name_who_and_why(seed: int, measure: int) -> None:
    now = folded(seed, len(logged(seed)))
    for unit, closed_at in (("root", 250), ("alpha", 120), ("beta/one", 0)):
        then = folded(seed, closed_at)
        facts, works = run(Task(unit), then)
        task = Task(unit, works, facts["works_sha256"], MONTHS, measure)
        _, made = run(task_of(task.fields(), works), now)
        lines = list(decode_lines(made))
        closed = cells_of(then.cube(), unit, MONTHS, measure)
        present = cells_of(now.cube(), unit, MONTHS, measure)
        cells = list(compare(closed, present, lines, DIVISORS, present))
        assert [cell for cell in cells if not cell.adds_up] == []
        assert any(cell.is_changed for cell in cells)
        assert [line.work_key for line in lines] == sorted({line.work_key for line in lines})
        assert all(line.claims for line in lines)
        if closed_at == 0:
            assert {one.cause for line in lines for one in line.claims} == {Cause.LATE}


def test_every_cause_occurs_in_the_logs_of_this_test() -> None:
    causes = set()
    for seed in SEEDS:
        then, now = folded(seed, 250), folded(seed, len(logged(seed)))
        for measure in (0, 1):
            facts, works = run(Task("root"), then)
            task = Task("root", works, facts["works_sha256"], (0, 2100 * 12), measure)
            lines = decode_lines(run(task, now)[1])
            causes |= {one.cause for line in lines for one in line.claims}
    # Nobody rejects or withdraws there: the state of a retraction says so, see the unit tests.
    assert causes == {Cause.LATE, Cause.NEWLY_VERIFIED, Cause.AMENDED}


def verified_at_other_times(seed: int) -> list[FakeRecord]:
    """A log whose submissions are mostly verified, returned and verified again as they are."""
    dice, last, found = random.Random(seed), dict[tuple[str, str], Any](), list[FakeRecord]()
    for number, one in enumerate(log(300, seed)):
        event = events_pb2.SubmissionChanged.FromString(one.value or b"")
        place = event.work_key, event.submission_id
        if place in last and dice.random() < 0.7:
            event.CopyFrom(last[place])
            event.ClearField("verified")
            if event.HasField("declared") and dice.random() < 0.7:
                event.verified.CopyFrom(event.declared)
        event.version = number + 1
        if event.HasField("verified"):
            event.verified_at.seconds = dice.randint(1, 50)
        last[place] = event
        found.append(record(number, event))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_who_leads_a_work_since_is_named_and_only_what_was_unknown_is_late(seed: int) -> None:
    records = verified_at_other_times(seed)
    now = scratch(records, len(records))
    for unit, closed_at in (("root", 200), ("alpha", 150)):
        then = scratch(records, closed_at)
        facts, works = run(Task(unit), then)
        said = [events_pb2.SubmissionChanged.FromString(r.value or b"") for r in records]
        stood = {(e.work_key, e.submission_id): e.HasField("declared") for e in said[:closed_at]}
        for measure in (0, 1):
            task = Task(unit, works, facts["works_sha256"], MONTHS, measure)
            lines = list(decode_lines(run(task, now)[1]))
            assert lines
            for line in lines:
                assert line.claims
                late = {each.claim.submission_id for each in line.claims if each.cause is LATE}
                assert not any(stood.get((line.work_key, name)) for name in late)


def redefined() -> Catalogue:
    """Another catalogue version: one definition is gone, one is new, and one counts otherwise."""
    message = catalogue_pb2.Catalogue()
    message.CopyFrom(catalogue_message())
    message.version = 2
    by_code = {indicator.code: indicator for indicator in message.indicators}
    by_code["KNW-03"].value.rule = catalogue_pb2.COUNTING_RULE_LEAD
    by_code["KNW-04"].value.rule = catalogue_pb2.COUNTING_RULE_WHOLE
    by_code["COM-03"].code = "COM-93"
    return decode_catalogue(message)


@pytest.mark.parametrize("seed", range(4))
def test_what_works_and_what_definitions_changed_stand_apart_and_add_up(seed: int) -> None:
    records, other = logged(seed), redefined()
    then, now = folded(seed, 250), folded(seed, len(records))
    anew = MemoryProjection(other, ReplayBound({0: len(records)}))
    anew.take(records)
    facts, works = run(Task("root"), then)
    task = Task("root", works, facts["works_sha256"], MONTHS, 1)
    lines = list(decode_lines(run(task, now)[1]))
    closed = cells_of(then.cube(), "root", MONTHS, 1)
    again, present = (cells_of(each.cube(), "root", MONTHS, 1) for each in (now, anew))
    compared = compare(closed, again, lines, DIVISORS, present, divisors_of(other))
    cells = {(c.unit_id, c.indicator_code): c for c in compared}
    assert all(cell.adds_up for cell in cells.values())
    gone, new = cells["root", "COM-03"], cells["root", "COM-93"]
    assert (gone.now, new.closed) == (None, None)
    counted = again["root", "COM-03"]
    assert isinstance(counted, int)
    assert gone.by_definitions == (-counted, 0)
    assert new.by_definitions == (present["root", "COM-93"], 0)
    assert any(cells["root", "KNW-03"].by_definitions or ())
    # All fractions of a work make a whole one at the top.
    assert cells["root", "KNW-04"].by_definitions == (0, 0)
    assert any(c.by_definitions != (0, 0) for (_, code), c in cells.items() if code == "KNW-04")
    assert cells["root", "KNW-01"].by_definitions == (0, 0)


def test_a_list_with_a_line_missing_does_not_add_up() -> None:
    then, now = folded(7, 250), folded(7, len(logged(7)))
    facts, works = run(Task("root"), then)
    task = Task("root", works, facts["works_sha256"], MONTHS, 1)
    lines = list(decode_lines(run(task, now)[1]))
    closed = cells_of(then.cube(), "root", MONTHS, 1)
    present = cells_of(now.cube(), "root", MONTHS, 1)
    for missing in range(len(lines)):
        left = lines[:missing] + lines[missing + 1 :]
        assert not all(c.adds_up for c in compare(closed, present, left, DIVISORS, present))


def test_works_that_are_not_those_that_were_signed_are_refused() -> None:
    now = scratch(log(50), 50)
    facts, _ = run(Task("root"), now)
    other = run(Task("root"), scratch(log(50), 40))[1]
    for works in (other, b"no works"):
        with pytest.raises(WrongState) as refused:
            run(Task("root", works, facts["works_sha256"], MONTHS), now)
        assert refused.value.reason == "TAMPERED"
