"""Seeded bugs: plausible mistakes, all of which must be caught by the simulation.

Each module breaks one part of the product. A mutant is the places that it patches: object, name,
and what stands there instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from tests.simulation.mutants import (
    authority,
    flush,
    fold,
    forms,
    generations,
    loading,
    reading,
    submitting,
    views,
)

MUTANTS = {
    **authority.MUTANTS,
    **flush.MUTANTS,
    **fold.MUTANTS,
    **forms.MUTANTS,
    **reading.MUTANTS,
    **submitting.MUTANTS,
    **views.MUTANTS,
    **loading.MUTANTS,
    **generations.MUTANTS,
}


@contextmanager
def applied(name: str) -> Iterator[None]:
    """Put a mutant in place."""
    with ExitStack() as stack:
        for place in MUTANTS[name]:
            stack.enter_context(patch.object(*place))
        yield
