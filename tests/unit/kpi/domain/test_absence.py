from typing import Any

import pytest

from services.kpi.domain.absence import Answer, AskedCell, Finding, Reason, explain_absence
from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.conditions import Condition
from services.kpi.domain.fold import restored
from services.kpi.domain.work import Claim, Statement, Work
from services.kpi.replay.memory_projection import MemoryProjection, ReplayBound
from services.kpi.wire import events
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import (
    JANUARY,
    TREE,
    UNITS,
    both,
    claim,
    component,
    real_catalogue,
    said,
)

MARCH = JANUARY + 2
GOOD = (Condition("quartile", "any_of", frozenset({"q1", "q2"})),)
CATALOGUE = Catalogue.build(
    1,
    [
        Indicator("PLAIN", component()),
        Indicator("GOOD", component(where=GOOD)),
        Indicator("MANY", component(where=(Condition("authors", "at_least", bound=3),))),
        Indicator("NAMED", component(where=(Condition("title", "present", bound=1),))),
        Indicator(
            "SOON", component(where=(Condition("made_on", "within", bound=9, after="filed_on"),))
        ),
        Indicator("LED", component(Rule.LEAD)),
        Indicator("MONEY", component(Rule.MONEY_RECEIVED, amount="paid")),
        Indicator("HOURS", component(Rule.FRACTION, amount="hours", per=8)),
        Indicator("PARTY", component(Rule.DISTINCT, member="partner")),
        Indicator("STOCK", component(until="ended_on")),
        Indicator("LATER", component(not_before="shown_on")),
        Indicator("RATIO", component(where=GOOD), component(Rule.CLAIMS)),
        Indicator("REACH", None, attainment_of="PLAIN"),
        Indicator("OTHER", component(type="other")),
    ],
    TREE,
)


def work(*statements: Statement | Claim) -> Work:
    known = {}
    for number, one in enumerate(statements, 1):
        statement = both(one) if isinstance(one, Claim) else one
        claims = [c for c in (statement.declared, statement.verified) if c]
        known[claims[0].name if claims else f"gone{number}"] = statement
    return restored(known, CATALOGUE)


def why(known: Work, code: str, unit: str = "root", **more: Any) -> Answer:
    months = more.pop("months", (JANUARY, JANUARY + 11))
    cell = AskedCell(
        CATALOGUE, TREE.number[unit], CATALOGUE.indicators[code], more.pop("measure", 1), months
    )
    return explain_absence(known, cell, **more)


def only(answer: Answer) -> Finding:
    assert not answer.counts
    (finding,) = answer.findings
    return finding


