"""A release that folds otherwise: its own view is built beside the former one, and takes over."""

from __future__ import annotations

from contextlib import closing

import pytest

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_pb2
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.store import catalogues
from services.kpi.store.documents import DATABASE
from services.kpi.wire import forms
from tests.conftest import RunningDatabase
from tests.integration.kpi.test_service import (
    SELECTION,
    Stack,
    kpis_or_none,
    publish_three,
    running,
    settings,
)
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

__all__ = ["settings"]
WORK = "doi:10.1/joint"
BEFORE = {"root": 3, "alpha": 2, "beta": 3}
COUNTED_BEFORE = {"root": 4, "alpha": 3, "beta": 3}
ASKED = kpi_service_pb2.GetKpisRequest(selection=SELECTION)


def explained_in(month: str) -> kpi_service_pb2.ExplainKpiRequest:
    """A question for the works of one unit, indicator and month."""
    return kpi_service_pb2.ExplainKpiRequest(
        unit_id="alpha", indicator_code="KNW-03", from_month=month, to_month=month
    )


def check_mark(stack: Stack) -> None:
    """Explained is which claim leads the joint work, and what the other says otherwise."""
    answer = stack.call("ExplainKpi", explained_in("2025-03"))
    (found,) = (w for w in answer.works if w.work_key == WORK)
    assert found.leading_submission_id == "s7"
    said = [(d.submission_id, d.unit_id, d.field, d.said, d.counts) for d in found.disagreements]
    assert ("s9", "beta", "happened_on", "2025-01-02", "2025-03-10") in said


# The oracle check is a process of its own, which takes long to start on a loaded machine.
@pytest.mark.timeout(400)
def test_a_release_that_folds_otherwise_builds_its_own_view_which_takes_over(
    settings: Settings, mongo: RunningDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = FOLD_VERSION - 1
    with monkeypatch.context() as patch:
        patch.setattr(catalogues, "FOLD_VERSION", former)
        # The former release took what is no day of the calendar.
        patch.setattr(forms, "_is_day", lambda text: True)
        with running(settings) as stack:
            publish_three(stack)
            # Joined later by a claim that a registry vouches for: it does not lead the work.
            late = article("beta", issued_on="2025-01-02", vouched=submission_pb2.SOURCE_REGISTRY)
            joined = changed("s9", 1, WORK, late, late)
            joined.verified_at.FromSeconds(1_760_000_000)
            first = changed("s7", 1, WORK, article("alpha"), article("alpha"))
            first.verified_at.FromSeconds(1_750_000_000)
            odd = article("alpha", issued_on="2025-02-30")
            stack.publish(joined, first, changed("s5", 1, "doi:10.1/odd", odd, odd))
            wait_until(lambda: stack.kpis() == COUNTED_BEFORE)
            view_id = stack.call("GetKpis", ASKED).view.view_id
    assert view_id == f"g1-c1-f{former}"
    with closing(Mongo(mongo.uri, 5000)) as connection:
        views = connection.database(DATABASE)["views"]
        views.update_one({"_id": view_id}, {"$set": {"fold_version": former}})

    with running(settings) as stack:
        # The former one answers, as soon as this process has read it.
        wait_until(lambda: kpis_or_none(stack) == COUNTED_BEFORE)
        explained = stack.call("ExplainKpi", explained_in("2025-02"))
        assert list(explained.works) == [], "what this release parks is not explained"
        wait_until(
            lambda: stack.call("GetKpis", ASKED).view.view_id == f"g1-c1-f{FOLD_VERSION}",
            seconds=240,
        )
        assert stack.kpis() == BEFORE
        assert stack.call("GetKpis", ASKED).view.parked == 1, "a release may park more"
        check_mark(stack)
        stack.publish(changed("s8", 1, "doi:10.1/z", article("alpha"), article("alpha")))
        wait_until(lambda: stack.kpis() == {"root": 4, "alpha": 3, "beta": 3})
