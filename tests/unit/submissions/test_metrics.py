from __future__ import annotations

from prometheus_client import REGISTRY

from kieng.submissions.v1 import import_service_pb2
from services.submissions.metrics import OUTCOMES, preset


def test_an_institution_shows_zero_before_its_first_row() -> None:
    preset(["preset-a"])
    for outcome in OUTCOMES:
        labels = {"institution": "preset-a", "outcome": outcome}
        assert REGISTRY.get_sample_value("kieng_submissions_rows_imported_total", labels) == 0
    name = "kieng_submissions_events_published_total"
    assert REGISTRY.get_sample_value(name, {"institution": "preset-a"}) == 0


def test_the_outcomes_are_those_of_the_contract_and_refused() -> None:
    names = import_service_pb2.Outcome.keys()
    known = {name.removeprefix("OUTCOME_").lower() for name in names} - {"unspecified"}
    assert set(OUTCOMES) == known | {"refused"}
