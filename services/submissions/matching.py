"""Evaluates MongoDB filters in memory, for the few forms of conditions that lists use."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

BOUNDS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt}
"""Name of a bound -> whether a value keeps it."""


def fits(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Return True if the database would find a document by a filter.

    Args:
        document: document of a submission.
        query: field -> condition, which is a value, `{"$in": values}` or bounds of `BOUNDS`; a
            field that contains a list fits if one of its elements does.
    """
    return all(_is(document.get(name), wanted) for name, wanted in query.items())


def _is(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and "$in" not in wanted:
        return all(BOUNDS[name](found, bound) for name, bound in wanted.items())
    values = wanted["$in"] if isinstance(wanted, Mapping) else [wanted]
    return any(each in values for each in (found if isinstance(found, list) else [found]))
