from dataclasses import replace

from services.kpi.domain.catalogue import Rule
from services.kpi.domain.restated_claims import Cause, ContributionKey, FrozenClaim, FrozenWork
from services.kpi.domain.restatement import Line, Restatement
from tests.unit.kpi.builders import JANUARY, catalogue, component

CLAIM = FrozenClaim("s1", 3, "alpha", "alpha/sci", "author-7", "verified", "d1", "v1")
GONE = replace(CLAIM, declared="", verified="", unit_id="", state="withdrawn", version=4)


CATALOGUE = catalogue(component(), component(Rule.DISTINCT, member="partner"))


def work(key: str, claims: tuple[FrozenClaim, ...], **members: int) -> FrozenWork:
    places: dict[ContributionKey, int] = {
        ("alpha/sci", JANUARY, "B:verified", member): count for member, count in members.items()
    }
    if claims:
        places["alpha/sci", JANUARY, "A:verified", ""] = 1
    return FrozenWork(key, claims, places)


def lines_of(old: list[FrozenWork], new: list[FrozenWork], unit: str = "root") -> list[Line]:
    months = (JANUARY, JANUARY)
    return Restatement(CATALOGUE, unit, months, 1).lines(old, new)


def test_a_retraction_is_shown_at_the_unit_that_claimed() -> None:
    (line,) = lines_of([work("w", (CLAIM,))], [FrozenWork("w", (GONE,), {})])
    (one,) = line.claims
    assert (one.claim.unit_id, one.cause, one.version_before) == (
        "alpha/sci",
        Cause.WITHDRAWN,
        3,
    )
    assert line.changes == {(unit, "A", 0): -1 for unit in ("alpha/sci", "alpha", "root")}


def test_units_above_the_top_of_an_edition_are_not_listed() -> None:
    (line,) = lines_of([], [work("w", (CLAIM,))], "alpha")
    assert {unit for unit, _, _ in line.changes} == {"alpha/sci", "alpha"}
    assert lines_of([], [work("w", (CLAIM,))], "beta") == []


def test_a_member_that_comes_or_goes_counts_at_the_first_work_that_did_it() -> None:
    old = [work("a", (CLAIM,), p=1), work("c", (CLAIM,), q=1)]
    new = [
        work("a", (CLAIM,)),
        work("b", (CLAIM,), p=1, r=1),
        work("c", (CLAIM,)),
        work("d", (CLAIM,), r=1),
    ]
    found = {
        line.work_key: {
            code: change for (unit, code, _), change in line.changes.items() if unit == "root"
        }
        for line in lines_of(old, new)
    }
    # p moves from a to b and still counts, r comes with b, q goes with c.
    assert found == {"b": {"A": 1, "B": 1}, "c": {"B": -1}, "d": {"A": 1}}
