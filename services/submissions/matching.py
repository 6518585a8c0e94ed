"""Whether a stored submission fits a filter: the few forms of conditions that lists have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fits(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Return True if a database would find the document by the filter.

    Args:
        document: a submission as stored.
        query: field -> value, or `{"$in": values}`; a list fits if one of its elements does.
    """
    return all(_is(document.get(name), wanted) for name, wanted in query.items())


def _is(found: Any, wanted: Any) -> bool:
    values = wanted["$in"] if isinstance(wanted, Mapping) else [wanted]
    return any(each in values for each in (found if isinstance(found, list) else [found]))
