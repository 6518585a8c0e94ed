"""Encodes works as the fields of their documents: units, types and newest events."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.work import Work

PRECEDENCE = attrgetter("precedence")


class WorkDocuments:
    """Encodes works of one catalogue; caches the ancestors of units.

    Args:
        catalogue: the view's catalogue.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._tree = catalogue.tree
        self._above: dict[tuple[str, int], list[str]] = {}

    def fields(self, work: Work) -> dict[str, Any]:
        """Return a work as the fields of its document, see `WorkDocument`.

        They are `u` and `j`, by which it is found, and `c`, the newest event of each submission.
        """
        said = work.statements.values()
        declared = [s.declared for s in said if s.declared is not None]
        verified = [s.verified for s in said if s.verified is not None]
        types = {min(some, key=PRECEDENCE).type for some in (declared, verified) if some}
        units = {claim.unit for claim in (*declared, *verified)}
        places = [self._places(type_name, unit) for type_name in types for unit in units]
        return {
            "u": places[0] if len(places) == 1 else sorted({p for some in places for p in some}),
            "j": sorted(types) if len(units) > 1 else [],
            "c": [statement.source for _, statement in sorted(work.statements.items())],
        }

    def _places(self, type_name: str, unit: int) -> list[str]:
        """Return `<type>|<unit>` for a unit and its ancestors, sorted."""
        known = self._above.get((type_name, unit))
        if known is None:
            tree = self._tree
            known = sorted(f"{type_name}|{tree.ids[above]}" for above in tree.ancestors[unit])
            self._above[type_name, unit] = known
        return known
