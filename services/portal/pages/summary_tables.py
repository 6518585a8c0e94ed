"""The summary of a unit in words and as tables of a printed report."""

from __future__ import annotations

from collections.abc import Iterator

from services.documents.page import Row, Section
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import BEHIND, ON_PACE, REACHED, Rank
from services.portal.numbers import NOTHING, full, percent
from services.portal.pages.summaries import Summary
from services.portal.site import Page

MOVERS_SHOWN = 5
"""Most indicators that a report lists as having changed most."""


def standing_sentence(page: Page, summary: Summary) -> str:
    """Return how many targets are reached, on pace and behind, and which need attention first.

    Empty if no target can be judged.
    """
    counts = {name: len(summary.having(name)) for name in (REACHED, ON_PACE, BEHIND)}
    if not any(counts.values()):
        return ""
    said = page.text("report.missed" if summary.is_past else "report.counts", **counts)
    urgent = ", ".join(each.indicator_code for each in summary.having(BEHIND)[:MOVERS_SHOWN])
    return f"{said} {page.text('report.urgent', codes=urgent)}" if urgent else said


def summary_sections(page: Page, summary: Summary, catalogue: Catalogue) -> Iterator[Section]:
    """Yield the tables of a summary that have rows: the units below, and what changed most.

    Args:
        page: the page, for its language.
        summary: the summary.
        catalogue: names of units and indicators.
    """
    if summary.has_targets:
        keys = ("attainment", "reached", "on_pace", "missed" if summary.is_past else "behind")
        heads = [(page.text(f"unit.{key}"), True) for key in (*keys, "share")]
        ranks = [_rank(page, each, catalogue) for each in summary.ranks]
        columns = [(page.text("unit.title"), False), *heads]
        yield Section(page.text("unit.parts"), columns, ranks, range(len(columns)))
    if summary.movers:
        heads = [(page.text(key), True) for key in ("report.before", "report.now")]
        columns = [(page.text("table.indicator"), False), *heads]
        movers = []
        for each in summary.movers[:MOVERS_SHOWN]:
            unit, name = (
                catalogue.unit_of(each.code),
                catalogue.indicator_name(each.code, page.lang),
            )
            numbers = (full(number, unit, page.lang) for number in (each.before, each.now))
            movers.append(Row([f"{each.code} {name}", *numbers]))
        yield Section(page.text("report.movers"), columns, movers, range(len(columns)))


def _rank(page: Page, rank: Rank, catalogue: Catalogue) -> Row:
    parts = [
        NOTHING if part is None else percent(part, page.lang)
        for part in (rank.attainment, rank.share)
    ]
    counts = [str(each) for each in (rank.reached, rank.on_pace, rank.behind)]
    if rank.attainment is None:
        counts = [NOTHING] * len(counts)
    return Row([catalogue.unit_name(rank.unit_id, page.lang), parts[0], *counts, parts[1]])
