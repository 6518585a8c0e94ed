"""Changes of the view that are refused: a tree that lacks a unit, and going back to nothing."""

from __future__ import annotations

import grpc
import pytest

from services.kpi.config import Settings
from tests.integration.kpi.api.test_catalogues import (
    View,
    at_rest,
    followed,
    fresh_broker,
    info,
    mongo,
    other_catalogue,
    published,
    roll_back,
)
from tests.integration.kpi.test_service import publish_catalogue, running, settings
from tests.unit.kpi.builders import article, catalogue_message, changed
from tests.waiting import wait_until

__all__ = ["fresh_broker", "mongo", "settings"]


def test_a_tree_that_lacks_a_unit_is_refused_until_the_records_are_accepted(
    settings: Settings,
) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        claim = article("gamma")
        stack.publish(*[changed(f"s{n}", 1, f"w{n}", claim, claim) for n in range(3)])
        at_rest(stack, 3)
        without = catalogue_message().units
        message = other_catalogue()
        del message.units[:]
        message.units.extend(unit for unit in without if unit.unit_id != "gamma")
        stack.publish_directory(2, message.units)
        view_id = wait_until(lambda: published(stack, message, directory_version=2))
        refused = followed(stack, view_id)
        assert refused.state == View.STATE_REFUSED
        assert refused.parked == 3
        assert "PARKS_MORE: 3 records" in refused.reason
        assert info(stack).view_id != view_id
        accepted = published(stack, message, directory_version=2, parked_max=3)
        assert accepted is not None
        assert followed(stack, accepted).state == View.STATE_LIVE
        wait_until(lambda: info(stack).parked == 3)


def test_there_is_nothing_to_roll_back_to_at_first(settings: Settings) -> None:
    with running(settings) as stack:
        publish_catalogue(stack)
        with pytest.raises(grpc.RpcError, match="no view answered before"):
            roll_back(stack)
