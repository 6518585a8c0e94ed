"""Marks on cells: as many as ExplainKpi lists works with disagreements behind the same cell."""

from __future__ import annotations

import itertools
import random

from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.disagreement import contradicted_measures
from services.kpi.domain.explanation import adds_something, share_of
from services.kpi.domain.fold import restored
from services.kpi.domain.months import month_text
from services.kpi.domain.work import Statement, Work
from services.kpi.query.cells import Selection
from services.kpi.query.contradictions import MarkCounter
from services.kpi.wire import events
from tests.unit.kpi.builders import JANUARY, UNITS, article, changed, real_catalogue

RANGES = [(month, month) for month in range(JANUARY, JANUARY + 6)]


def works(catalogue: Catalogue, count: int) -> list[Work]:
    """Works of one to three units, most of which contradict each other somewhere."""
    chosen = random.Random(13)
    found = []
    for _ in range(count):
        statements: dict[str, Statement] = {}
        for name in range(chosen.randint(1, 3)):
            claim = article(
                chosen.choice([unit for unit in UNITS if unit != "root"]),
                issued_on=f"2025-0{chosen.randint(1, 4)}-10",
                indexes=chosen.choice([[1], [2], [1, 2], []]),
                quartile=chosen.randint(0, 2),
                share_ppm=chosen.choice([0, 400_000, 700_000]),
            )
            verified = claim if chosen.random() < 0.6 else None
            event = changed(f"s{name}", 1, "doi:10.1/w", claim, verified)
            statements[events.name_of(event)] = events.decode_statement(event, catalogue, b"")
        found.append(restored(statements, catalogue))
    return found


def explained(
    catalogue: Catalogue, all_works: list[Work], selection: Selection
) -> dict[tuple[str, str, str], list[int]]:
    """The same marks, by the rule of ExplainKpi for one work and one cell."""
    marks = {}
    for unit_id, indicator, (first, last) in itertools.product(
        selection.unit_ids, selection.indicators, selection.ranges
    ):
        counts = [0, 0]
        for work, measure in itertools.product(all_works, (0, 1)):
            unit = catalogue.tree.number[unit_id]
            share, _ = share_of(work.contributed, catalogue, unit, indicator, measure, first, last)
            counts[measure] += contradicted_measures(work)[measure] and adds_something(share)
        marks[unit_id, indicator.code, month_text(first)] = counts
    return marks


def test_marks_are_the_disagreements_of_the_explanations() -> None:
    catalogue = real_catalogue()
    indicators = [
        i for i in catalogue.indicators.values() if "publication" in catalogue.types_of(i)
    ]
    all_works = works(catalogue, 60)
    for ranges in (RANGES, [(JANUARY, JANUARY + 11)]):
        selection = Selection(UNITS, indicators, ranges)
        counter = MarkCounter(catalogue, selection)
        for work in all_works:
            counter.add(work)
        expected = explained(catalogue, all_works, selection)
        assert {place: counter.marks[place] for place in expected} == expected
        assert sum(map(sum, expected.values())) > 100
