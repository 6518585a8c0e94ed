"""The fold stops at a log that is not the one it has read, until a new generation is opened."""

from __future__ import annotations

from kieng.kpi.v1 import catalogue_service_pb2
from kieng.submissions.v1 import events_pb2
from services.kpi.config import Settings
from tests.conftest import RunningDatabase
from tests.integration.kpi.test_service import (
    kpis_or_none,
    lose_the_log,
    publish_three,
    running,
    settings,
    verified,
)
from tests.unit.kpi.builders import INSTITUTIONS
from tests.waiting import wait_until

__all__ = ["settings"]


def test_another_log_stops_the_fold_until_every_institution_has_republished(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(settings) as stack:
        publish_three(stack)

    lose_the_log(mongo)
    with running(settings) as stack:
        wait_until(lambda: "LOG_DIVERGED" in stack.unready())
        stack.publish(verified("s5", "doi:10.1/d", "gamma"))
        wait_until(lambda: kpis_or_none(stack) == {"root": 2, "alpha": 1, "beta": 2})
        opened = stack.call(
            "OpenLogGeneration", catalogue_service_pb2.OpenLogGenerationRequest(), "operator"
        )
        assert opened.needs_republish
        assert stack.kpis()["root"] == 2
        stack.publish(
            *(
                events_pb2.LogRepublished(institution_id=name, generation=opened.generation)
                for name in INSTITUTIONS
            )
        )
        wait_until(lambda: stack.kpis() == {"root": 3, "alpha": 1, "beta": 2})
        assert stack.unready() == ""
