"""Editions of an installation that has lost its log, or that has no key."""

from __future__ import annotations

import grpc
import pytest

from kieng.kpi.v1 import catalogue_service_pb2
from kieng.submissions.v1 import events_pb2
from services.kpi.config import Settings
from tests.conftest import RunningDatabase
from tests.integration.kpi.editions.test_closing import (
    EVERYTHING,
    check_restated,
    close,
    publish_first,
    publish_later,
    refused,
    restated,
    with_key,
)
from tests.integration.kpi.test_service import (
    kpis_or_none,
    lose_the_log,
    publish_catalogue,
    running,
    settings,
)
from tests.unit.kpi.builders import INSTITUTIONS
from tests.waiting import wait_until

__all__ = ["settings"]


def test_what_became_of_an_edition_is_unknown_without_its_log_and_the_same_in_a_new_one(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(with_key(settings)) as stack:
        publish_first(stack)
        close(stack, "h1")
        publish_later(stack)

    lose_the_log(mongo)
    with running(with_key(settings)) as stack:
        wait_until(lambda: kpis_or_none(stack))
        with pytest.raises(grpc.RpcError, match="is gone"):
            restated(stack)
        opening = catalogue_service_pb2.OpenLogGenerationRequest()
        generation = stack.call("OpenLogGeneration", opening, "operator").generation
        stack.publish(
            *(
                events_pb2.LogRepublished(institution_id=name, generation=generation)
                for name in INSTITUTIONS
            )
        )
        wait_until(lambda: stack.call("GetKpis", EVERYTHING).view.view_id.startswith("g2-"))
        check_restated(restated(stack))


def test_an_installation_without_a_key_closes_nothing(settings: Settings) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        wait_until(lambda: kpis_or_none(stack) is not None)
        assert "KIENG_EDITION_KEY_FILE" in refused(stack, "h1")
