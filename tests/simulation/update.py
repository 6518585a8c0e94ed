"""The part of MongoDB's language of queries and updates that the stores speak."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Document = dict[str, Any]


def matches(document: Document, query: Document) -> bool:
    """Tell whether a document is asked for."""
    return all(_is(document.get(field), wanted) for field, wanted in query.items())


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return all(_TESTS[name](value, operand) for name, operand in wanted.items())
    if isinstance(value, list) and not isinstance(wanted, list):
        return wanted in value
    return bool(value == wanted)


_TESTS = {
    "$in": lambda value, several: value in several,
    "$gt": lambda value, least: value > least,
    "$gte": lambda value, least: value >= least,
    "$ne": lambda value, other: value != other,
}


def updated(found: Document | None, query: Document, change: Document) -> Document:
    """Return a document after a change; a new one, made of the query, where none was found."""
    new = deepcopy(found) if found else {"_id": query["_id"], **change.get("$setOnInsert", {})}
    for field, value in change.get("$set", {}).items():
        place, name = _place(new, field)
        place[name] = value
    for field in change.get("$unset", {}):
        place, name = _place(new, field)
        place.pop(name, None)
    for field, step in change.get("$inc", {}).items():
        new[field] = new.get(field, 0) + step
    for field, pushed in change.get("$push", {}).items():
        several = pushed.get("$each", [pushed])
        new[field] = [*new.get(field, []), *several]
    for field, condition in change.get("$pull", {}).items():
        new[field] = [entry for entry in new[field] if not matches(entry, condition)]
    assert not change.keys() - {"$set", "$unset", "$inc", "$push", "$pull", "$setOnInsert"}
    return new


def _place(document: Document, field: str) -> tuple[Document, str]:
    while "." in field:
        name, _, field = field.partition(".")
        document = document.setdefault(name, {})
    return document, field