ONE = work(claim("alpha/sci", quartile="q3", authors=2, filed_on="2025-01-01"))
CASES: dict[str, tuple[Work, str, dict[str, Any], Finding]] = {
    "nobody claims it": (Work(), "PLAIN", {}, Finding(Reason.UNKNOWN)),
    "it was taken back": (
        work(Statement(3)),
        "PLAIN",
        {},
        Finding(Reason.RETRACTED, submission_id="gone1"),
    ),
    "it waits for review": (
        work(said(claim("alpha"))),
        "PLAIN",
        {},
        Finding(Reason.NOT_VERIFIED, submission_id="s1"),
    ),
    "another type": (
        ONE,
        "OTHER",
        {},
        Finding(Reason.WRONG_TYPE, "value", "", "type", "other", "thing", "s1"),
    ),
    "a closed list": (
        ONE,
        "GOOD",
        {},
        Finding(Reason.CONDITION, "value", "", "quartile", "any_of q1, q2", "q3"),
    ),
    "too few": (
        ONE,
        "MANY",
        {},
        Finding(Reason.CONDITION, "value", "", "authors", "at_least 3", "2"),
    ),
    "not given": (
        ONE,
        "NAMED",
        {},
        Finding(Reason.CONDITION, "value", "", "title", "present true", ""),
    ),
    "too late": (
        ONE,
        "SOON",
        {},
        Finding(
            Reason.CONDITION, "value", "", "made_on", "within 9 days after filed_on", "2025-03-10"
        ),
    ),
    "no date": (
        work(claim("alpha", made_on=None)),
        "PLAIN",
        {},
        Finding(Reason.DATE_MISSING, "value", field="made_on"),
    ),
    "no second date": (ONE, "LATER", {}, Finding(Reason.DATE_MISSING, "value", field="shown_on")),
    "another month": (
        ONE,
        "PLAIN",
        {"months": (JANUARY, JANUARY + 1)},
        Finding(Reason.OUTSIDE_RANGE, "value", "", "made_on", "2025-01 to 2025-02", "2025-03-10"),
    ),
    "another month by the second date": (
        work(claim("alpha", shown_on="2025-06-01")),
        "LATER",
        {"months": (JANUARY, MARCH)},
        Finding(Reason.OUTSIDE_RANGE, "value", "", "shown_on", "2025-01 to 2025-03", "2025-06-01"),
    ),
    "another month by the first date": (
        work(claim("alpha", shown_on="2025-01-01")),
        "LATER",
        {"months": (JANUARY, JANUARY + 1)},
        Finding(Reason.OUTSIDE_RANGE, "value", "", "made_on", "2025-01 to 2025-02", "2025-03-10"),
    ),
    "left the stock": (
        work(claim("alpha", ended_on="2025-05-01")),
        "STOCK",
        {"months": (MARCH, JANUARY + 4)},
        Finding(Reason.OUTSIDE_RANGE, "value", "", "ended_on", "2025-03 to 2025-05", "2025-05-01"),
    ),
    "another unit": (
        ONE,
        "PLAIN",
        {"unit": "beta"},
        Finding(Reason.UNIT_NOT_BELOW, "value", wanted="beta", found="alpha/sci"),
    ),
    "nobody led": (ONE, "LED", {}, Finding(Reason.NOT_LEAD, "value", wanted="root")),
    "another led": (
        work(claim("alpha", "s1"), claim("beta", "s2", lead=True)),
        "LED",
        {"unit": "alpha"},
        Finding(Reason.NOT_LEAD, "value", wanted="alpha", found="beta", by="s2"),
    ),
    "no amount": (
        ONE,
        "MONEY",
        {},
        Finding(Reason.FACT_MISSING, "value", field="paid", wanted="money_received"),
    ),
    "no member": (
        ONE,
        "PARTY",
        {},
        Finding(Reason.FACT_MISSING, "value", field="partner", wanted="distinct"),
    ),
    "it only changed hands": (
        work(claim("alpha", paid=5, payer_unit_id="beta")),
        "MONEY",
        {},
        Finding(Reason.NETTED, "value", field="payer_unit_id", found="beta"),
    ),
    "an amount of nothing": (
        work(claim("alpha", paid=0)),
        "MONEY",
        {},
        Finding(Reason.CONDITION, "value", "", "paid", "at_least 1", "0"),
    ),
    "too little for a part": (
        work(claim("alpha", "s1", hours=1), claim("beta", "s2", hours=1)),
        "HOURS",
        {"unit": "beta"},
        Finding(Reason.CONDITION, "value", "s2", "share_ppm", "at_least 1", "0"),
    ),
    "asked as what it is of": (
        ONE,
        "REACH",
        {"unit": "gamma"},
        Finding(Reason.UNIT_NOT_BELOW, "value", wanted="gamma", found="alpha/sci"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_work_that_does_not_count_says_why(case: str) -> None:
    known, code, more, expected = CASES[case]
    assert only(why(known, code, **more)) == expected


def test_a_stronger_claim_that_says_otherwise_is_named() -> None:
    known = work(claim("alpha", "s2", quartile="q1"), claim("beta", "s1", rank=1, quartile="q4"))
    finding = only(why(known, "GOOD", "alpha"))
    assert (finding.reason, finding.submission_id, finding.by) == (Reason.OUTVOTED, "s2", "s1")
    assert (finding.found, finding.wanted) == ("q4", "any_of q1, q2")


def test_a_claim_of_another_type_than_the_strongest_is_outvoted() -> None:
    known = work(claim("alpha", "s2"), claim("beta", "s1", rank=1, type="other"))
    answer = why(known, "PLAIN", "alpha", submission_id="s2")
    assert [f.reason for f in answer.findings] == [Reason.OUTVOTED, Reason.WRONG_TYPE]
    assert answer.findings[0] == Finding(
        Reason.OUTVOTED, "", "s2", "type", wanted="other", found="thing", by="s1"
    )
    assert why(known, "OTHER", "beta").counts


def test_a_version_that_the_view_has_not_read_is_told() -> None:
    answer = why(ONE, "PLAIN", submission_id="s1", version=4)
    assert answer.counts
    assert answer.findings == [
        Finding(Reason.COUNTS),
        Finding(Reason.OLDER_VERSION, submission_id="s1", wanted="4", found="1"),
    ]
    assert why(ONE, "PLAIN", submission_id="s1", version=1).findings == [Finding(Reason.COUNTS)]
    absent = why(ONE, "PLAIN", submission_id="s9")
    assert absent.findings[1] == Finding(Reason.UNKNOWN, submission_id="s9")


def test_what_counts_says_so_and_a_ratio_tells_which_part_it_misses() -> None:
    assert why(ONE, "PLAIN").findings == [Finding(Reason.COUNTS)]
    answer = why(ONE, "RATIO")
    assert answer.counts
    assert [(f.reason, f.part) for f in answer.findings] == [
        (Reason.COUNTS, ""),
        (Reason.CONDITION, "value"),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_absent_without_a_reason(seed: int) -> None:
    made_of = real_catalogue()
    projection = MemoryProjection(made_of, ReplayBound({0: 150}))
    projection.take(log(150, seed))

    seen = set()
    for _, sources in projection.works():
        statements = {}
        for source in sources:
            event = events.decode_changed(source)
            statements[events.name_of(event)] = events.decode_statement(event, made_of, source)
        known = restored(statements, made_of)
        for indicator in made_of.indicators.values():
            for unit in UNITS:
                for measure in (0, 1):
                    months = (JANUARY + 1, JANUARY + 4)
                    cell = AskedCell(made_of, made_of.tree.number[unit], indicator, measure, months)
                    answer = explain_absence(known, cell)
                    assert answer.findings, (indicator.code, unit, measure, sources)
                    assert answer.counts == (answer.findings[0].reason is Reason.COUNTS)
                    seen |= {finding.reason for finding in answer.findings}
    assert len(seen) > 8
