"""`kieng kpi plot` draws what the service answers, month by month."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.pages.rendering import Page, printed

VIEW = {"view_id": "g1-c1-f3", "digest": "ab" * 32, "newest_event_at": "2025-07-31T02:00:00Z"}
NAME = {"vi": "Sáng chế được cấp", "en": "Patents granted"}
CATALOGUE: dict[str, Any] = {
    "indicators": [{"code": "KNW-01", "name": NAME, "unit": "count"}],
    "units": [
        {"unit_id": "vnu", "name": {"vi": "Đại học Quốc gia Hà Nội", "en": "VNU"}},
        {"unit_id": "vnu/hus", "parent_id": "vnu", "name": {"vi": "Trường Tự nhiên", "en": "HUS"}},
    ],
}
HALF_OF_FIVE = {"numerator": "5", "denominator": "2"}


def answer(type_name: str, message: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"kieng.kpi.v1.{type_name}", "stream": False, "messages": [message]}


def cells(month: int, unit: str) -> dict[str, Any]:
    pace: dict[str, Any] = {
        "on_date": f"2025-{month:02d}-28",
        "value": str(month),
        "standing": "STANDING_BEHIND",
    }
    pace |= {
        "expected": {"numerator": str(5 * month), "denominator": "2"},
        "forecast": HALF_OF_FIVE,
    }
    cell: dict[str, Any] = {"unit_id": unit, "indicator_code": "KNW-01", "from_month": "2025-01"}
    cell |= {"to_month": f"2025-{month:02d}", "verified": {"whole": str(month)}}
    return {"view": VIEW, "cells": [{**cell, "target": "30", "pace": pace}]}


def page(*options: str, months: int, unit: str = "vnu") -> Page:
    read = [cells(month, unit) for month in (*range(1, months + 1), months)]
    answers = {
        "GetCatalogue": [answer("GetCatalogueResponse", {"catalogue": CATALOGUE})],
        "GetKpis": [answer("GetKpisResponse", each) for each in read],
    }
    chosen = ("--unit", "vnu", "--indicator", "KNW-01", "--to", f"2025-{months:02d}")
    return Page("kpi-plot", ["kpi", "plot", *chosen, *options], answers)


def drawn(told: str) -> Any:
    return json.loads(told[told.index("\n{") :])


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_picture_is_written_and_its_numbers_are_told(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.{suffix}"
    told = printed(page("--file", str(file), "--output", "json", months=3), "vi", 120)
    (unit,) = drawn(told)["units"]
    assert unit["verified"] == [1, 2, 3]
    assert unit["expected"] == [
        {"numerator": 5, "denominator": 2},
        5,
        {"numerator": 15, "denominator": 2},
    ]
    assert (unit["unit"], unit["target"]) == ("vnu", 30)
    assert file.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<svg"}[suffix])


def test_a_picture_without_a_name_is_named_by_what_it_shows() -> None:
    told = printed(page("--children", months=2, unit="vnu/hus"), "vi", 80)
    assert "knw-01-vnu-children-2025-02.svg" in told


def test_the_months_before_the_first_are_left_out_and_what_they_add_is_not(tmp_path: Path) -> None:
    options = ("--file", str(tmp_path / "a.svg"), "--from", "2025-02", "--output", "json")
    later = page(*options, months=3)
    del later.answers["GetKpis"][0]
    (unit,) = drawn(printed(later, "en", 80))["units"]
    assert unit["verified"] == [2, 3]


def test_months_after_the_day_have_an_expectation_and_no_value(tmp_path: Path) -> None:
    options = ("--file", str(tmp_path / "a.svg"), "--on", "2025-02-28", "--output", "json")
    (unit,) = drawn(printed(page(*options, months=3), "en", 80))["units"]
    assert unit["verified"] == [1, 2, None]
    assert None not in unit["expected"]


def test_a_picture_is_told_in_the_language_of_its_reader(tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    told = printed(page("--file", str(file), "--children", months=2, unit="vnu/hus"), "vi", 80)
    assert "Đã vẽ 1 đơn vị vào" in told
    content = file.read_text(encoding="utf-8")
    for expected in ("Trường Tự nhiên", "Sáng chế được cấp", "mức cần có", "chậm tiến độ"):
        assert expected in content


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--file", "a.jpg"), ".png"),
        (("--file", "a.png", "--on", "yesterday"), "--on"),
        (("--file", "a.png", "--as-of", "2025"), "--as-of"),
        (("--file", "a.png", "--from", "2025"), "--from"),
        (("--file", "a.png", "--from", "2024-12"), "--from"),
        (("--file", "a.png", "--from", "2025-03"), "--from"),
    ],
    ids=["format", "day", "kept day", "month", "other year", "after the last"],
)
def test_what_cannot_be_drawn_is_refused(options: tuple[str, ...], said: str) -> None:
    told = printed(page(*options, months=2), "en", 120)
    assert said in told
    assert told.endswith("(exit code 2)")
