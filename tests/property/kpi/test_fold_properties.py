"""Laws of the fold over any history: order, repetition, and taking back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kpi.domain.catalogue import Rule
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Cube
from services.kpi.domain.fold import restored, roll_up
from tests.property.kpi.histories import (
    DETERMINISTIC,
    History,
    folded,
    histories,
    retractions,
)
from tests.unit.kpi.builders import cube_of

MEASURES = (0, 1)


@DETERMINISTIC
@given(histories(), st.data())
def test_the_order_of_events_does_not_matter(history: History, data: st.DataObject) -> None:
    works, total = folded(history.events, history.catalogue)
    shuffled = data.draw(st.permutations(history.events))
    again, other_total = folded(shuffled, history.catalogue)
    assert other_total == total
    assert {k: dict(w.statements) for k, w in again.items()} == {
        k: dict(w.statements) for k, w in works.items()
    }
    cube, other = (cube_of(history.catalogue, cells) for cells in (total, other_total))
    assert cube.digest() == other.digest()


@DETERMINISTIC
@given(histories(), st.data())
def test_a_suffix_that_comes_again_changes_nothing(history: History, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(history.events) - 1))
    repeated = [*history.events, *history.events[begin:]]
    assert folded(repeated, history.catalogue) == folded(history.events, history.catalogue)


@DETERMINISTIC
@given(histories())
def test_retracting_everything_leaves_no_cell(history: History) -> None:
    ended = [*history.events, *retractions(history.events)]
    works, total = folded(ended, history.catalogue)
    assert total == {}
    assert cube_of(history.catalogue, total).digest() == Cube(history.catalogue).digest()
    late = folded([*ended, *history.events], history.catalogue)
    assert late == (works, {})


@DETERMINISTIC
@given(histories())
def test_what_changed_along_the_way_is_what_the_works_add_from_scratch(history: History) -> None:
    works, total = folded(history.events, history.catalogue)
    fresh: dict[int | tuple[int, str], int] = {}
    for work in works.values():
        assert restored(work.statements, history.catalogue) == work
        for key, value in contribution(work.statements.values(), history.catalogue).items():
            fresh[key] = fresh.get(key, 0) + value
    assert roll_up(total, history.catalogue) == roll_up(fresh, history.catalogue)


def test_the_histories_reach_every_rule_and_every_measure() -> None:
    reached: set[tuple[Rule, int]] = set()

    # The same in every tier: fewer may miss the rarest rules.
    @settings(DETERMINISTIC, max_examples=150)
    @given(histories())
    def look(history: History) -> None:
        _, total = folded(history.events, history.catalogue)
        for key in total:
            column = history.catalogue.columns[(key if isinstance(key, int) else key[0]) & 0xFFF]
            reached.add((column.component.rule, column.measure))

    look()
    assert reached == {(rule, measure) for rule in Rule for measure in MEASURES}
