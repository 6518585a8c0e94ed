"""Renders editions and restatements as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.cli.terminal.amounts import MONEY, amount_text, short_text
from services.cli.terminal.frame import HASH_CHARACTERS
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import (
    NOTHING,
    enum_text,
    number_text,
    time_text,
    value_text,
    with_sign,
)
from services.cli.terminal.screen import Output, Screen


def editions_table(screen: Screen, editions: Sequence[api.Edition]) -> RenderableType:
    """Return a table with one line per edition, a signed snapshot of numbers, in the given order.

    It shows id, title, unit, months, time of closing, view and the beginning of the digest.
    """
    table = screen.table("edition", "title", "unit", "period", "closed_at", "view", "digest")
    for edition in editions:
        table.add_row(
            edition.edition_id,
            edition.title,
            edition.unit_id,
            f"{edition.from_month} – {edition.to_month}",  # noqa: RUF001
            time_text(edition.closed_at, screen.lang),
            edition.view_id,
            edition.digest[:HASH_CHARACTERS],
        )
    return table


def edition_table(screen: Screen, content: Mapping[str, Any]) -> RenderableType:
    """Return a table of the verified values in an edition: a row per indicator, a column per unit.

    The units are that of the edition and those directly below it, if they have values. Where a unit
    has no value for an indicator, the table shows 0.

    Args:
        screen: language of the texts.
        content: content of the edition, parsed from JSON.
    """
    names = _names(content, screen)
    top = content["unit"]
    parents = {
        unit["unit_id"]: unit.get("parent_id", "") for unit in content["definitions"]["units"]
    }
    units = [top, *(unit for unit, parent in parents.items() if parent == top)]
    title = screen.text(
        "edition.title",
        title=content["title"],
        first=content["from"],
        last=content["to"],
        digest=content["view"]["digest"][:HASH_CHARACTERS],
    )
    values: dict[str, dict[str, Any]] = {}
    for unit, code, _, verified in content["cells"]:
        values.setdefault(code, {})[unit] = verified
    table = screen.table("indicator", "name", title=title)
    shown = [unit for unit in units if any(unit in row for row in values.values())]
    for unit in shown:
        table.add_column(names.units.get(unit, unit), justify="right", overflow="fold")
    for code, row in values.items():
        texts = (
            _value(row.get(unit), names.units_of_value.get(code, ""), screen) for unit in shown
        )
        table.add_row(code, names.indicators.get(code, ""), *texts)
    return table


def _names(content: Mapping[str, Any], screen: Screen) -> Names:
    lang = screen.lang.value
    indicators = content["definitions"]["indicators"]
    return Names(
        {i["code"]: i.get("name", {}).get(lang, "") for i in indicators},
        {u["unit_id"]: u.get("name", {}).get(lang, "") for u in content["definitions"]["units"]},
        {i["code"]: i.get("unit", "") for i in indicators},
    )


def _value(value: Any, unit: str, screen: Screen) -> str:
    if value is None:
        return "0"
    if isinstance(value, list):
        ratio = view_pb2.Ratio(numerator=value[0], denominator=value[1])
        return value_text(view_pb2.Value(ratio=ratio), unit, screen.lang)
    return number_text(value, screen.lang)


def restatement_table(
    screen: Screen,
    names: Names,
    lines: Sequence[api.Restatement],
    cells: Sequence[api.RestatedCell],
    adds_up: bool,
) -> RenderableType:
    """Return a table of the works that changed numbers of an edition, and one of these numbers.

    Each work is shown with who changed it and why. A last line says whether the works explain the
    changes of the numbers.

    Args:
        screen: language of the texts.
        names: names of units and indicators.
        lines: works that changed a number.
        cells: numbers that changed, one per unit and indicator.
        adds_up: whether the works explain every difference.
    """
    works = screen.table("work_key", "who", "change")
    for line in lines:
        who = "\n".join(who_of(screen, claim) for claim in line.claims)
        works.add_row(line.work_key, who, "\n".join(changes_of(screen, names, line.changes)))
    check = check_text(screen, len(lines), len(cells), adds_up)
    changed = [works, cell_lines(screen, names, cells)] if lines or cells else []
    return Group(*changed, check)


def check_text(screen: Screen, works: int, cells: int, adds_up: bool) -> str:
    """Return a sentence that says whether the works explain the changes of the values.

    Args:
        screen: language of the text.
        works: number of works.
        cells: number of values that changed.
        adds_up: whether the works explain every difference.
    """
    if adds_up and not works and not cells:
        return screen.text("restated.nothing")
    return screen.text(
        "restated.exact" if adds_up else "restated.wrong",
        works=number_text(works, screen.lang),
        cells=number_text(cells, screen.lang),
    )


def who_of(screen: Screen, claim: api.RestatedClaim) -> str:
    """Return a text on one changed claim: cause, unit, submission, versions, and who submitted it.

    The version before is a dash if the claim was not known then.
    """
    cause = enum_text(api.RestatedClaim.Cause.Name(claim.cause), "CAUSE_")
    before = f"v{claim.version_before}" if claim.version_before else NOTHING
    return screen.text(
        "restated.who",
        cause=screen.text(f"cause.{cause}"),
        unit=claim.unit_id or claim.institution_id,
        submission=claim.submission_id,
        before=before,
        now=f"v{claim.version_now}",
        subject=claim.submitted_by or NOTHING,
    )


def changes_of(screen: Screen, names: Names, changes: Sequence[api.CellDifference]) -> list[str]:
    """Return one line per indicator and difference, with the units in which it occurs.

    E.g. `KNW-01 +1: vnu, vnu/hus`.
    """
    units: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        unit = names.units_of_value.get(change.indicator_code, "")
        key = (change.indicator_code, difference_text(screen, change.difference, unit))
        units.setdefault(key, []).append(change.unit_id)
    return [f"{code} {text}: {', '.join(held)}" for (code, text), held in units.items()]


def difference_text(screen: Screen, value: view_pb2.Value, unit: str, exact: bool = True) -> str:
    """Return a difference with its sign, e.g. `+3` or `+0.50`; of a percentage both parts: `+1/+2`.

    Args:
        screen: language of the separators.
        value: the difference.
        unit: unit of measure of the indicator.
        exact: whether to write every digit of an amount of money.
    """
    if value.HasField("ratio") and unit != "percent" and value.ratio.denominator:
        return with_sign(value_text(value, unit, screen.lang))
    if value.HasField("ratio"):
        parts = (value.ratio.numerator, value.ratio.denominator)
        # Parts as large as amounts are amounts; works and people are never so many.
        shown = (amount_text(part, MONEY, screen.lang, exact) for part in parts)
        return "/".join(map(with_sign, shown))
    return with_sign(amount_text(value.whole, unit, screen.lang, exact))


def cell_lines(
    screen: Screen,
    names: Names,
    cells: Sequence[api.RestatedCell],
    former: str = "closed",
    exact: bool = True,
) -> Table:
    """Return a table of changed values: former value, what changed it, and present value.

    It has one row per unit and indicator. Changes by definitions, i.e. of the indicator or the unit
    tree, have a column only if there are any. On a terminal a single unit is the title instead of
    a column.

    Args:
        screen: language of the texts.
        names: names of units and indicators.
        cells: values that changed.
        former: key of the heading of the former value, `heading.` omitted.
        exact: whether to write every digit of an amount of money.
    """
    units = {cell.unit_id for cell in cells}
    has_units = len(units) > 1 or screen.output is not Output.table
    title = "" if has_units else ", ".join(names.units.get(each, each) for each in units)
    has_definitions = any(cell.HasField("by_definitions") for cell in cells)
    by_definitions = [">by_definitions"] if has_definitions else []
    keys = ["indicator", "name", f">{former}", ">by_works", *by_definitions, ">now"]
    table = screen.table(*(["unit"] if has_units else []), *keys, title=title)
    for cell in cells:
        unit = names.units_of_value.get(cell.indicator_code, "")
        definitions = NOTHING
        if cell.HasField("by_definitions"):
            definitions = difference_text(screen, cell.by_definitions, unit, exact)
        table.add_row(
            *([cell.unit_id] if has_units else []),
            cell.indicator_code,
            names.indicators.get(cell.indicator_code, ""),
            short_text(cell.closed, unit, screen.lang, exact),
            difference_text(screen, cell.by_works, unit, exact),
            *([definitions] if has_definitions else []),
            short_text(cell.now, unit, screen.lang, exact),
        )
    return table
