import pytest

from services.kpi.domain.shares import WHOLE, split
from services.kpi.domain.work import Claim
from tests.unit.kpi.builders import TREE, claim


def claims(*shapes: tuple[str, int, int]) -> list[Claim]:
    return [
        claim(unit, f"s{i}", share=share, unit_authors=authors or None)
        for i, (unit, share, authors) in enumerate(shapes)
    ]


CASES = {
    "one claim takes all, whatever it declares": ([("alpha", 1, 0)], 10, [10]),
    "the largest remainder gets what is left": ([("alpha", 2, 0), ("beta", 1, 0)], 10, [7, 3]),
    "ties go to the first": ([("alpha", 0, 0), ("beta", 0, 0), ("gamma", 0, 0)], 10, [4, 3, 3]),
    "declared shares need not add up to a million": (
        [("alpha", 300_000, 0), ("beta", 100_000, 0)],
        WHOLE,
        [540_540, 180_180],
    ),
    "one claim without a share voids the shares of all": (
        [("alpha", 900_000, 0), ("beta", 0, 0)],
        10,
        [5, 5],
    ),
    "institutions share equally, then units by authors": (
        [("alpha/sci", 0, 3), ("alpha/eng", 0, 1), ("beta", 0, 50)],
        800,
        [300, 100, 400],
    ),
    "unknown authors are one": ([("alpha/sci", 0, 2), ("alpha/eng", 0, 0)], 9, [6, 3]),
    "the consortium shares like an institution": ([("root", 0, 0), ("beta", 0, 0)], 8, [4, 4]),
    "nothing is split into nothing": ([("alpha", 0, 0), ("beta", 0, 0)], 0, [0, 0]),
}


@pytest.mark.parametrize(("shapes", "amount", "parts"), CASES.values(), ids=CASES)
def test_a_whole_is_split(
    shapes: list[tuple[str, int, int]], amount: int, parts: list[int]
) -> None:
    assert split(amount, claims(*shapes), TREE) == parts
    assert sum(parts) == amount


@pytest.mark.parametrize("count", range(1, 41))
def test_parts_add_up_and_differ_by_one_at_most(count: int) -> None:
    equal = [claim("alpha", f"s{i:02}") for i in range(count)]
    parts = split(WHOLE, equal, TREE)
    assert sum(parts) == WHOLE
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


@pytest.mark.parametrize("count", range(1, 17))
def test_up_to_sixteen_equal_shares_are_exact(count: int) -> None:
    if count not in (16,):
        assert WHOLE % count == 0
    assert len(set(split(WHOLE, [claim("beta", f"s{i:02}") for i in range(count)], TREE))) == 1
