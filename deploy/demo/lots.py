"""What is to be generated: the lots, units and partners of profile.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dice import Dice, tax_code

# First and last day of the facts of a lot. The figures are about "inside".
PERIODS = {
    "inside": ("2025-01-01", "2025-07-31"),
    "later": ("2025-08-01", "2025-12-31"),
    "earlier": ("2024-01-01", "2024-12-31"),
    "stock": ("2023-07-01", "2025-07-31"),
    "ended": ("2024-01-01", "2024-05-31"),
}


@dataclass(frozen=True)
class Lot:
    """So many works of one kind, with the same claiming institutions and the same fate."""

    type: str
    institutions: tuple[str, ...]  # one for each claim; twice the same: two of its units
    unit: str  # empty: any unit, by weight
    variant: frozenset[str]
    period: str  # a key of PERIODS, or "outside"
    fate: str  # see stories.py
    count: int

    def day(self, dice: Dice) -> str:
        """A date in the period of the lot."""
        period = self.period
        if period == "outside":
            period = dice.pick(("earlier", "later"))
        return dice.day(*PERIODS[period])

    def first_of(self, *names: str) -> str:
        """The one of these names that the variant has."""
        return next(name for name in names if name in self.variant)


@dataclass(frozen=True)
class Partner:
    """A partner and the texts that people write for it."""

    name: str
    tax_code: str
    aliases: tuple[str, ...]
    house: str
    country: str
    synthetic: bool

    @property
    def texts(self) -> tuple[str, ...]:
        """All that it can be found by."""
        return (self.name, *self.aliases, *([self.tax_code] if self.tax_code else []))

    def row(self) -> dict[str, str]:
        """Its row of partners.csv."""
        return {
            "name": self.name,
            "tax_code": self.tax_code,
            "aliases": "|".join(self.aliases),
            "house": self.house,
            "country": self.country,
            "synthetic": str(self.synthetic).lower(),
        }


@dataclass(frozen=True)
class Profile:
    """The whole recipe."""

    seed: str
    weights: Mapping[str, Mapping[str, int]]  # institution -> unit -> weight
    began: Mapping[str, tuple[str, str]]  # unit -> its first day, and who claims what came before
    lots: tuple[Lot, ...]
    history: tuple[Lot, ...]  # of units that ended
    partners: tuple[Partner, ...]


def read_profile(path: Path) -> Profile:
    """The recipe in a file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    lots, history = (
        tuple(
            Lot(type_, tuple(who.split("+")), unit, frozenset(variant.split("+")), *rest)
            for type_, rows in table[part].items()
            for who, unit, variant, *rest in rows
        )
        for part in ("lots", "history")
    )
    named = tuple(
        Partner(name, "", tuple(aliases), house, country, False)
        for name, aliases, house, country in table["named_partners"]
    )
    began = {unit: (day, before) for unit, (day, before) in table["began"].items()}
    partners = (*named, *invented(table))
    return Profile(table["seed"], table["units"], began, lots, history, partners)


def invented(table: Mapping[str, list[tuple[str, str, str, int]]]) -> list[Partner]:
    """Partners whose names say that they do not exist."""
    partners = []
    for vi, en, house, count in table["invented_partners"]:
        for number in range(1, count + 1):
            partners.append(
                Partner(
                    f"{vi} Mẫu Số {number:02d} (dữ liệu giả)",
                    tax_code("99", len(partners) + 1),
                    (f"{en} {number:02d} (fake data)",),
                    house,
                    "VN",
                    True,
                )
            )
    return partners
