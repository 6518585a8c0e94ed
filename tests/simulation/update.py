"""The part of MongoDB's language of updates that the stores speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulation.query import Document, copied, is_condition, matches

_OPERATORS = {"$set", "$unset", "$inc", "$push", "$pull", "$setOnInsert"}


def updated(found: Document | None, query: Document, change: Document) -> Document:
    """Return a document after a change; a new one, made of the query, where none was found."""
    assert not change.keys() - _OPERATORS
    new = copied(found) if found else _made_of(query, change.get("$setOnInsert", {}))
    for field, value in change.get("$set", {}).items():
        place, name = _place(new, field)
        place[name] = value
    for field in change.get("$unset", {}):
        _remove(new, field)
    for field, step in change.get("$inc", {}).items():
        place, name = _place(new, field)
        place[name] = place.get(name, 0) + step
    for field, pushed in change.get("$push", {}).items():
        several = pushed["$each"] if is_condition(pushed) else [pushed]
        new[field] = [*new.get(field, []), *several]
    for field, condition in change.get("$pull", {}).items():
        if field in new:
            new[field] = [entry for entry in new[field] if not matches(entry, condition)]
    return new


def _made_of(query: Document, on_insert: Mapping[str, Any]) -> Document:
    said = {field: wanted for field, wanted in query.items() if not is_condition(wanted)}
    return {**said, **on_insert}


def _place(document: Document, field: str) -> tuple[Document, str]:
    while "." in field:
        name, _, field = field.partition(".")
        document = document.setdefault(name, {})
    return document, field


def _remove(document: Document, field: str) -> None:
    first, _, rest = field.partition(".")
    if not rest:
        document.pop(first, None)
    elif isinstance(document.get(first), dict):
        _remove(document[first], rest)
