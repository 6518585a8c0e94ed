"""Renders values of indicators, the works behind a value, and overlaps as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from rich.console import Group, RenderableType
from rich.table import Table

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2, view_pb2
from services.cli.terminal.render import NOTHING, enum_text, number_text, percent_text, value_text
from services.cli.terminal.screen import Screen
from services.cli.terminal.texts import Lang

COLUMNS_MAX = 6
NAMES_WIDTH_MIN = 32
"""Width in characters that code, name and borders need."""
HASH_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Names:
    """Names from a catalogue in one language; all maps are empty without a catalogue.

    ``indicators``, ``units_of_value`` and ``houses`` map codes of indicators to their names, units
    of measure and houses; ``units`` maps unit ids to names.
    """

    indicators: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    units_of_value: Mapping[str, str] = field(default_factory=dict)
    houses: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(Code of a taxonomy, code of a term) -> name of the term."""

    @classmethod
    def of(cls, catalogue: catalogue_pb2.Catalogue, lang: Lang) -> Self:
        """Return the names in a catalogue, in one language."""
        return cls(
            {i.code: getattr(i.name, lang.value) for i in catalogue.indicators},
            {u.unit_id: getattr(u.name, lang.value) for u in catalogue.units},
            {i.code: i.unit for i in catalogue.indicators},
            {i.code: i.house for i in catalogue.indicators},
            {
                (taxonomy.code, term.code): getattr(term.name, lang.value)
                for taxonomy in catalogue.taxonomies
                for term in taxonomy.terms
            },
        )


def grid(
    screen: Screen,
    names: Names,
    cells: Sequence[view_pb2.Cell],
    measure: str,
    view: view_pb2.ViewInfo,
) -> RenderableType:
    """Return a table with a row per indicator and a column per unit, or per month of one unit.

    If that does not fit the width of the screen, the table has a row per cell instead.

    Args:
        screen: language and width.
        names: names of units and indicators.
        cells: cells to show.
        measure: `declared` or `verified`.
        view: view that the cells come from.
    """
    units = list(dict.fromkeys(cell.unit_id for cell in cells))
    months = list(dict.fromkeys((cell.from_month, cell.to_month) for cell in cells))
    if len(units) > 1 and (len(units) > COLUMNS_MAX or len(months) > 1):
        return _list(screen, names, cells, measure, view)
    headings = [names.units.get(unit, unit) for unit in units]
    if len(months) > 1:
        headings = [first if first == last else f"{first} – {last}" for first, last in months]  # noqa: RUF001
    lines: dict[str, list[str]] = {}
    for cell in cells:
        lines.setdefault(cell.indicator_code, []).append(cell_text(screen, names, cell, measure))
    # A line may break between words, but a number never: half of one reads like another.
    columns = zip(*lines.values(), strict=True)
    widths = [max(len(word) for text in column for word in text.split()) for column in columns]
    if sum(width + 3 for width in widths) + NAMES_WIDTH_MIN > screen.answers.width:
        return _list(screen, names, cells, measure, view)
    table = screen.table("indicator", "name", title=title_of(screen, view, cells, measure))
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, justify="right", min_width=width, overflow="fold")
    for code, texts in lines.items():
        table.add_row(code, names.indicators.get(code, ""), *texts)
    return table


def _list(
    screen: Screen,
    names: Names,
    cells: Sequence[view_pb2.Cell],
    measure: str,
    view: view_pb2.ViewInfo,
) -> Table:
    title = title_of(screen, view, cells, measure)
    table = screen.table("unit", "indicator", "name", "month", ">value", title=title)
    for cell in cells:
        table.add_row(
            cell.unit_id,
            cell.indicator_code,
            names.indicators.get(cell.indicator_code, ""),
            cell.from_month,
            cell_text(screen, names, cell, measure),
        )
    return table


def title_of(
    screen: Screen, view: view_pb2.ViewInfo, cells: Sequence[view_pb2.Cell], measure: str
) -> str:
    """Return the title of a table: measure, months, view id and digest.

    Args:
        screen: language of the title.
        view: view that the cells come from.
        cells: cells of the table.
        measure: `declared` or `verified`.
    """
    first = min((cell.from_month for cell in cells), default="")
    last = max((cell.to_month for cell in cells), default="")
    return screen.text(
        "kpi.title",
        measure=screen.text(f"measure.{measure}"),
        first=first,
        last=last,
        view=view.view_id,
        digest=view.digest[:HASH_CHARACTERS],
    )


def cell_text(screen: Screen, names: Names, cell: view_pb2.Cell, measure: str) -> str:
    """Return the value of a cell as text, with target, share of it reached, and forecast if known.

    A further line says on how many works claims contradict each other, if there are any.

    Args:
        screen: language, which decides how numbers are written.
        names: supplies the units of measure of indicators.
        cell: cell to show.
        measure: `declared` or `verified`.
    """
    told = _value_and_target(screen, names, cell, measure)
    works = getattr(cell.contradictions, measure)
    return f"{told}\n{contradicted_text(screen, works)}" if works else told


