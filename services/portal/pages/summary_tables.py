"""The summary of a unit in words and as tables of a printed report."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from services.documents.page import Row, Section
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import BEHIND, ON_PACE, REACHED, Rank
from services.portal.numbers import NOTHING, percent, short
from services.portal.pages.summaries import Summary
from services.portal.pages.tables import Value, plain
from services.portal.site import Page

MOVERS_SHOWN = 5
"""Most indicators that a report lists as having changed most."""


def standing_sentence(page: Page, summary: Summary, catalogue: Catalogue) -> str:
    """Return how many targets are reached, on pace and behind, and which need attention first.

    Empty if no target can be judged.

    Args:
        page: the page, for its language.
        summary: the summary.
        catalogue: names of the indicators.
    """
    said = standing_counts(page, summary)
    names = [f"{code} {catalogue.indicator_name(code, page.lang)}" for code in urgent(summary)]
    return f"{said} {page.text('report.urgent', names='; '.join(names))}" if names else said


def standing_counts(page: Page, summary: Summary) -> str:
    """Return how many targets are reached, on pace and behind; empty if none can be judged."""
    counts = {name: len(summary.having(name)) for name in (REACHED, ON_PACE, BEHIND)}
    if not any(counts.values()):
        return ""
    return page.text("report.missed" if summary.is_past else "report.counts", **counts)


def urgent(summary: Summary) -> list[str]:
    """Return the codes of the targets that need attention first, the most urgent first."""
    return [each.indicator_code for each in summary.having(BEHIND)[:MOVERS_SHOWN]]


def summary_sections(
    page: Page, summary: Summary, catalogue: Catalogue
) -> Iterator[tuple[str, Section]]:
    """Yield the tables of a summary that have rows, each with its name in the parameter `table`.

    They are `parts`, the units below, and `movers`, what changed most.

    Args:
        page: the page, for its language.
        summary: the summary.
        catalogue: names of units and indicators.
    """
    if summary.has_targets:
        keys = ("attainment", "reached", "on_pace", "missed" if summary.is_past else "behind")
        heads = [(page.text(f"unit.{key}"), True) for key in (*keys, "share")]
        ranks = [
            _rank(page, each, catalogue) for each in summary.ranks if each.attainment is not None
        ]
        columns = [(page.text("unit.title"), False), *heads]
        title, note = page.text("unit.parts"), _without_targets(page, summary, catalogue)
        yield "parts", Section(title, columns, ranks, range(len(columns)), note=note)
    if summary.movers:
        heads = [(page.text(key), True) for key in ("report.before", "report.now")]
        columns = [(page.text("table.indicator"), False), *heads]
        movers = []
        for each in summary.movers[:MOVERS_SHOWN]:
            unit, name = (
                catalogue.unit_of(each.code),
                catalogue.indicator_name(each.code, page.lang),
            )
            numbers = (short(number, unit, page.lang) for number in (each.before, each.now))
            movers.append(Row([f"{each.code} {name}", *numbers]))
        yield "movers", Section(page.text("report.movers"), columns, movers, range(len(columns)))


def parts_lines(page: Page, summary: Summary, catalogue: Catalogue) -> Iterator[list[Value]]:
    """Yield headings and rows of the file of the units below, in the order of the page."""
    keys = ("attainment", "reached", "on_pace", "missed" if summary.is_past else "behind", "share")
    names = [page.text("column.unit"), page.text("column.name")]
    yield [*names, *(page.text(f"unit.{key}") for key in keys)]
    for each in summary.ranks:
        counts = (each.reached, each.on_pace, each.behind)
        name = catalogue.unit_name(each.unit_id, page.lang)
        yield [each.unit_id, name, plain(each.attainment), *counts, plain(each.share)]


def movers_lines(page: Page, summary: Summary, catalogue: Catalogue) -> Iterator[list[Value]]:
    """Yield headings and rows of the file of what changed most, in the order of the page."""
    keys = ("column.indicator", "column.indicator_name", "report.before", "report.now")
    yield [page.text(key) for key in keys]
    for each in summary.movers[:MOVERS_SHOWN]:
        name = catalogue.indicator_name(each.code, page.lang)
        yield [each.code, name, plain(each.before), plain(each.now)]


def _without_targets(page: Page, summary: Summary, catalogue: Catalogue) -> str:
    """Return the units below without targets of their own, with their shares; empty for none.

    A university may have many; a row of dashes for each would not fit on the page.
    """
    names = [
        f"{catalogue.unit_name(each.unit_id, page.lang)} {_part(page, each.share)}".strip()
        for each in summary.without_targets(catalogue)
    ]
    return page.text("report.no_targets", names="; ".join(names)) if names else ""


def _part(page: Page, part: Fraction | None) -> str:
    return NOTHING if part is None else percent(part, page.lang)


def _rank(page: Page, rank: Rank, catalogue: Catalogue) -> Row:
    parts = [_part(page, part) for part in (rank.attainment, rank.share)]
    counts = [str(each) for each in (rank.reached, rank.on_pace, rank.behind)]
    return Row([catalogue.unit_name(rank.unit_id, page.lang), parts[0], *counts, parts[1]])
