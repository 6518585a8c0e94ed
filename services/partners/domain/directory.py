"""The tree of institutions and units: validating it, and searching for units in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from services.kernel.errors import InvalidArgument
from services.partners.domain.terms import DEFAULTS, Terms

Fold = Callable[[str], str]
Mistakes = Iterator[tuple[str, str]]

# Error details travel in the trailers of a gRPC response, whose size is limited.
MISTAKES_LISTED_MAX = 20
INITIALS_MIN = 3
"""Minimum letters of one word of a query that abbreviates a name; fewer fit too many names."""


class Kind(StrEnum):
    """Kind of a unit in the tree; the values are the lower-case names of the contract's enum."""

    CONSORTIUM = "consortium"
    INSTITUTION = "institution"
    SCHOOL = "school"
    INSTITUTE = "institute"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the tree.

    ``unit_id`` is the only key, because units of two institutions may have equal names. The first
    and last day of its existence are `YYYY-MM-DD`, inclusive, and empty if unknown or open.
    ``successor_ids`` are the ids of the units that replaced it.
    """

    unit_id: str
    parent_id: str
    kind: Kind
    name_vi: str
    name_en: str
    abbreviation: str = ""
    aliases: tuple[str, ...] = ()
    valid_from: str = ""
    valid_to: str = ""
    successor_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """One immutable version of the tree and of the terms by which its institutions decide.

    ``units`` lists parents before their children.
    """

    version: int
    units: tuple[Unit, ...]
    published_at: datetime
    terms: Terms = DEFAULTS


def arranged(units: Sequence[Unit], fold: Fold) -> tuple[Unit, ...]:
    """Validate a tree and return its units, parents before children, siblings in the given order.

    Args:
        units: all units of the tree, in any order.
        fold: function that normalises a name for comparison.

    Raises:
        InvalidArgument: the caller's units are not a valid tree; the error maps the path of each
            wrong field, e.g. ``units[3].parent_id``, to what is wrong.
    """
    mistakes = dict(_mistakes_of_units(units, fold))
    ordered: tuple[Unit, ...] = ()
    if not mistakes:
        ordered = _parents_first(units)
        mistakes = dict(_mistakes_of_paths(units, ordered))
    if mistakes:
        shown = dict(list(mistakes.items())[:MISTAKES_LISTED_MAX])
        listed = "; ".join(f"{path}: {text}" for path, text in shown.items())
        raise InvalidArgument(f"the directory is not a tree of units: {listed}", fields=shown)
    return ordered


def same_tree(left: Iterable[Unit], right: Iterable[Unit]) -> bool:
    """Return True if two trees contain equal units, in whatever order they are listed."""
    return set(left) == set(right)


def _mistakes_of_units(units: Sequence[Unit], fold: Fold) -> Mistakes:
    roots = [unit for unit in units if unit.kind == Kind.CONSORTIUM]
    if len(roots) != 1:
        yield "units", f"exactly one unit is the consortium, not {len(roots)}"
        return
    by_id = {unit.unit_id: unit for unit in reversed(units)}
    names: dict[tuple[str, str, str], str] = {}
    for place, unit in enumerate(units):
        if by_id[unit.unit_id] is not unit:
            yield f"units[{place}].unit_id", f"{unit.unit_id} is listed twice"
        yield from _mistakes_of_parent(f"units[{place}].parent_id", unit, roots[0], by_id)
        yield from _mistakes_of_days(f"units[{place}]", unit)
        yield from _mistakes_of_successors(f"units[{place}].successor_ids", unit, by_id)
        for language, name in (("vi", unit.name_vi), ("en", unit.name_en)):
            key = (unit.parent_id, language, fold(name))
            other = names.setdefault(key, unit.unit_id)
            if other != unit.unit_id:
                yield f"units[{place}].name.{language}", f"{other} beside it has the same name"


def _mistakes_of_parent(path: str, unit: Unit, root: Unit, by_id: dict[str, Unit]) -> Mistakes:
    if unit.kind == Kind.CONSORTIUM:
        if unit.parent_id:
            yield path, "the consortium has no parent"
    elif unit.parent_id not in by_id:
        yield path, f"there is no unit {unit.parent_id!r}"
    elif (unit.kind == Kind.INSTITUTION) != (unit.parent_id == root.unit_id):
        yield path, "institutions, and only they, must be children of the consortium"


def _mistakes_of_days(path: str, unit: Unit) -> Mistakes:
    for field, day in (("valid_from", unit.valid_from), ("valid_to", unit.valid_to)):
        try:
            date.fromisoformat(day or "2000-01-01")
        except ValueError:
            yield f"{path}.{field}", f"{day} is not a day of the calendar"
    if unit.valid_from and unit.valid_to and unit.valid_from > unit.valid_to:
        yield f"{path}.valid_to", "the last day is before the first"


def _mistakes_of_successors(path: str, unit: Unit, by_id: dict[str, Unit]) -> Mistakes:
    if unit.successor_ids and not unit.valid_to:
        yield path, "a unit without a last day has no successor"
    for successor_id in unit.successor_ids:
        if successor_id not in by_id or successor_id == unit.unit_id:
            yield path, f"{successor_id!r} is no other unit of the directory"


def _parents_first(units: Sequence[Unit]) -> tuple[Unit, ...]:
    children: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        children[unit.parent_id].append(unit)
    ordered: list[Unit] = []
    waiting = list(children[""])
    while waiting:
        unit = waiting.pop()
        ordered.append(unit)
        waiting.extend(reversed(children[unit.unit_id]))
    return tuple(ordered)


def _mistakes_of_paths(units: Sequence[Unit], ordered: Sequence[Unit]) -> Mistakes:
    institutions: dict[str, str] = {}
    for unit in ordered:
        is_top = unit.kind in (Kind.CONSORTIUM, Kind.INSTITUTION)
        institutions[unit.unit_id] = unit.unit_id if is_top else institutions[unit.parent_id]
    for place, unit in enumerate(units):
        institution_id = institutions.get(unit.unit_id)
        if institution_id is None:
            yield f"units[{place}].parent_id", "goes round in a circle"
        elif institution_id == unit.unit_id:
            if "/" in unit.unit_id:
                yield f"units[{place}].unit_id", "the id of an institution has no slash"
        elif not unit.unit_id.startswith(institution_id + "/"):
            yield f"units[{place}].unit_id", f"the id does not begin with {institution_id}/"


@dataclass(frozen=True, slots=True)
class Entry:
    """A unit with the normalised texts by which it is found.

    ``codes`` are its id and abbreviation, ``names`` its names and aliases, ``words`` the single
    words of both.
    """

    unit: Unit
    codes: tuple[str, ...]
    names: tuple[str, ...]
    words: frozenset[str]


def entries_of(units: Iterable[Unit], fold: Fold) -> tuple[Entry, ...]:
    """Return the search entries of units, in the same order.

    Args:
        units: the units.
        fold: normalises a text; queries must be normalised by the same function.
    """
    return tuple(_entry(unit, fold) for unit in units)


def _entry(unit: Unit, fold: Fold) -> Entry:
    codes = tuple(filter(None, map(fold, (unit.unit_id, unit.abbreviation))))
    names = tuple(filter(None, map(fold, (unit.name_vi, unit.name_en, *unit.aliases))))
    words = frozenset(word for text in (*codes, *names) for word in text.split())
    return Entry(unit, codes, names, words)


def search(
    entries: Sequence[Entry], query: str, *, below_unit_id: str = "", limit: int
) -> list[Unit]:
    """Return the units that match a query, best first, equally good ones in tree order.

    Args:
        entries: search entries of all units, parents before children.
        query: text to search for, normalised as the entries are.
        below_unit_id: id of the unit whose descendants are searched; empty for all units.
        limit: maximum number of units to return.

    Raises:
        InvalidArgument: the caller's query has no letter or digit, or there is no unit
            ``below_unit_id``.
    """
    if not query:
        raise InvalidArgument(
            "the query has neither letter nor digit", fields={"query": "no letter or digit"}
        )
    candidates = _below(entries, below_unit_id) if below_unit_id else entries
    ranked = [(rank(entry, query), place) for place, entry in enumerate(candidates)]
    best = sorted((found, place) for found, place in ranked if found is not None)
    return [candidates[place].unit for _, place in best[:limit]]


def rank(entry: Entry, query: str) -> int | None:
    """Return how well an entry matches a query: 0 (best) to 4; None if it does not match.

    0: a code equals the query; 1: a name does; 2: one of them begins with it; 3: it has all words;
    4: the query abbreviates a name.

    Args:
        entry: search entry of a unit.
        query: the query, normalised as the entry is.
    """
    if query in entry.codes:
        return 0
    if query in entry.names:
        return 1
    if any(text.startswith(query) for text in (*entry.codes, *entry.names)):
        return 2
    if entry.words.issuperset(query.split()):
        return 3
    return 4 if any(_abbreviates(query.split(), name.split()) for name in entry.names) else None


def _abbreviates(query: Sequence[str], name: Sequence[str]) -> bool:
    """Return True if words of a query abbreviate the last words of a name, in order.

    A word matches itself, or as many words as it has letters, which are their initials:
    `truong dhkhtn` abbreviates `truong dai hoc khoa hoc tu nhien`. One of the words has at least
    `INITIALS_MIN` letters.
    """
    if not any(len(word) >= INITIALS_MIN for word in query):
        return False
    return any(_stands_for(query, name[first:]) for first in range(len(name)))


def _stands_for(query: Sequence[str], name: Sequence[str]) -> bool:
    place = 0
    for word in query:
        initials = "".join(each[0] for each in name[place : place + len(word)])
        if place < len(name) and name[place] == word:
            place += 1
        elif initials == word:
            place += len(word)
        else:
            return False
    return place == len(name)


def _below(entries: Sequence[Entry], unit_id: str) -> list[Entry]:
    if not any(entry.unit.unit_id == unit_id for entry in entries):
        raise InvalidArgument(
            f"there is no unit {unit_id!r}", fields={"below_unit_id": "no such unit"}
        )
    inside = {unit_id}
    found = []
    for entry in entries:  # parents come before their children
        if entry.unit.parent_id in inside:
            inside.add(entry.unit.unit_id)
            found.append(entry)
    return found
