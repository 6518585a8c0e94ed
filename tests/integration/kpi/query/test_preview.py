from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

import pytest

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from kieng.submissions.v1 import events_pb2
from services.kernel.errors import Exhausted, InvalidArgument
from services.kpi.query import preview
from services.kpi.query.cells import decode_selection
from services.kpi.query.live_view import state_cells
from services.kpi.query.preview import try_events
from services.kpi.store.reads import Snapshots
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import UNITS, FakeRecord, article, changed, record

NOW = datetime(2025, 12, 31, tzinfo=UTC)
Numbers = dict[tuple[str, str, str], api.BothMeasures]
Event = events_pb2.SubmissionChanged


def numbers(stored: Stored, *, by_month: bool) -> Numbers:
    """Every number of 2025 as GetKpis answers it."""
    with stored.fresh().read() as state:
        wanted = view_pb2.Selection(
            unit_ids=UNITS, from_month="2025-01", to_month="2025-12", by_month=by_month
        )
        cells = state_cells(state, decode_selection(wanted, state.catalogue), date(2025, 7, 1))
    return {
        (cell.unit_id, cell.indicator_code, cell.from_month): api.BothMeasures(
            declared=cell.declared, verified=cell.verified
        )
        for cell in cells
    }


def tried(
    stored: Stored,
    submitted: Iterable[Event],
    verified: Iterable[Event] = (),
    *,
    by_month: bool = False,
) -> tuple[list[api.Effect], api.TryEventsResult]:
    stages = {
        name: [event.SerializeToString() for event in several]
        for name, several in (("submitted", submitted), ("verified", verified))
    }
    request = api.TryEventsRequest(**stages, by_month=by_month)
    live, snapshots = stored.fresh(), Snapshots(stored.mongo)
    steps = list(try_events([request], live, snapshots, lambda _: None, NOW))
    assert [step.HasField("result") for step in steps] == [False] * (len(steps) - 1) + [True]
    return [effect for step in steps for effect in step.effects], steps[-1].result


def is_undefined(both: api.BothMeasures) -> bool:
    values = (both.declared, both.verified)
    return all(each.HasField("ratio") and not each.ratio.denominator for each in values)


def place(effect: api.Effect) -> tuple[str, str, str]:
    return effect.unit_id, effect.indicator_code, effect.from_month


def events(records: Iterable[FakeRecord]) -> list[Event]:
    return [Event.FromString(each.value or b"") for each in records]


@pytest.mark.parametrize("by_month", [False, True])
def test_what_events_would_change_is_what_they_change_once_they_are_in_the_log(
    stored: Stored, by_month: bool
) -> None:
    fold, records = stored.claimed(), log(300)
    fold.apply(records[:180])
    before = numbers(stored, by_month=by_month)
    effects, result = tried(stored, events(records[180:]), by_month=by_month)
    assert result.events == 120
    assert not result.is_cut
    assert not result.uncounted
    assert numbers(stored, by_month=by_month) == before  # nothing was written
    fold.apply(records[180:])
    after = numbers(stored, by_month=by_month)
    found = {place(effect): effect for effect in effects if place(effect) in before}
    differ = {key for key in before if before[key] != after[key]}
    assert set(found) <= differ
    # A quotient of two zeros, or without a target, stays undefined.
    assert all(
        is_undefined(before[key]) and is_undefined(after[key]) for key in differ - set(found)
    )
    assert len(found) > 50
    for key, effect in found.items():
        assert (effect.before, effect.once_submitted) == (before[key], after[key])
        assert effect.once_verified == effect.once_submitted


def test_what_is_only_submitted_is_declared_and_counts_as_verified_once_it_is(
    stored: Stored,
) -> None:
    stored.claimed().apply([record(0, changed("s0", 1, "doi:10.1/a", article("beta/one")))])
    handed_in = changed("s1", 1, "doi:10.1/a", article())
    checked = changed("s1", 2, "doi:10.1/a", article(), article())
    effects, result = tried(stored, [handed_in], [checked])
    assert result.view.progress[0].next_offset == 1
    of = {place(effect): effect for effect in effects}
    # The work is there already: the consortium declares it once, before and after.
    assert ("root", "KNW-03", "2025-01") in of
    root, alpha = of["root", "KNW-03", "2025-01"], of["alpha", "KNW-03", "2025-01"]
    stages = ("before", "once_submitted", "once_verified")
    assert [getattr(root, s).declared.whole for s in stages] == [1, 1, 1]
    assert [getattr(root, s).verified.whole for s in stages] == [0, 0, 1]
    assert [getattr(alpha, s).declared.whole for s in stages] == [0, 1, 1]
    assert [getattr(alpha, s).verified.whole for s in stages] == [0, 0, 1]


def test_an_event_that_the_view_would_park_is_told_and_changes_nothing(stored: Stored) -> None:
    stored.claimed().apply([record(0, changed("s0", 1, "doi:10.1/a", article()))])
    effects, result = tried(stored, [changed("s1", 1, "doi:10.1/b", article("alpha/new"))])
    assert effects == []
    assert result.events == 0
    assert [each.submission_id for each in result.uncounted] == ["s1"]
    assert "alpha/new" in result.uncounted[0].reason


def test_a_trial_has_limits(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.claimed().apply([record(0, changed("s0", 1, "doi:10.1/a", article()))])
    several = [changed(f"s{n}", 1, f"doi:10.1/{n}", article()) for n in range(4)]
    monkeypatch.setattr(preview, "EFFECTS_MAX", 3)
    effects, result = tried(stored, several)
    assert len(effects) == 3
    assert result.is_cut
    monkeypatch.setattr(preview, "EVENTS_MAX", 3)
    with pytest.raises(Exhausted):
        tried(stored, several)
    with pytest.raises(InvalidArgument):
        tried(stored, [changed(f"s{n}", 1, "doi:10.1/a", article()) for n in range(1001)])
