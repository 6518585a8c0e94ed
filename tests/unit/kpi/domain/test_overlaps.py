from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from services.kpi.domain.overlaps import common, own_works

SETS = [units for size in (2, 3, 4) for units in combinations("abcd", size)]


@given(
    st.dictionaries(st.sampled_from(SETS), st.integers(1, 50)),
    st.lists(st.integers(0, 50), min_size=4, max_size=4),
    st.integers(0, 9),
)
def test_counts_of_any_size_are_those_of_a_listing_and_the_rest_is_the_units_own(
    sets: dict[tuple[str, ...], int], alone: list[int], own: int
) -> None:
    works = list(chain.from_iterable([set(units)] * count for units, count in sets.items()))
    for size in (2, 3):
        expected = {
            several: sum(set(several) <= work for work in works)
            for several in combinations("abcd", size)
        }
        assert common(sets, size) == {k: n for k, n in expected.items() if n}
    counts = [
        n + sum(unit in work for work in works) for unit, n in zip("abcd", alone, strict=True)
    ]
    whole = len(works) + sum(alone) + own
    assert own_works(whole, counts, sets) == own
