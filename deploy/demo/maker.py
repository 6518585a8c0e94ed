"""What the makers of facts of all submission types share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dice import Dice
from lots import Lot, Partner

Facts = dict[str, str]
# Lower-case codes of the eight key fields.
KEY_FIELDS = (
    "semiconductor",
    "ai",
    "robotics",
    "biomedicine",
    "quantum",
    "energy_materials",
    "smart_agriculture",
    "environment",
)


@dataclass
class Maker:
    """Makes the facts of the next work; remembers what later works refer to."""

    partners: tuple[Partner, ...]
    contracts: list[tuple[str, str]] = field(default_factory=list)  # institution, reference
    products: list[tuple[str, str]] = field(default_factory=list)

    def partner(self, dice: Dice, *houses: str, named: bool = False) -> str:
        """Some text that names one partner; named ones only when asked, invented ones always."""
        fitting = [p for p in self.partners if p.house in houses and (named or p.synthetic)]
        return dice.pick(dice.pick(fitting).texts)


def joined(items: Iterable[str]) -> str:
    return "|".join(items)


def topics(dice: Dice) -> str:
    return joined(dice.shuffled(KEY_FIELDS)[: dice.between(0, 2)])


def members(lot: Lot) -> str:
    """The institutions that the facts name: those that claim, and `with-` others that do not."""
    named = [item.removeprefix("with-") for item in sorted(lot.variant) if item.startswith("with-")]
    return joined(dict.fromkeys((*lot.institutions, *named)))


def named(lot: Lot) -> bool:
    return any(item.startswith("with-") for item in lot.variant)
