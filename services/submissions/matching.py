"""Evaluates MongoDB filters in memory, for the few forms of conditions that lists use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fits(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Return True if the database would find a document by a filter.

    Args:
        document: document of a submission.
        query: field -> condition, which is a value or `{"$in": values}`; a field that contains a
            list fits if one of its elements does.
    """
    return all(_is(document.get(name), wanted) for name, wanted in query.items())


def _is(found: Any, wanted: Any) -> bool:
    values = wanted["$in"] if isinstance(wanted, Mapping) else [wanted]
    return any(each in values for each in (found if isinstance(found, list) else [found]))