def contradicted_text(screen: Screen, works: int) -> str:
    """Return the text that claims of this number of works contradict each other."""
    return screen.text("kpi.contradicted", works=number_text(works, screen.lang))


def _value_and_target(screen: Screen, names: Names, cell: view_pb2.Cell, measure: str) -> str:
    value = getattr(cell, measure)
    shown = value_text(value, names.units_of_value.get(cell.indicator_code, ""), screen.lang)
    if not cell.HasField("target") or not value.HasField("whole"):
        return shown
    part = percent_text(value.whole / cell.target, screen.lang) if cell.target else NOTHING
    told = f"{shown} / {number_text(cell.target, screen.lang)} ({part})"
    if measure != "verified" or not cell.HasField("pace"):
        return told
    standing = enum_text(view_pb2.Pace.Standing.Name(cell.pace.standing), "STANDING_")
    forecast = cell.pace.forecast.numerator // cell.pace.forecast.denominator
    line = screen.text(f"pace.{standing}", forecast=number_text(forecast, screen.lang))
    return f"{told}\n{line}"


def total(works: Sequence[kpi_service_pb2.ExplainedWork]) -> tuple[int, int, set[int]]:
    """Return the sums of the numerators and of the denominators of works' contributions.

    The third value is the set of their denominators. Whole values count as numerators.
    """
    numerator = denominator = 0
    denominators = set()
    for work in works:
        contribution = work.contribution
        numerator += contribution.whole + contribution.ratio.numerator
        denominator += contribution.ratio.denominator
        denominators.add(contribution.ratio.denominator)
    return numerator, denominator, denominators


def is_exact(value: view_pb2.Value, works: Sequence[kpi_service_pb2.ExplainedWork]) -> bool:
    """Return True if the contributions of all works add up to the value of the cell.

    For a distinct count, the number of different members must equal the value; for a ratio, both
    parts must add up, unless all works have the denominator of the value.
    """
    if any(work.member_number or work.member for work in works):
        return value.whole == len({work.member_number or work.member for work in works})
    numerator, denominator, denominators = total(works)
    if value.HasField("whole"):
        return numerator == value.whole
    if numerator != value.ratio.numerator:
        return False
    # The denominator of an attainment is a target, which no work adds to.
    return denominators <= {0, value.ratio.denominator} or denominator == value.ratio.denominator


def explained(
    screen: Screen,
    value: view_pb2.Value,
    works: Sequence[kpi_service_pb2.ExplainedWork],
    unit_of_value: str,
    exact: bool | None,
) -> RenderableType:
    """Return a table of works with contributions, claims and proofs, and a line with the sum.

    Args:
        screen: language of the texts.
        value: value that the works explain.
        works: works in order of their keys.
        unit_of_value: unit of measure of the indicator, e.g. `VND`.
        exact: whether the works add up to the value; None if not all works are given.
    """
    table = screen.table("work_key", ">contribution", "claims", "evidence")
    for work in works:
        claims = "\n".join(
            f"{claim.unit_id} {'✓' if claim.verified else '…'} {claim.submission_id}"
            f" v{claim.version}"
            for claim in work.claims
        )
        for each in work.disagreements:
            nothing = screen.text("explain.nothing")
            said, counts = each.said or nothing, each.counts or nothing
            claims += "\n" + screen.text(
                "explain.disagrees",
                unit=each.unit_id,
                field=each.field,
                said=said,
                counts=counts,
            )
        hashes = [sha[:HASH_CHARACTERS] for claim in work.claims for sha in claim.evidence_sha256]
        number = f"#{work.member_number}" if work.member_number else ""
        contribution = work.member or number or _contribution_text(screen, work.contribution)
        table.add_row(work.work_key, contribution, claims, "\n".join(hashes))
    shown = value_text(value, unit_of_value, screen.lang)
    key = {True: "explain.exact", False: "explain.wrong", None: "explain.more"}[exact]
    lines = [screen.text(key, works=len(works), value=shown)]
    if marked := sum(bool(work.disagreements) for work in works):
        lines.append(contradicted_text(screen, marked))
    return Group(table, *lines)


def _contribution_text(screen: Screen, value: view_pb2.Value) -> str:
    if value.HasField("ratio"):
        return f"{value.ratio.numerator}/{value.ratio.denominator}"
    return value_text(value, "", screen.lang)


def overlap_table(
    screen: Screen, answer: kpi_service_pb2.ListOverlapsResponse, limit: int | None
) -> RenderableType:
    """Return a table of works that several units claim, and a line that compares the sums.

    At most ``limit`` works are listed, all if it is None.
    """
    table = screen.table("work_key", "units")
    for overlap in answer.overlaps[:limit]:
        table.add_row(overlap.work_key, ", ".join(overlap.unit_ids))
    twice = sum(len(overlap.unit_ids) - 1 for overlap in answer.overlaps)
    check = screen.text(
        "overlap.check" if answer.sum_of_children - answer.whole == twice else "overlap.differs",
        sum=number_text(answer.sum_of_children, screen.lang),
        whole=number_text(answer.whole, screen.lang),
        twice=number_text(twice, screen.lang),
        works=number_text(len(answer.overlaps), screen.lang),
    )
    return Group(table, check)
