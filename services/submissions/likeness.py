"""Derives the likeness, by which claims are found that may be about the same work.

Claims with equal work keys are certainly about the same work, which is then counted once. Claims
with equal likenesses are possibly about the same work, which is only shown to people (ADR 0037).
"""

from __future__ import annotations

import re

from unidecode import unidecode

from kieng.submissions.v1 import facts_pb2
from services.submissions.work_keys import canonical_number, fact_type

NUMBERED: dict[str, tuple[str, ...]] = {
    "ip_right": ("application_no",),
    "transfer_contract": ("number",),
    "policy_contract": ("number",),
    "training": ("number",),
    "agreement": ("number",),
    "investment": ("number",),
    "joint_project": ("code",),
    "programme": ("code",),
    "event": ("code",),
    "task": ("decision_no", "number"),
}
"""Type of facts -> fields with the number of the work, for types whose works have a number."""
WITHIN = ("partner_id", "tax_code")
"""Fields that a number belongs to: equal numbers of different partners are not alike."""
TITLE_LETTERS_MIN = 20
"""Minimum length of a title to compare; shorter ones are common, e.g. `Báo cáo tổng kết`."""
# Words that some people write before a number: Số, Hợp đồng, Quyết định, Đề tài, Mã số.
BEFORE = re.compile(
    r"^(?:(?:SO|HOP DONG|HD|QUYET DINH|DE TAI|NHIEM VU|MA SO|MA|NO|VN)(?:\b|(?=\d))[ .:]*)+"
)
ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


def likeness(facts: facts_pb2.Facts) -> str:
    """Return a text that claims about possibly the same work share; empty if there is none.

    For a publication it is made of year and title; a short title gives none. For a work with a
    number, it is made of its partner, if it has one, and of the number without punctuation, leading
    zeros, diacritics and words before it. Other types of works have none.

    Args:
        facts: description of the work; must have a type.
    """
    kind = fact_type(facts)
    fact = getattr(facts, kind)
    if kind == "publication":
        title = _letters(fact.title)
        return f"{kind}:{fact.issued_on[:4]}:{title}" if len(title) >= TITLE_LETTERS_MIN else ""
    if kind not in NUMBERED:
        return ""
    numbers = [_number(getattr(fact, name)) for name in NUMBERED[kind]]
    within = [getattr(fact, name) for name in WITHIN if name in fact.DESCRIPTOR.fields_by_name]
    return ":".join((kind, *within, *numbers)) if all(numbers) else ""


def _number(text: str) -> str:
    plain = unidecode(canonical_number(text)).upper()
    return _letters(ZEROS.sub("", BEFORE.sub("", plain) or plain))


def _letters(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", unidecode(text).upper())
