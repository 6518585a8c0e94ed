from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Ratio
from services.kpi.domain.explanation import adds_something, narrowed, share_of
from tests.unit.kpi.builders import JANUARY, TREE, both, claim, component

CATALOGUE = Catalogue.build(
    1,
    [
        Indicator("COUNT", component()),
        Indicator("SHARE", component(Rule.FRACTION)),
        Indicator("RATIO", component(Rule.LEAD), component()),
        Indicator("STOCK", component(until="ended_on")),
        Indicator("PARTY", component(Rule.DISTINCT, member="partner")),
        Indicator("REACH", None, attainment_of="COUNT"),
        Indicator("HOURS", component(Rule.FRACTION, amount="people", times="hours", per=8)),
    ],
    TREE,
)
CLAIMS = [
    claim("alpha/sci", "s1", partner="p:1", ended_on="2025-05-01", people=20, hours=3),
    claim("beta", "s2", partner="p:1", ended_on="2025-05-01"),
]
WORK = contribution([both(one) for one in CLAIMS], CATALOGUE)
MARCH, MAY, DECEMBER = JANUARY + 2, JANUARY + 4, JANUARY + 11


def share(code: str, unit: str, first: int = JANUARY, last: int = DECEMBER) -> object:
    """The share by the whole catalogue, which is that by a catalogue of the indicator alone."""
    indicator = CATALOGUE.indicators[code]
    narrow = contribution([both(one) for one in CLAIMS], narrowed(CATALOGUE, indicator))
    assert narrow.items() < WORK.items()
    asked = CATALOGUE, TREE.number[unit], indicator, 1, first, last
    found = share_of(narrow, *asked)
    assert found == share_of(WORK, *asked)
    return found


def test_a_work_counts_once_at_every_unit_that_holds_a_claim() -> None:
    assert [share("COUNT", unit) for unit in ("root", "alpha", "beta")] == [(1, "")] * 3
    assert share("COUNT", "gamma") == (0, "")
    assert share("COUNT", "root", MAY) == (0, "")


def test_a_share_of_a_fraction_and_of_a_ratio_are_ratios() -> None:
    assert share("SHARE", "alpha") == (Ratio(360_360, 720_720), "")
    assert share("RATIO", "root") == (Ratio(0, 1), "")
    assert share("SHARE", "gamma") == (0, "")


def test_a_share_of_a_quantity_is_in_its_own_parts() -> None:
    assert share("HOURS", "root") == (Ratio(60, 8), "")
    assert share("HOURS", "beta") == (Ratio(30, 8), "")


def test_a_stock_counts_from_before_the_range_until_it_ends() -> None:
    assert share("STOCK", "root", MARCH + 1, MAY - 1) == (1, "")
    assert share("STOCK", "root", MARCH + 1, MAY) == (0, "")


def test_a_distinct_share_names_its_member_and_how_often_it_is_named() -> None:
    assert share("PARTY", "root") == (2, "p:1")
    assert share("PARTY", "beta") == (1, "p:1")


def test_an_attainment_is_explained_by_what_it_is_of() -> None:
    assert share("REACH", "root") == share("COUNT", "root")


def test_a_work_is_listed_when_it_adds_to_numerator_or_denominator() -> None:
    assert [adds_something(value) for value in (0, 1, -1)] == [False, True, True]
    assert adds_something(Ratio(0, 1))
    assert adds_something(Ratio(1, 720_720))
    assert not adds_something(Ratio(0, 0))
