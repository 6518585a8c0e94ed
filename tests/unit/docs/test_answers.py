"""The keys of an answer that docs/reading.md names are those that are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from services.cli.commands import kpi, kpi_breakdown, kpi_history
from tests.unit.docs.pages import ROOT

RATIO = view_pb2.Ratio(numerator=1, denominator=2)
WHOLE = view_pb2.Value(whole=7)


def documented() -> list[str]:
    page = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    section = page.partition("## The answer as JSON\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [key for row in rows for key in re.findall(r"`([^`]+)`", row)]


def keys(document: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of everything that is written; a value is one thing, and so is progress."""
    if path == "view.progress" or not isinstance(document, dict | list):
        yield path
    elif isinstance(document, list):
        for item in document:
            yield from keys(item, f"{path}[]")
    elif set(document) == {"numerator", "denominator"}:
        yield path
    else:
        for key, value in document.items():
            yield from keys(value, f"{path}.{key}" if path else key)


def everything() -> dict[str, Any]:
    """An answer with all that one can have, in a test at least."""
    pace = view_pb2.Pace(
        on_date="2025-07-31",
        expected=RATIO,
        forecast=RATIO,
        standing=view_pb2.Pace.STANDING_REACHED,
        forecast_low=1,
        forecast_high=2,
        past_forecasts=[view_pb2.PastForecast(year=2024, forecast=7, actual=8)],
    )
    term = view_pb2.TermValue(term="q1", declared=WHOLE, verified=WHOLE)
    split = view_pb2.Split(by="quartile", terms=[term], declared_again=WHOLE, verified_again=WHOLE)
    value = view_pb2.Value(ratio=RATIO)
    cell = view_pb2.Cell(declared=value, verified=WHOLE, target=120, pace=pace, split=split)
    cell.contradictions.verified = 1
    view = view_pb2.ViewInfo(progress=[view_pb2.PartitionProgress(partition=0, next_offset=5)])
    return kpi.document(view, [cell])


def test_every_key_of_an_answer_is_documented_and_nothing_else() -> None:
    answer = everything()
    catalogue = catalogue_service_pb2.GetCatalogueResponse()
    stub = SimpleNamespace(GetCatalogue=lambda request: catalogue)
    kpi_breakdown.houses_json(SimpleNamespace(stub=lambda kind: stub), answer)  # type: ignore[arg-type]
    kept = kpi_service_pb2.GetKpisResponse()
    kept.kept_day.day = "2025-07-31"
    kept.kept_day.taken_at.seconds = 1
    answer |= kpi_history.past_json(kept, "2025-07-31", "")
    found = list(dict.fromkeys(keys(answer)))
    assert sorted(documented()) == sorted(found)
    replayed = kpi_history.past_json(kpi_service_pb2.GetKpisResponse(), "2025-07-31", "")
    assert set(keys(replayed)) <= set(documented())


def test_values_are_written_as_documented() -> None:
    (cell,) = everything()["cells"]
    assert (cell["declared"], cell["verified"]) == ({"numerator": 1, "denominator": 2}, 7)
    undefined = kpi.document(view_pb2.ViewInfo(), [view_pb2.Cell()])
    assert (undefined["cells"][0]["declared"], undefined["view"]["age_seconds"]) == (None, None)
