"""Evaluates MongoDB filters in memory, for the few kinds of conditions that `paging` uses."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

BOUNDS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt}
"""Operator of MongoDB -> function from a value and a bound to whether the value is within it."""


def fits(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Return True if a document matches a filter, as the database would decide.

    Args:
        document: document of a submission.
        query: field -> condition, all of which must hold. A condition is a value to equal,
            `{"$in": values}`, or operators of `BOUNDS` with their bounds. A field that holds a list
            equals a value if one of its elements does.
    """
    return all(_is(document.get(name), wanted) for name, wanted in query.items())


def _is(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and "$in" not in wanted:
        return all(BOUNDS[name](found, bound) for name, bound in wanted.items())
    values = wanted["$in"] if isinstance(wanted, Mapping) else [wanted]
    return any(each in values for each in (found if isinstance(found, list) else [found]))
