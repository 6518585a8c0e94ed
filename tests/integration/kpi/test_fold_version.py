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
from tests.conftest import RunningDatabase
from tests.integration.kpi.test_service import SELECTION, publish_three, running, settings
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

__all__ = ["settings"]
ASKED = kpi_service_pb2.GetKpisRequest(selection=SELECTION)


def test_a_release_that_folds_otherwise_builds_its_own_view_which_takes_over(
    settings: Settings, mongo: RunningDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = FOLD_VERSION - 1
    with monkeypatch.context() as patch:
        patch.setattr(catalogues, "FOLD_VERSION", former)
        with running(settings) as stack:
            publish_three(stack)
            # Joined later by a claim that says more: it does not lead the work.
            late = article("beta", issued_on="2025-01-02", vouched=submission_pb2.SOURCE_REGISTRY)
            event = changed("s9", 1, "doi:10.1/b", late, late)
            event.verified_at.FromSeconds(1_760_000_000)
            stack.publish(event)
            view_id = stack.call("GetKpis", ASKED).view.view_id
    assert view_id == f"g1-c1-f{former}"
    with closing(Mongo(mongo.uri, 5000)) as connection:
        views = connection.database(DATABASE)["views"]
        views.update_one({"_id": view_id}, {"$set": {"fold_version": former}})

    with running(settings) as stack:
        assert stack.kpis() == {"root": 2, "alpha": 1, "beta": 2}, "the former one answers"
        wait_until(
            lambda: stack.call("GetKpis", ASKED).view.view_id == f"g1-c1-f{FOLD_VERSION}",
            seconds=90,
        )
        assert stack.kpis() == {"root": 2, "alpha": 1, "beta": 2}
        stack.publish(changed("s8", 1, "doi:10.1/z", article("alpha"), article("alpha")))
        wait_until(lambda: stack.kpis() == {"root": 3, "alpha": 2, "beta": 2})
