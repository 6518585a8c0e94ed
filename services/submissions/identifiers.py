"""Checks the identifiers and dates of facts beyond the contract's rules, e.g. check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from datetime import date, timedelta
from functools import cache
from typing import Any

from stdnum import issn as stdnum_issn
from stdnum.iso7064 import mod_11_2
from stdnum.vn import mst as stdnum_mst

from kieng.submissions.v1 import facts_pb2
from services.kernel.errors import InvalidArgument
from services.submissions.work_keys import (
    BY_CODE,
    BY_PARTNER,
    canonical_doi,
    canonical_number,
    canonical_person,
    canonical_reference,
    fact_type,
)

ORCID_SHAPE = re.compile(r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")
# Type of facts -> fields that identify its works and must not be blank.
NAMED_BY = {
    **dict.fromkeys((*BY_PARTNER, "investment"), ("number",)),
    **dict.fromkeys((*BY_CODE, "joint_project"), ("code",)),
    "task": ("decision_no", "number"),
}
REFERENCES = frozenset(
    {"contract_ref", "product_ref", "training_ref", "policy_ref", "exploited_by"}
)
"""Fields of facts that hold the key of another work."""
PRESENT = REFERENCES | {"ip_refs", "adopted_by"}
"""Fields of facts that make a work count if they say anything, e.g. as a product's income."""
TERMS = frozenset({"fields", "areas"})
"""Fields of facts that list terms of the catalogue by their codes."""
CODE = re.compile(r"[a-z][a-z0-9_]*")
MAY_LIE_AHEAD = frozenset({"expires_on", "due_on"})
AHEAD_YEARS_MAX = 50
EARLIEST = date(1945, 1, 1)
"""Earliest accepted date: anything before is a typing error or a spreadsheet's empty date."""
NOTHING = re.compile(
    r"[\W_]*|N/?A|NIL|NULL|NONE|NAN|TBD|UNKNOWN|KHÔNG|CHƯA|ĐANG CẬP NHẬT|#[A-Z/]+[0!?]*"
    r"|(?:KHÔNG|CHƯA) (?:CÓ|RÕ|CẤP|CẬP NHẬT|XÁC ĐỊNH)"
)
"""Texts written in place of a missing number; as numbers they would join different works."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def happened_on(facts: facts_pb2.Facts) -> tuple[str, str]:
    """Return name and value of the date field that decides in which month a work counts.

    The contract marks one such field for each type of facts, e.g. the day of issue of a
    publication. The value is `YYYY-MM-DD`, or empty if unset.

    Args:
        facts: description of the work; must have a type.
    """
    kind = fact_type(facts)
    name = _marked_date(kind)
    return name, getattr(getattr(facts, kind), name)


@cache
def _marked_date(kind: str) -> str:
    fields = getattr(facts_pb2.Facts(), kind).DESCRIPTOR.fields
    (name,) = (f.name for f in fields if f.GetOptions().Extensions[facts_pb2.happened])
    return str(name)


def write_identifiers(facts: facts_pb2.Facts) -> None:
    """Rewrite person ids and keys of other works in their canonical form, in place.

    Indicators count distinct persons and works, so the same one must not have two spellings. Other
    fields are not changed.

    Args:
        facts: description of a work; must have a type.
    """
    fact = getattr(facts, fact_type(facts))
    for field in fact.DESCRIPTOR.fields:
        if field.name == "person_id":
            fact.person_id = canonical_person(fact.person_id)
        elif field.name in REFERENCES:
            setattr(fact, field.name, canonical_reference(getattr(fact, field.name)))
        elif field.name == "ip_refs":
            fact.ip_refs[:] = map(canonical_reference, fact.ip_refs)


def check_facts(facts: facts_pb2.Facts, today: date) -> None:
    """Check the identifiers and dates in the description of a work; return if all are right.

    Args:
        facts: the description, which satisfies the contract's rules and went through
            `write_identifiers`; not changed.
        today: calendar date in Asia/Ho_Chi_Minh; a date one day later is accepted, too.

    Raises:
        InvalidArgument: the caller sent wrong fields; the error maps each path to its correction.
    """
    kind = fact_type(facts)
    fact = getattr(facts, kind)
    prefix = f"content.facts.{kind}."
    found = {prefix + name: text for name, text in _mistakes(kind, fact, today)}
    if found:
        listed = "; ".join(f"{path}: {text}" for path, text in found.items())
        raise InvalidArgument(listed, fields=found)


def _mistakes(kind: str, fact: Any, today: date) -> Iterator[tuple[str, str]]:
    yield from _SPECIAL.get(kind, _nothing_special)(fact)
    for name in NAMED_BY.get(kind, ()):
        if _says_nothing(getattr(fact, name)):
            yield name, "says nothing; write the number of the document, by which its work is known"
    for name, text in _texts(fact, PRESENT):
        if text and _says_nothing(text):
            yield name, "says nothing; leave it empty if there is none"
    for name, text in _texts(fact, TERMS):
        if not CODE.fullmatch(text):
            yield name, "is no code of the catalogue; write it like smart_agriculture"
    yield from _wrong_dates(fact, today)


def _texts(fact: Any, names: Set[str]) -> Iterator[tuple[str, str]]:
    """Yield path and text of each of these fields that a fact has, and of each item of a list."""
    for field in fact.DESCRIPTOR.fields:
        if field.name in names and field.is_repeated:
            items = enumerate(getattr(fact, field.name))
            yield from ((f"{field.name}[{at}]", item) for at, item in items)
        elif field.name in names:
            yield field.name, getattr(fact, field.name)


def _publication_mistakes(fact: Any) -> Iterator[tuple[str, str]]:
    if fact.doi and not canonical_doi(fact.doi):
        yield "doi", "is not a DOI; write it like 10.1000/xyz, or leave it empty"
    if fact.issn and not stdnum_issn.is_valid(fact.issn):
        yield "issn", "its check digit is wrong; write it like 1234-5679"


def _ip_right_mistakes(fact: Any) -> Iterator[tuple[str, str]]:
    if _says_nothing(fact.application_no):
        yield "application_no", "says nothing; write it as the office prints it"
    yield from _together(fact, "exploited_on", "exploited_by")


def _enterprise_mistakes(fact: Any) -> Iterator[tuple[str, str]]:
    if not stdnum_mst.is_valid(fact.tax_code):
        yield "tax_code", "its check digit is wrong; copy the 10 digits from the registration"


def _person_mistakes(fact: Any) -> Iterator[tuple[str, str]]:
    # Not idutils.is_orcid: it rejects blocks allocated after its release.
    if fact.person_id and _says_nothing(fact.person_id):
        yield "person_id", "says nothing; write the ORCID, or the number in your own records"
    digits = fact.person_id.replace("-", "")
    if ORCID_SHAPE.match(fact.person_id) and not mod_11_2.is_valid(digits):
        yield "person_id", "looks like an ORCID, but its check digit is wrong"


def _product_mistakes(fact: Any) -> Iterator[tuple[str, str]]:
    is_on_market = fact.stage == facts_pb2.Product.STAGE_ON_MARKET
    # A missing stage is a mistake of its own.
    if fact.stage and is_on_market != bool(fact.on_market_on):
        yield "on_market_on", "give it when the stage is on_market, and only then"


def _policy_contract_mistakes(fact: Any) -> Iterator[tuple[str, str]]:
    yield from _together(fact, "adopted_on", "adopted_by")


def _says_nothing(text: str) -> bool:
    return NOTHING.fullmatch(canonical_number(text)) is not None


def _together(fact: Any, one: str, other: str) -> Iterator[tuple[str, str]]:
    if bool(getattr(fact, one)) != bool(getattr(fact, other)):
        missing, given = (one, other) if getattr(fact, other) else (other, one)
        yield missing, f"give it together with {given}"


def _nothing_special(fact: Any) -> Iterator[tuple[str, str]]:
    yield from ()


_SPECIAL = {
    "publication": _publication_mistakes,
    "ip_right": _ip_right_mistakes,
    "enterprise": _enterprise_mistakes,
    "investment": _enterprise_mistakes,
    "expert": _person_mistakes,
    "scholar": _person_mistakes,
    "recognition": _person_mistakes,
    "product": _product_mistakes,
    "policy_contract": _policy_contract_mistakes,
}


def _wrong_dates(fact: Any, today: date) -> Iterator[tuple[str, str]]:
    for field in fact.DESCRIPTOR.fields:
        text = getattr(fact, field.name)
        is_year = field.name.endswith("_year") and text
        if is_year and (problem := _implausible(date(text, 1, 1), field.name, today)):
            yield field.name, problem
        if not field.name.endswith("_on") or not text:
            continue
        day = _calendar_day(text)
        if day is None:
            yield field.name, "is not a date of the calendar; write YYYY-MM-DD"
        elif problem := _implausible(day, field.name, today):
            yield field.name, problem


def is_day(text: str) -> bool:
    """Return True if a text is a day of the calendar, written `YYYY-MM-DD`."""
    return _calendar_day(text) is not None


def _calendar_day(text: str) -> date | None:
    try:
        # The pattern excludes week dates and dates without hyphens, which Python accepts, too.
        return date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None


def _implausible(day: date, name: str, today: date) -> str:
    if day < EARLIEST:
        return f"lies before {EARLIEST.year}; correct the year, or leave it empty if unknown"
    if name not in MAY_LIE_AHEAD:
        is_ahead = day > today + timedelta(days=1)
        return f"lies in the future; today is {today.isoformat()}" if is_ahead else ""
    last = today.year + AHEAD_YEARS_MAX
    return f"lies after {last}; correct the year" if day.year > last else ""
