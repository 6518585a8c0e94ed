"""The fold: applies one event to its work and returns how cells change. Pure and idempotent."""

from __future__ import annotations

from collections.abc import Mapping

from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.contribution import COLUMN_BITS, contribution, key_parts
from services.kpi.domain.work import Key, Statement, Work

COLUMN_MASK = (1 << COLUMN_BITS) - 1

RowKey = tuple[str, int]
"""(unit id, month) of a row."""

CellKey = tuple[str, str]
"""(column name, member) of a cell in its row; the member is empty unless it is a distinct count."""


def fold(
    work: Work, name: str, statement: Statement, catalogue: Catalogue
) -> tuple[Work, dict[Key, int]]:
    """Fold one statement of a submission into its work.

    A statement that is not newer than the stored one changes nothing. A newer one is stored even if
    no cell changes; otherwise an older one that arrives later would be mistaken for the newest.

    Args:
        work: the work so far; `Work()` if nothing is known of it.
        name: full name of the submission that makes the statement.
        statement: the submission's full state as far as it concerns this work.
        catalogue: frozen indicators and tree; the same for the whole life of a view.

    Returns:
        The new work, which is the same object if nothing changed, and the change of its
            contribution: key of a cell -> difference, without zeros, not yet rolled up along the
            tree.
    """
    if statement.version <= work.version_of(name):
        return work, {}
    statements = {**work.statements, name: statement}
    contributed = contribution(statements.values(), catalogue)
    return Work(statements, contributed), difference(contributed, work.contributed)


def restored(statements: Mapping[str, Statement], catalogue: Catalogue) -> Work:
    """Return the work that consists of stored statements.

    Args:
        statements: full name of a submission -> its newest statement.
        catalogue: the view's catalogue; the contribution is recomputed with it.
    """
    return Work(statements, contribution(statements.values(), catalogue))


def difference(new: Mapping[Key, int], old: Mapping[Key, int]) -> dict[Key, int]:
    """Return ``new - old`` for two contributions: key of a cell -> difference, without zeros.

    A key that one of them lacks counts as 0 there.
    """
    change = dict(new)
    for key, value in old.items():
        left = change.get(key, 0) - value
        if left:
            change[key] = left
        else:
            change.pop(key, None)
    return change


def roll_up(changes: Mapping[Key, int], catalogue: Catalogue) -> dict[RowKey, dict[CellKey, int]]:
    """Return how rows change when contributions are added to their unit and all its ancestors.

    Args:
        changes: key of a cell -> difference, not rolled up.
        catalogue: the view's catalogue.

    Returns:
        Key of a row -> key of a cell in it -> difference, without zeros.
    """
    # Grouped by unit and month first, so that the path to the root is walked once per row.
    tree, names = catalogue.tree, [(column.name, "") for column in catalogue.columns]
    gathered: dict[int, dict[CellKey, int]] = {}
    for key, value in changes.items():
        number, member = key if isinstance(key, tuple) else (key, "")
        cell = names[number & COLUMN_MASK]
        standing = gathered.setdefault(number >> COLUMN_BITS, {})
        standing[(cell[0], member) if member else cell] = value
    rows: dict[RowKey, dict[CellKey, int]] = {}
    for standing_at, cells in gathered.items():
        unit, month, _ = key_parts(standing_at << COLUMN_BITS)
        for above in tree.ancestors[unit]:
            place = tree.ids[above], month
            row = rows.get(place)
            if row is None:
                rows[place] = dict(cells)
                continue
            for cell, value in cells.items():
                row[cell] = row.get(cell, 0) + value
    kept = {place: {c: value for c, value in row.items() if value} for place, row in rows.items()}
    return {place: row for place, row in kept.items() if row}
