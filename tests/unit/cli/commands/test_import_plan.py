from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.cli.commands import import_plan
from services.cli.commands.import_plan import Asked, Difference, Plan
from services.cli.commands.import_sending import PlannedRow
from services.cli.errors import Failure

ROW = PlannedRow(2, "p1", "created", 0, 1)
ZERO, ONE = {"declared": 0, "verified": 0}, {"declared": 1, "verified": 1}
PLAN = Plan(
    institution="vnu",
    asked=Asked("publication.csv", system="cris", policy="good-rows"),
    rows=[ROW, PlannedRow(3, "p2", "refused", 4, 0)],
    digests={"2": "a" * 64, "3": "b" * 64},
    refused=[[3, "doi"], [5, ""]],
    numbers={"vnu KNW-03 2025-01 2025-12": [ZERO, ONE, ONE]},
)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    PLAN.write(tmp_path / "p.plan")
    found = import_plan.read(tmp_path / "p.plan")
    assert found == PLAN
    assert list(import_plan.differences(PLAN, found)) == []
    assert found.versions == {2: 0}


@pytest.mark.parametrize(("said", "is_skipped"), [("include", False), ("skip", True)])
def test_hidden_rows_are_skipped_as_the_option_says(said: str, is_skipped: bool) -> None:
    assert Asked("a.xlsx", hidden_rows=said).reading().skip_hidden is is_skipped


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"digests": {"2": "a" * 64, "3": "c" * 64}}, (3, "sha256", "b" * 64, "c" * 64)),
        ({"digests": {"2": "a" * 64}}, (3, "sha256", "b" * 64, None)),
        ({"refused": [[3, "doi"]]}, (5, "", "refused", None)),
        ({"refused": [[3, "doi"], [3, "unit_id"], [5, ""]]}, (3, "unit_id", None, "refused")),
        (
            {"numbers": {"vnu KNW-03 2025-01 2025-12": [ONE, ONE, ONE]}},
            (0, "vnu KNW-03 2025-01 2025-12", [ZERO, ONE, ONE], [ONE, ONE, ONE]),
        ),
        ({"numbers": {}}, (0, "vnu KNW-03 2025-01 2025-12", [ZERO, ONE, ONE], None)),
    ],
)
def test_whatever_is_not_as_it_was_planned_is_named(
    change: dict[str, Any], difference: tuple[Any, ...]
) -> None:
    now = replace(PLAN, **change)
    assert list(import_plan.differences(PLAN, now)) == [Difference(*difference)]


def test_a_row_that_would_become_something_else_is_named_with_both_versions() -> None:
    now = replace(PLAN, rows=[replace(ROW, outcome="amended", version_before=1, version=2)])
    first, second = import_plan.differences(PLAN, now)
    assert (first.row, first.planned["outcome"], first.now["outcome"]) == (2, "created", "amended")
    assert (second.row, second.now) == (3, None)


def test_numbers_that_were_left_out_are_not_compared() -> None:
    assert list(import_plan.differences(replace(PLAN, numbers=None), PLAN)) == []


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "null", '{"kieng_import_plan": 2}', '{"kieng_import_plan": 1}']
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "p.plan"
    path.write_text(content)
    with pytest.raises(Failure, match="p\\.plan"):
        import_plan.read(path)


def test_a_plan_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.plan"
    PLAN.write(path)
    document = json.loads(path.read_text())
    document["digests"]["2"] = "d" * 64
    path.write_text(json.dumps(document))
    with pytest.raises(Failure, match="was changed"):
        import_plan.read(path)


def test_a_plan_is_done_for_its_institution_and_with_its_options_only() -> None:
    default = Asked("", system="file")
    again = import_plan.asked_again(PLAN, replace(default, file="other.csv"), default, "vnu")
    assert again == replace(PLAN.asked, file="other.csv")
    assert import_plan.asked_again(PLAN, default, default, "") == PLAN.asked
    with pytest.raises(Failure, match="hust"):
        import_plan.asked_again(PLAN, default, default, "hust")
    with pytest.raises(Failure, match="other options"):
        import_plan.asked_again(PLAN, replace(default, sheet="x"), default, "vnu")
