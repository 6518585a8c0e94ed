"""A dry run says what an import does to every number, and a plan is done exactly or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.e2e.running import RunningStack
from tests.e2e.test_import_cases import PROOF, write
from tests.waiting import wait_until

YEAR = "2013"
"""A year of which the demo has no publication."""


def rows(*names: str, **columns: str) -> list[dict[str, str]]:
    """Publications of VNU, one for each name."""
    return [
        {
            "record_id": name,
            "unit_id": "vnu/hus" if number % 2 else "vnu/uet",
            "title": f"Synthetic {name}",
            "doi": f"10.5555/e2e-plan.{name}",
            "issued_on": f"{YEAR}-0{1 + number % 9}-10",
            "indexes": "scopus",
            "unit_authors": "2",
            "evidence_sha256": PROOF,
            **columns,
        }
        for number, name in enumerate(names)
    ]


def asked(
    stack: RunningStack, *arguments: str, institution: str = "vnu", code: int = 0
) -> dict[str, Any]:
    """The JSON of an import that ends with an exit code."""
    answer = stack.run("import", *arguments, "--institution", institution, "--output", "json")
    assert answer.code == code, answer
    found: dict[str, Any] = json.loads(answer.out)
    return found


def numbers(stack: RunningStack, units: set[str]) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Every number of the year: (unit, indicator) -> declared and verified."""
    cells = stack.kpis(sorted(units), f"{YEAR}-01", f"{YEAR}-12")["cells"]
    return {(c["unit"], c["indicator"]): (c["declared"], c["verified"]) for c in cells}


def pair(stage: dict[str, Any]) -> tuple[Any, Any]:
    return stage["declared"], stage["verified"]


def test_a_plan_says_what_every_number_becomes_and_is_done_exactly(
    stack: RunningStack, tmp_path: Path
) -> None:
    path = write(tmp_path / "publication.csv", rows("a1", "a2", "a3"))
    plan = str(tmp_path / "publication.plan")
    arguments = (str(path), "--system", "e2e-plan")
    planned = asked(stack, *arguments, "--dry-run", "--plan", plan)
    assert (planned["created"], planned["written"]) == (3, False)
    told = {(n["unit"], n["indicator"]): n for n in planned["effect"]["numbers"]}
    units = {unit for unit, _ in told}
    assert {"consortium", "vnu", "vnu/hus", "vnu/uet"} <= units
    before = numbers(stack, units)
    assert all(pair(told[key]["before"]) == before[key] for key in told)
    done = asked(stack, "--commit", plan)
    assert (done["created"], done["written"]) == (3, True)
    wait_until(
        lambda: all(
            pair(told[key]["once_submitted"]) == now
            for key, now in numbers(stack, units).items()
            if key in told
        ),
        30,
        "declared numbers are as planned",
    )
    decisions = write(
        tmp_path / "decisions.csv",
        [{"record_id": f"a{n}", "decision": "verify", "reason": ""} for n in (1, 2, 3)],
    )
    review = ("review", "import", str(decisions), "--system", "e2e-plan", "--institution", "vnu")
    assert stack.run(*review).code == 0
    wait_until(
        lambda: all(
            pair(told[key]["once_verified"]) == now
            for key, now in numbers(stack, units).items()
            if key in told
        ),
        30,
        "verified numbers are as planned",
    )
    # Nothing else moved.
    after = numbers(stack, units)
    assert {key for key in after if after[key] != before[key]} <= set(told)


def test_a_plan_that_was_overtaken_writes_nothing_and_says_what_changed(
    stack: RunningStack, tmp_path: Path
) -> None:
    arguments = ("--system", "e2e-late", "--type", "publication")
    path = write(tmp_path / "mine.csv", rows("b1", "b2"))
    plan = str(tmp_path / "mine.plan")
    asked(stack, str(path), *arguments, "--dry-run", "--plan", plan)
    # Somebody else imports one of the records, with another title.
    other = write(tmp_path / "other.csv", rows("b1", title="Synthetic other"))
    assert asked(stack, str(other), *arguments)["created"] == 1
    late = asked(stack, "--commit", plan, code=1)
    assert not late["written"]
    of_row = {"row": 2, "record_id": "b1"}
    assert late["changed"][0] == {
        "row": 2,
        "column": "",
        "planned": {**of_row, "outcome": "created", "version_before": 0, "version": 1},
        "now": {**of_row, "outcome": "amended", "version_before": 1, "version": 2},
    }
    # The number was changed by the other import, too.
    wait_until(
        lambda: any(
            change.get("number", "").startswith("vnu KNW-03")
            for change in asked(stack, "--commit", plan, code=1)["changed"]
        ),
        30,
        "the numbers of the plan are overtaken",
    )
    write(path, rows("b1", "b2", unit_authors="3"))
    changed = asked(stack, "--commit", plan, code=1)["changed"]
    assert [(change["row"], change["column"]) for change in changed[:2]] == [
        (2, "sha256"),
        (3, "sha256"),
    ]
    # A new plan of the same file is done.
    asked(stack, str(path), *arguments, "--dry-run", "--no-effect", "--plan", plan)
    done = asked(stack, "--commit", plan)
    assert (done["amended"], done["created"]) == (1, 1)


def test_all_or_nothing_writes_nothing_and_the_refused_rows_are_mended_and_imported(
    stack: RunningStack, tmp_path: Path
) -> None:
    arguments = ("--system", "e2e-refused", "--type", "publication")
    faulty = rows("c1", "c2", "c3")
    faulty[1]["doi"] = "11.5555/no-doi"
    faulty[2]["issued_on"] = f"{YEAR}-13-10"
    path = write(tmp_path / "faulty.csv", faulty)
    refused = tmp_path / "refused.csv"
    nothing = asked(stack, str(path), *arguments, "--policy", "all-or-nothing", code=1)
    assert (nothing["written"], nothing["refused"], nothing["created"]) == (False, 2, 1)
    # Nothing was: the good row is still new to the import of good rows.
    some = asked(stack, str(path), *arguments, "--refused", str(refused), code=1)
    assert (some["written"], some["refused"], some["created"]) == (True, 2, 1)
    with refused.open(encoding="utf-8-sig", newline="") as file:
        left = list(csv.DictReader(file))
    assert [row["record_id"] for row in left] == ["c2", "c3"]
    assert all(row["refused_because"] for row in left)
    left[0]["doi"], left[1]["issued_on"] = "10.5555/e2e-plan.c2", f"{YEAR}-03-10"
    mended = asked(stack, str(write(refused, left)), *arguments, "--policy", "all-or-nothing")
    assert (mended["written"], mended["created"], mended["refused"]) == (True, 2, 0)
