"""Partners outside the consortium: which names mean the same one, and how a text is resolved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.kernel.errors import AlreadyExists, InvalidArgument, NotFound, WrongState

# Legal forms, normalised, which do not identify a company. "tổng công ty" is not among them,
# because a general corporation and its member companies share the rest of the name.
LEGAL_FORMS_BEFORE = (
    "cong ty trach nhiem huu han hai thanh vien tro len",
    "cong ty trach nhiem huu han mot thanh vien",
    "cong ty trach nhiem huu han mtv",
    "cong ty trach nhiem huu han",
    "cong ty tnhh mot thanh vien",
    "cong ty tnhh mtv",
    "cong ty tnhh",
    "cong ty co phan",
    "cong ty cp",
    "cong ty",
    "cty tnhh",
    "cty cp",
    "ctcp",
    "doanh nghiep tu nhan",
    "tap doan",
)
LEGAL_FORMS_AFTER = (
    "joint stock company",
    "company limited",
    "limited company",
    "co ltd",
    "jsc",
    "corporation",
    "corp",
    "company",
    "limited",
    "group",
    "inc",
    "llc",
    "ltd",
)

PARTNER_ID = re.compile(r"^partner:[0-9]{5,}$")
ALIASES_MAX = 20
# An identity number starts with the code of a province, 001 to 096; it has no check digit.
IDENTITY_NUMBER = re.compile(r"^0(0[1-9]|[1-8][0-9]|9[0-6])[0-9]{9}$")
TAX_CODE = re.compile(rf"^[0-9]{{10}}(-[0-9]{{3}})?$|{IDENTITY_NUMBER.pattern}")


class House(StrEnum):
    """Which kind of organisation a partner is: one of the three houses, or none of them."""

    STATE = "state"
    SCHOOL = "school"
    ENTERPRISE = "enterprise"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner; ``partner_id`` is empty and ``version`` 0 until it is registered.

    ``keys`` are the comparison keys of its name and aliases; no two partners share a key.
    ``synthetic`` marks invented test data.
    """

    name: str
    house: House
    keys: frozenset[str]
    tax_code: str = ""
    aliases: tuple[str, ...] = ()
    country: str = "VN"
    synthetic: bool = False
    partner_id: str = ""
    version: int = 0

    def registered(self, number: int) -> Partner:
        """Return the partner as registered: version 1, with an id.

        Args:
            number: number of the partner; 7 gives the id `partner:00007`.
        """
        return replace(self, partner_id=f"partner:{number:05d}", version=1)


def comparison_key(folded: str) -> str:
    """Return a normalised name without its legal forms, e.g. `fpt` for `cong ty co phan fpt`.

    Names that differ only in legal forms give the same key. A name that consists of legal forms
    keeps one of them.
    """
    key = folded
    while True:
        rest = _without_legal_form(key)
        if rest in ("", key):
            return key
        key = rest


def _without_legal_form(text: str) -> str:
    if text in LEGAL_FORMS_BEFORE:
        return text
    for form in LEGAL_FORMS_BEFORE:
        if text.startswith(form + " "):
            return text.removeprefix(form + " ")
    for form in LEGAL_FORMS_AFTER:
        if text.endswith(" " + form):
            return text.removesuffix(" " + form)
    return text


def known_as(asked: Partner, matches: Iterable[Partner]) -> Partner | None:
    """Return the registered partner that a registration refers to; None if it is a new one.

    That is the partner with the same tax code or, if the registration has none, one that has all
    its names already.

    Args:
        asked: partner to register.
        matches: registered partners that have its tax code or one of its keys.

    Raises:
        AlreadyExists: the caller uses a name that belongs to another partner.
    """
    matches = sorted(matches, key=lambda partner: partner.partner_id)
    for other in matches:
        if asked.tax_code and asked.tax_code == other.tax_code:
            return other
    for other in matches:
        says_nothing_new = asked.keys <= other.keys and asked.tax_code in ("", other.tax_code)
        if says_nothing_new:
            return other
    for other in matches:
        raise _taken(other)
    return None


def _taken(other: Partner) -> AlreadyExists:
    return AlreadyExists(
        f"a name or alias belongs to {other.partner_id}, {other.name}",
        reason="PARTNER_NAME_TAKEN",
        details={"partner_id": other.partner_id, "name": other.name},
    )


def completed(
    asked: Partner, matches: Iterable[Partner], key_of: Callable[[str], str]
) -> Partner | None:
    """Return the partner that a steward's registration refers to, completed; None if it is new.

    The partner is the one with the same tax code, or, if either tax code is unknown, the one with
    the same name. Names and a tax code that the registered partner lacks are added, which makes a
    new version; nothing is replaced. If it lacks nothing, the same object is returned.

    Args:
        asked: partner to register.
        matches: registered partners that have its tax code or one of its keys.
        key_of: function from a name to its comparison key.

    Raises:
        AlreadyExists: the caller uses a name that belongs to another partner.
        InvalidArgument: the caller's names would give the partner too many aliases.
    """
    matches = sorted(matches, key=lambda partner: partner.partner_id)
    known = _meant(asked, matches, key_of(asked.name))
    for other in matches:
        if other is not known:
            raise _taken(other)
    return None if known is None else _with_what_it_lacks(known, asked, key_of)


def _meant(asked: Partner, matches: Iterable[Partner], own_key: str) -> Partner | None:
    by_name = None
    for other in matches:
        if asked.tax_code and asked.tax_code == other.tax_code:
            return other
        if own_key in other.keys and "" in (asked.tax_code, other.tax_code):
            by_name = other
    return by_name


def _with_what_it_lacks(known: Partner, asked: Partner, key_of: Callable[[str], str]) -> Partner:
    keys, aliases = set(known.keys), list(known.aliases)
    for name in (asked.name, *asked.aliases):
        if key_of(name) not in keys:
            keys.add(key_of(name))
            aliases.append(name)
    if len(aliases) > ALIASES_MAX:
        text = f"{known.partner_id} would have more than {ALIASES_MAX} of them"
        raise InvalidArgument(f"partner.aliases: {text}", fields={"partner.aliases": text})
    tax_code = known.tax_code or asked.tax_code
    if len(aliases) == len(known.aliases) and tax_code == known.tax_code:
        return known
    return replace(
        known,
        keys=frozenset(keys),
        aliases=tuple(aliases),
        tax_code=tax_code,
        version=known.version + 1,
    )


def the_one(query: str, matches: Sequence[Partner]) -> Partner:
    """Return the only partner in ``matches``, which were found for the text ``query``.

    Raises:
        NotFound: there is no match.
        WrongState: there are several; the details map the id of each to its name.
    """
    if not matches:
        raise NotFound(
            f"no partner is known as {query!r}; register it first", reason="PARTNER_UNKNOWN"
        )
    if len(matches) > 1:
        raise WrongState(
            f"{query!r} means several partners; use a partner id",
            reason="PARTNER_AMBIGUOUS",
            details={partner.partner_id: partner.name for partner in matches},
        )
    return matches[0]


def best_first(partners: Iterable[Partner], key: str) -> list[Partner]:
    """Return partners ordered by how well they match a comparison key, then by id.

    Those that have the key come first, then those with a key that begins with it, then the others.
    """

    def order(partner: Partner) -> tuple[int, str]:
        if key in partner.keys:
            return 0, partner.partner_id
        begins = any(known.startswith(key) for known in partner.keys)
        return 1 if begins else 2, partner.partner_id

    return sorted(partners, key=order)
