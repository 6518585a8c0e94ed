"""Which numbers events that are only tried would change."""

from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube, Ratio
from services.kpi.domain.preview import Effects
from tests.unit.kpi.builders import JANUARY, TREE, component

CATALOGUE = Catalogue.build(
    1, [Indicator("A", component()), Indicator("REACH", None, attainment_of="A")], TREE
)


def reached(*, by_month: bool) -> list[object]:
    """The attainment of alpha before and after one more verified work of January."""
    cube = Cube(CATALOGUE)
    cube.put(0, "alpha", JANUARY, {("A:verified", ""): 2})
    more = {("alpha", JANUARY): {("A:verified", ""): 1}}
    effects = Effects(CATALOGUE, [more], by_month, JANUARY)
    found = effects.compare(effects.excerpt(cube), {"alpha|A|2025": 5})
    stages = [each.stages for each in found if each.code == "REACH"]
    return [verified for stage in stages for _, verified in stage]


def test_a_year_is_measured_against_its_target_and_a_month_against_none() -> None:
    assert reached(by_month=False) == [Ratio(2, 5), Ratio(3, 5)]
    assert reached(by_month=True) == []
