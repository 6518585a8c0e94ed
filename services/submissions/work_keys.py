"""Derives the work key: the canonical name of the work that facts describe.

A key is computed when content is written and recorded in the log with it, so these rules may
become stricter without changing what was counted before (ADR 0029).
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from kieng.submissions.v1 import facts_pb2
from services.kernel.folding import folded, visible, with_plain_dashes

BY_PARTNER = frozenset({"transfer_contract", "policy_contract", "training", "agreement"})
BY_CODE = frozenset({"programme", "event"})
# First part of a work key -> number of leading parts that are not folded: kind, partner, office.
FIXED_PARTS = {
    **dict.fromkeys(BY_PARTNER, 3),
    **dict.fromkeys(("ip", "investment"), 2),
    **dict.fromkeys((*BY_CODE, "project", "task"), 1),
}
KINDS = FIXED_PARTS.keys() | {"doi", "mst", "sub"}
ORCID = re.compile(
    r"\(?(?:ORCID(?: ?ID)?[: ]*)?(?:HTTPS?://)?(?:WWW\.)?(?:ORCID\.ORG/)?(?:MY-ORCID\?ORCID=)?"
    r"((?:\d{4}[- ]?){3}\d{3}[\dX])[/.,;)]*(?:[?#].*)?"
)
# One within a text that says more, e.g. in brackets; only of the blocks that ORCID gives out.
ORCID_INSIDE = re.compile(r"(?<![0-9A-Z])(000[09]([-._])00\d\d\2\d{4}\2\d{3}[\dX])(?![0-9A-Z])")
# Cyrillic and Greek capitals that look like Latin ones, the dots that look like a full stop, and
# the other slash: numbers of two works never differ in these alone.
LOOK_ALIKE = str.maketrans(
    "АВЕКМНОРСТУХЅІЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ·∙⋅。｡\\",  # noqa: RUF001 - the letters that are meant
    "ABEKMHOPCTYXSIJABEZHIKMNOPTYX...../",
)
DOUBLED = re.compile(r"([-/.])\1+")
# Characters that often come along when a number is copied out of a sentence.
AROUND = " .,;:'\"“”‘’«»"  # noqa: RUF001 - the quotation marks of sentences
# Marks of footnotes behind a DOI; some are digits, which must not become part of it.
FOOTNOTE = "*!†‡§¶²³¹" + "".join(map(chr, range(0x2070, 0x2080)))
NO_FOOTNOTE = str.maketrans("", "", FOOTNOTE)
BEHIND_A_DOI = FOOTNOTE + AROUND + string.whitespace + "\u00a0)]}>"
DOI_LABEL = re.compile(r"^[\s(<\[{'\"“‘«]*(?:(?:urn:|info:)?doi[:/ ]+)*", re.IGNORECASE)  # noqa: RUF001
ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|\w+);", re.IGNORECASE)
# A query, a fragment, a parameter without its question mark.
OF_THE_URL = re.compile(r"[?#]|&\w+=|;jsessionid=", re.IGNORECASE)
# Pages of one work on its publisher's site.
PAGE = re.compile(r"(?:/(?:abstract|e?pdf|full|fulltext|html|meta|summary))+$|\.pdf$")
# Maximum size of the cache; each DOI is read twice, to be checked and to become a key.
DOIS_KEPT = 256
DOI = re.compile(
    r"(?:doi:\s*|(?:https?://)?(?:dx\.)?doi\.org/)?(10\.\d+(?:\.\d+)*/.+)$", re.IGNORECASE
)
"""A DOI with or without its resolver, by the rule of idutils, whose import would take 0.4 s."""
SEVERAL_DOIS = re.compile(
    r"[;,|]\s*(?:https?://\S*|doi:)?10\.\d{4,9}/|.https?://\S*10\.\d{4,9}/", re.IGNORECASE
)


def fact_type(facts: facts_pb2.Facts) -> str:
    """Return the type of facts, i.e. of the work they describe; empty if they describe none.

    Types are the fields of the message `Facts`, e.g. `publication`.
    """
    return facts.WhichOneof("kind") or ""


def work_key(facts: facts_pb2.Facts, submission_id: str) -> str:
    """Return the work key of checked facts whose partner is resolved, e.g. `doi:10.5555/x`.

    Facts that contain no identifier of their work get `sub:<submission id>`, which no other
    submission shares.
    """
    kind = fact_type(facts)
    fact = getattr(facts, kind)
    if kind == "publication" and fact.doi:
        return f"doi:{canonical_doi(fact.doi)}"
    if kind == "ip_right":
        return f"ip:{fact.office or 'VN'}:{canonical_number(fact.application_no).replace(' ', '')}"
    if kind == "enterprise":
        return f"mst:{fact.tax_code}"
    if kind in BY_PARTNER:
        return f"{kind}:{fact.partner_id}:{canonical_number(fact.number)}"
    if kind == "joint_project":
        return f"project:{canonical_number(fact.code)}"
    if kind in BY_CODE:
        return f"{kind}:{canonical_number(fact.code)}"
    if kind == "investment":
        return f"investment:{fact.tax_code}:{canonical_number(fact.number)}"
    if kind == "task":
        return f"task:{canonical_number(fact.decision_no)}:{canonical_number(fact.number)}"
    return f"sub:{submission_id}"


def canonical_number(text: str) -> str:
    """Return a number or code in its folded form, e.g. `hd 12 / 2024.` as `HD 12/2024`.

    Letters of other alphabets that look like Latin ones become these, and repeated separators one.
    Punctuation around it is removed; a text without letters or digits may become empty.
    """
    return DOUBLED.sub(r"\1", folded(folded(text).translate(LOOK_ALIKE))).strip(AROUND)


@lru_cache(DOIS_KEPT)
def canonical_doi(text: str) -> str:
    """Return the DOI in a text, in lower case; empty if the text is not exactly one DOI.

    The resolver and the rest of a URL, escapes of web pages, and the punctuation of a sentence are
    removed. A closing bracket stays if the DOI contains the opening one.
    """
    said = visible(_without_footnotes(text))
    decoded = unquote(ENTITY.sub(lambda entity: unescape(entity[0]), said))
    shown = DOI_LABEL.sub("", with_plain_dashes(decoded))
    if not (written := DOI.match(shown)) or SEVERAL_DOIS.search(shown):
        return ""
    # A resolver's URL may have a query and a fragment; a DOI itself has no blank.
    doi = OF_THE_URL.split(written[1])[0].casefold()
    if " " in doi:
        return ""
    while doi and (doi[-1] in "./*!" + AROUND or _closes_nothing(doi)):
        doi = doi[:-1]
    doi = PAGE.sub("", doi)
    return doi if DOI.match(doi) else ""


def canonical_reference(text: str) -> str:
    """Return the work key that a person typed, in the form in which `work_key` returns it.

    A DOI may be typed in any spelling and without the prefix `doi:`, e.g.
    `https://doi.org/10.5555/X` for `doi:10.5555/x`, and the kind of a key in capitals. A text that
    is no work key is returned without its invisible characters.
    """
    shown = visible(text)
    if doi := canonical_doi(shown):
        return f"doi:{doi}"
    parts = shown.split(":")
    if len(parts) > 1 and parts[0].casefold() in KINDS:
        parts[0] = parts[0].casefold()
    fixed = FIXED_PARTS.get(parts[0], len(parts))
    # A number may have a colon itself, e.g. `Số: 12/2024`; a task has two, and the first rather.
    said = [":".join(parts[fixed:])]
    if parts[0] == "task":
        said = [":".join(parts[fixed:-1]), *parts[fixed:][-1:]]
    found = [*parts[:fixed], *filter(None, map(canonical_number, said))]
    return ":".join(found).replace(" ", "" if parts[0] == "ip" else " ")


def canonical_person(text: str) -> str:
    """Return an ORCID in any spelling as `0000-0002-1825-0097`, also from a text that says more.

    Any other id is returned without invisible characters and with plain dashes.
    """
    plain = folded(text).translate(LOOK_ALIKE)
    found = ORCID.fullmatch(plain)
    if not found and len({each[0] for each in ORCID_INSIDE.finditer(plain)}) == 1:
        found = ORCID_INSIDE.search(plain)
    if not found:
        return with_plain_dashes(text)
    digits = re.sub(r"[-._ ]", "", found[1])
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def _without_footnotes(text: str) -> str:
    bare = text.rstrip(BEHIND_A_DOI)
    return bare + text[len(bare) :].translate(NO_FOOTNOTE)


def _closes_nothing(doi: str) -> bool:
    opening = {")": "(", "]": "[", "}": "{", ">": "<"}.get(doi[-1])
    return opening is not None and doi.count(doi[-1]) > doi.count(opening)
