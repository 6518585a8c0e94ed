"""What a change would do to numbers, as far as a reader can see it."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from services.portal.catalogues import Catalogue
from services.portal.pages.effects import Effect, visible
from services.texts import Lang
from tests.unit.portal.answered import CATALOGUE

PAGE: Any = SimpleNamespace(lang=Lang.vi)


def test_what_changes_less_than_is_written_is_left_out() -> None:
    half = Fraction(1, 2)
    hidden = Effect(
        "vnu", "KNW-08", "2025-01", "2025-12", half, half, half, half + Fraction(1, 10**7)
    )
    seen = replace(hidden, verified=Fraction(3, 5))
    counted = replace(hidden, code="KNW-03", declared_before=7, declared=8)
    assert visible(PAGE, Catalogue(CATALOGUE), [hidden, seen, counted]) == [seen, counted]
