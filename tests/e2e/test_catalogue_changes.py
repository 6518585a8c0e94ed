"""Another catalogue as a steward meets it: tried out, published, rolled back, all by commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.commands.up import CATALOGUE
from tests.e2e import expected, sample
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

YEAR = ("2025-01", "2025-12")
BUILT_SECONDS_MAX = 200.0


@pytest.fixture
def changed_file(tmp_path: Path) -> Path:
    """The deployed indicators, with every publication counted as KNW-03."""
    content = yaml.load(CATALOGUE.read_text(), yaml.CSafeLoader)
    for indicator in content["indicators"]:
        if indicator["code"] == "KNW-03":
            del indicator["value"]["where"]
    path = tmp_path / "indicators.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def articles(stack: RunningStack) -> dict[str, int]:
    cells = stack.kpis(["consortium", "vnu", "vnu-hcm", "hust"], *YEAR, "KNW-03")["cells"]
    return {cell["unit"]: cell["verified"] for cell in cells}


def view(stack: RunningStack) -> dict[str, Any]:
    found: dict[str, Any] = stack.kpis(["consortium"], *YEAR, "KNW-03")["view"]
    return found


def states(stack: RunningStack) -> dict[str, str]:
    listed = stack.json("catalogue", "views")["views"]
    assert not [each for each in listed if each["state"] == "refused"], listed
    return {each["view_id"]: each["state"] for each in listed}


def test_a_steward_tries_publishes_and_takes_back_another_catalogue(
    stack: RunningStack, changed_file: Path, measured: Callable[[str], None]
) -> None:
    before, counted = view(stack), articles(stack)
    assert len(stack.json("catalogue", "list")["indicators"]) == 49
    months = ("--from", YEAR[0], "--to", YEAR[1])
    tried = stack.json("catalogue", "what-if", str(changed_file), *months)
    changes = {(c["unit"], c["measure"]): c for c in tried["changes"] if c["indicator"] == "KNW-03"}
    gained = changes["consortium", "verified"]
    assert gained["difference"] == gained["works"] > 0
    assert len(gained["work_keys"]) == min(5, gained["works"])
    same = stack.json("catalogue", "what-if", str(CATALOGUE), *months)
    assert same["changes"] == []
    assert view(stack)["digest"] == before["digest"]

    begun = stack.agreed("catalogue", "publish", str(changed_file), "--no-wait")
    new = begun["view_id"]
    assert new != before["view_id"]
    wait_until(lambda: states(stack)[new] == "live", BUILT_SECONDS_MAX, f"{new} is live")
    wait_until(lambda: view(stack)["view_id"] == new, 60, f"{new} is read")
    expected = {
        unit: changes[unit, "verified"]["after"] if (unit, "verified") in changes else value
        for unit, value in counted.items()
    }
    assert articles(stack) == expected

    assert stack.agreed("catalogue", "rollback")["outcome"] == before["view_id"]
    wait_until(lambda: view(stack)["view_id"] == before["view_id"], 60, "the former view is read")
    assert view(stack)["digest"] == before["digest"]
    assert articles(stack) == counted
    assert states(stack) == {before["view_id"]: "live", new: "retired"}
    measured(f"catalogue: {begun['events_wanted']} events rebuilt, verified and swapped in")


def test_ended_units_of_a_university_are_its_own_in_both_trees(stack: RunningStack) -> None:
    asked = ("--unit", "hust", "--from", "2025-01:2025-03", "--to", "2025-04:2025-06")
    found = stack.json("catalogue", "reorganisation", *asked)
    # The same units are below it in both trees, so no work had to be read (ADR 0053).
    assert found["works"] == 0
    whole = [each for each in found["numbers"] if isinstance(each["change"], int)]
    assert any(each["change"] for each in whole)
    for each in whole:
        assert (each["change"], each["reorganisation"]) == (each["real"], 0)
        assert each["as_was"] == each["as_is"]
    seen = stack.kpis(["hust"], "2025-04", "2025-06", "KNW-03")["cells"][0]
    (told,) = (n for n in whole if (n["indicator"], n["measure"]) == ("KNW-03", "verified"))
    assert told["as_was"][1] == seen["verified"]


@pytest.mark.parametrize(
    ("unit", "ended"), [("hust/sem", "hust/iem"), ("vnu-hcm/uhs", "vnu-hcm/medicine")]
)
def test_a_reorganisation_is_split_from_real_change_on_the_demo(
    stack: RunningStack, unit: str, ended: str
) -> None:
    ranges = (("2024-01", "2024-07"), ("2025-01", "2025-07"))
    before, after = (f"{first}:{last}" for first, last in ranges)
    asked = ("--unit", unit, "--from", before, "--to", after)
    found = stack.json("catalogue", "reorganisation", *asked)
    assert found["moved_units"] == [ended]
    told = {n["indicator"]: n for n in found["numbers"] if n["measure"] == "verified"}
    for code in ("KNW-03", "ENT-12", "STA-01"):
        numbers = [expected.figures(sample.works("verified"), code, *months) for months in ranges]
        # No work is claimed by both, so that the successor has the sum of the two.
        as_was = [int(str(each.get(unit, 0))) for each in numbers]
        as_is = [
            int(str(each.get(ended, 0))) + own for each, own in zip(numbers, as_was, strict=True)
        ]
        change, real = as_was[1] - as_was[0], as_is[1] - as_is[0]
        assert (told[code]["as_was"], told[code]["as_is"]) == (as_was, as_is)
        split = (told[code]["change"], told[code]["reorganisation"], told[code]["real"])
        assert split == (change, change - real, real)
    trainings = told["ENT-12"]
    assert trainings["change"] == trainings["reorganisation"] + trainings["real"]
    assert min(trainings["reorganisation"], trainings["real"]) > 0
    shown = stack.run("catalogue", "reorganisation", *asked)
    assert (shown.code, "ENT-12" in shown.out, ended in shown.out) == (0, True, True), shown.err
