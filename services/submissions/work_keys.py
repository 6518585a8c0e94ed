"""Derives the work key: the canonical name of the work that facts describe.

A key is computed when content is written and recorded in the log with it, so these rules may
become stricter without changing what was counted before (ADR 0029).
"""

from __future__ import annotations

import re

import idutils

from kieng.submissions.v1 import facts_pb2
from services.kernel.folding import folded, visible

BY_PARTNER = frozenset({"transfer_contract", "policy_contract", "training", "agreement"})
BY_CODE = frozenset({"programme", "event"})
# First part of a work key -> number of leading parts that are not folded: kind, partner, office.
FIXED_PARTS = {
    **dict.fromkeys(BY_PARTNER, 3),
    **dict.fromkeys(("ip", "investment"), 2),
    **dict.fromkeys((*BY_CODE, "project", "task"), 1),
}
ORCID = re.compile(
    r"(?:https?://)?(?:www\.)?(?:orcid\.org/)?((?:\d{4}-?){3}\d{3}[\dX])/?", re.IGNORECASE
)


def fact_type(facts: facts_pb2.Facts) -> str:
    """Return the type of the facts, e.g. `publication`; empty if the message has none."""
    return facts.WhichOneof("kind") or ""


def work_key(facts: facts_pb2.Facts, submission_id: str) -> str:
    """Return the work key of checked facts whose partner is resolved, e.g. `doi:10.5555/x`.

    Facts without an identifier get `sub:<submission id>`, which no other submission shares.
    """
    kind = fact_type(facts)
    fact = getattr(facts, kind)
    if kind == "publication" and fact.doi:
        return f"doi:{canonical_doi(fact.doi)}"
    if kind == "ip_right":
        return f"ip:{fact.office or 'VN'}:{folded(fact.application_no).replace(' ', '')}"
    if kind == "enterprise":
        return f"mst:{fact.tax_code}"
    if kind in BY_PARTNER:
        return f"{kind}:{fact.partner_id}:{folded(fact.number)}"
    if kind == "joint_project":
        return f"project:{folded(fact.code)}"
    if kind in BY_CODE:
        return f"{kind}:{folded(fact.code)}"
    if kind == "investment":
        return f"investment:{fact.tax_code}:{folded(fact.number)}"
    if kind == "task":
        return f"task:{folded(fact.decision_no)}:{folded(fact.number)}"
    return f"sub:{submission_id}"


def canonical_doi(text: str) -> str:
    """Return a DOI in lower case without resolver, URL query and fragment; empty if it is no DOI.

    Trailing punctuation copied from a sentence is removed, too, but a closing bracket stays if the
    DOI contains the opening one.
    """
    shown = visible(text)
    if not idutils.is_doi(shown):
        return ""
    # A resolver's URL may have a query and a fragment; a DOI itself has no blank.
    doi = re.split(r"[?#]", idutils.normalize_doi(shown))[0].casefold()
    if " " in doi:
        return ""
    while doi and (doi[-1] in ".,;:/'\"" or _closes_nothing(doi)):
        doi = doi[:-1]
    return doi if idutils.is_doi(doi) else ""


def canonical_reference(text: str) -> str:
    """Return a work key typed by a person in the form that `work_key` gives it.

    Any other text is returned without its invisible characters.
    """
    shown = visible(text)
    parts = shown.split(":")
    if parts[0] == "doi":
        return f"doi:{canonical_doi(shown[4:]) or shown[4:]}"
    fixed = FIXED_PARTS.get(parts[0], len(parts))
    number = folded(":".join(parts[fixed:]))
    found = [*parts[:fixed], *([number] if number else [])]
    return ":".join(found).replace(" ", "" if parts[0] == "ip" else " ")


def canonical_person(text: str) -> str:
    """Return an ORCID in any spelling as `0000-0002-1825-0097`.

    Any other id is returned without its invisible characters.
    """
    shown = folded(text)
    found = ORCID.fullmatch(shown)
    if not found:
        return visible(text)
    digits = found[1].replace("-", "")
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def _closes_nothing(doi: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{", ">": "<"}.get(doi[-1])
    return opening is not None and doi.count(doi[-1]) > doi.count(opening)
