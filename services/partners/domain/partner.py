"""Partners outside the consortium: when names are equivalent, and how a text is resolved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.kernel.errors import AlreadyExists, InvalidArgument, NotFound, WrongState

# Folded. Legal forms, which do not identify a company; "tổng công ty" is not among them, because
# a general corporation and its companies share the rest of the name.
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
    """House of a partner."""

    STATE = "state"
    SCHOOL = "school"
    ENTERPRISE = "enterprise"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Partner:
    """One partner; ``partner_id`` is empty and ``version`` 0 before it is registered.

    ``keys`` are the comparison keys of name and aliases; no key belongs to two partners.
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
        """Return the partner in its first version, with the id derived from a number."""
        return replace(self, partner_id=f"partner:{number:05d}", version=1)


def comparison_key(folded: str) -> str:
    """Return a folded name without legal forms; a name of legal forms only is unchanged.

    `cong ty co phan fpt` and `fpt jsc` are both `fpt`.
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
    """Return the registered partner that a registration refers to; None if it is new.

    Args:
        asked: partner to register.
        matches: the partners that have its tax code or one of its keys.

    Raises:
        AlreadyExists: a name belongs to another partner. The caller's fault.
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
    """Return the partner that a steward's registration refers to, with its gaps filled.

    Names and a tax code are added, nothing is replaced; the same object if nothing is missing.
    A partner matches by tax code, or by its usual name if the tax codes do not differ.

    Args:
        asked: partner to register.
        matches: the partners that have its tax code or one of its keys.
        key_of: returns the comparison key of a name.

    Raises:
        AlreadyExists: a name belongs to another partner. The caller's fault.
        InvalidArgument: it would have too many names. The caller's fault.
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
    """Return the single partner that a text refers to.

    Raises:
        NotFound: no partner has this name, id or tax code.
        WrongState: it matches several; the details list them.
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
    """Return partners ordered: exact comparison key first, then prefix matches, then others."""

    def order(partner: Partner) -> tuple[int, str]:
        if key in partner.keys:
            return 0, partner.partner_id
        begins = any(known.startswith(key) for known in partner.keys)
        return 1 if begins else 2, partner.partner_id

    return sorted(partners, key=order)
