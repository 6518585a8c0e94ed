"""What a catalogue would change, asked before it is published."""

from __future__ import annotations

from contextlib import closing

import grpc
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.submissions.v1 import events_pb2
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.store.documents import DATABASE
from tests.conftest import RunningDatabase
from tests.integration.kpi.api.test_catalogues import (
    View,
    at_rest,
    followed,
    fresh_broker,
    info,
    mongo,
    other_catalogue,
    publish,
)
from tests.integration.kpi.logs import log
from tests.integration.kpi.test_service import Stack, publish_catalogue, running, settings
from tests.unit.kpi.builders import UNITS, article, catalogue_message, changed
from tests.waiting import wait_until

__all__ = ["fresh_broker", "mongo", "settings"]

EVERYTHING = view_pb2.Selection(from_month="2025-01", to_month="2025-12")
Numbers = dict[tuple[str, str, str], str]


def numbers(stack: Stack) -> Numbers:
    """Every number of the live view over a year: (unit, indicator, measure) -> value as text."""
    request = kpi_service_pb2.GetKpisRequest(selection=EVERYTHING)
    request.selection.unit_ids.extend(UNITS)
    return {
        (cell.unit_id, cell.indicator_code, measure): str(getattr(cell, measure)).strip()
        for cell in stack.call("GetKpis", request).cells
        for measure in ("declared", "verified")
    }


def tried(stack: Stack, message: catalogue_pb2.Catalogue) -> list[catalogue_service_pb2.CellChange]:
    request = catalogue_service_pb2.TryCatalogueRequest(
        indicators=message.indicators,
        taxonomies=message.taxonomies,
        from_month=EVERYTHING.from_month,
        to_month=EVERYTHING.to_month,
    )
    steps = list(stack.call("TryCatalogue", request, "steward", seconds=60))
    assert [step.HasField("result") for step in steps] == [False] * (len(steps) - 1) + [True]
    assert steps[-1].events_done == steps[-1].events_wanted > 0
    return [change for step in steps for change in step.changes]


def test_what_a_catalogue_would_change_is_what_it_changes_when_it_is_published(
    settings: Settings, mongo: RunningDatabase
) -> None:
    with running(settings) as stack, closing(Mongo(mongo.uri, 5000)) as connection:
        publish_catalogue(stack)
        unindexed = article("gamma", indexes=[])
        stack.publish(
            *[events_pb2.SubmissionChanged.FromString(r.value or b"") for r in log(300)],
            changed("only", 1, "doi:10.1/only", unindexed, unindexed),
        )
        at_rest(stack, 301)
        before, stored = numbers(stack), counts(connection)
        assert tried(stack, catalogue_message()) == []
        changes = tried(stack, other_catalogue())
        assert counts(connection) == stored
        views = connection.database(DATABASE)["views"]
        views.update_many({}, {"$set": {"generation": 2}})
        with pytest.raises(grpc.RpcError, match="the log does not hold alpha, beta, gamma yet"):
            tried(stack, other_catalogue())
        views.update_many({}, {"$set": {"generation": 1}})
        (gamma,) = [
            c
            for c in changes
            if (c.unit_id, c.indicator_code, c.measure)
            == ("gamma", "KNW-03", kpi_service_pb2.MEASURE_VERIFIED)
        ]
        assert gamma.after.whole - gamma.before.whole == gamma.works == 1
        assert list(gamma.work_keys) == ["doi:10.1/only"]

        assert followed(stack, publish(stack, other_catalogue())).state == View.STATE_LIVE
        wait_until(lambda: "-c2-" in info(stack).view_id)
        after = numbers(stack)
        told: dict[tuple[str, str, str], tuple[str, str]] = {}
        for change in changes:
            measure = kpi_service_pb2.Measure.Name(change.measure).removeprefix("MEASURE_").lower()
            place = (change.unit_id, change.indicator_code, measure)
            told[place] = (str(change.before).strip(), str(change.after).strip())
        found = {
            place: (before.get(place, ""), after.get(place, ""))
            for place in before.keys() | after.keys()
            if before.get(place, NOTHING) != after.get(place, NOTHING)
        }
        # A number that goes away and was nothing is no change.
        assert {p: values for p, values in found.items() if is_something(values)} == told


NOTHING = "whole: 0"


def is_something(values: tuple[str, str]) -> bool:
    return not set(values) <= {"", NOTHING, "ratio {\n}"}


def counts(connection: Mongo) -> dict[str, int]:
    database = connection.database(DATABASE)
    return {name: database[name].count_documents({}) for name in database.list_collection_names()}
