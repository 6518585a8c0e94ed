"""One work: whether it counts in a number, its claims, and the submissions about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import partial
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from starlette.responses import Response

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.kernel.errors import InvalidArgument
from services.portal.pages.cell_names import SUBMISSIONS, asked_work, named
from services.portal.pages.findings import (
    explain_absence,
    finding_word,
    found_words,
    reasons,
    wanted_words,
)
from services.portal.pages.indicators import named as in_sentence
from services.portal.pages.indicators import rule_of
from services.portal.pages.tables import Value, stamped, wanted_file
from services.portal.pages.threads import readable_threads
from services.portal.site import Page

READERS = ("contributor", "reviewer", "approver", "auditor")
LISTED_MAX = 100
THREADS_MAX = 10
"""Most submissions on a page whose history is read."""
TITLES = ("title", "name", "topic", "number", "code", "decision_no", "partner")
"""Facts that can serve as the title of a work, in order of preference."""
UNDECIDED = (submission_pb2.STATE_DRAFT, submission_pb2.STATE_SUBMITTED)


async def work(page: Page) -> Response:
    """Answer `/works`: whether a work counts in a number and why, with all claims of it.

    Users who may read submissions also see those of their institution. With `file`, the answer is
    the table of claims as a file; with `table=reasons`, that of the reasons.

    Raises:
        Refused: the caller may not read, or the unit, indicator or work does not exist.
        InvalidArgument: the URL names no work, or no number. The caller's fault.
    """
    name, work_key = named(page), await asked_work(page)
    if not work_key:
        raise InvalidArgument(page.text("refused.no_work"))
    catalogue = await page.site.catalogues.live(page.session.token)
    answer = await explain_absence(page, name, work_key)
    is_of_reasons = page.query.get("table") == "reasons"
    lines = reasons(page, answer) if is_of_reasons else _lines(page, work_key, answer)
    lines = stamped(page, lines, answer.view)
    if file := await wanted_file(page, f"kieng-{name.code}-work", lines):
        return file
    may = page.session.may(*READERS)
    own = await own_submissions(page, work_key) if may else []
    threads = await readable_threads(page, (each["id"] for each in own[:THREADS_MAX]))
    indicator = catalogue.indicators.get(name.code)
    return page.html(
        "work.html",
        catalogue=catalogue,
        name=name,
        work_key=work_key,
        answer=answer,
        own=own,
        threads=threads,
        may=may,
        unit_name=lambda unit_id: catalogue.unit_name(unit_id, page.lang),
        claimants=list(
            dict.fromkeys(catalogue.unit_name(each.unit_id, page.lang) for each in answer.claims)
        ),
        rule=rule_of(indicator, page.lang) if indicator and answer.counts else "",
        proofs={proof.sha256: proof.title for each in own for proof in each["evidence"]},
        word_of=finding_word,
        wanted_words=partial(wanted_words, page),
        found_words=partial(found_words, page),
        date_field=in_sentence(page.lang, "fact", answer.date_field),
    )


def _lines(
    page: Page, work_key: str, answer: kpi_service_pb2.ExplainAbsenceResponse
) -> Iterator[list[Value]]:
    """Yield headings and rows of the file of the claims on a work."""
    keys = ("cell.work", "column.title", "column.unit", "submission.id", "own.state")
    yield [page.text(key) for key in (*keys, "cell.evidence")]
    for claim in answer.claims:
        state = page.text("work.verified" if claim.verified else "work.waiting")
        proofs = ", ".join(claim.evidence_sha256)
        yield [work_key, answer.title, claim.unit_id, claim.submission_id, state, proofs]


async def own_submissions(page: Page, work_key: str) -> list[dict[str, Any]]:
    """Return submissions of the user's institution about a work, at most `LISTED_MAX`.

    They are in the order of their ids, and each is a mapping as `shown` returns it.

    Raises:
        Refused: the caller may not read submissions.
    """
    request = submission_service_pb2.ListSubmissionsRequest(work_key=work_key, page_size=LISTED_MAX)
    answer = await page.call(SUBMISSIONS["ListSubmissions"], request)
    return [shown(each) for each in answer.submissions]


def shown(submission: submission_pb2.Submission) -> dict[str, Any]:
    """Return a submission as template variables: name -> value.

    For example, `facts` maps the names of facts that are set to their texts, `evidence` lists the
    documents, `title` is empty if no fact can serve as one, and `changes` are those since it was
    verified.
    """
    facts = submission.content.facts
    type_ = facts.WhichOneof("kind") or ""
    values = fact_values(getattr(facts, type_)) if type_ else {}
    return {
        "id": submission.submission_id,
        "version": submission.version,
        "state": submission_pb2.State.Name(submission.state).removeprefix("STATE_").lower(),
        "unit_id": submission.content.unit_id,
        "work_key": submission.work_key,
        "type": type_,
        "facts": values,
        "title": next((values[name] for name in TITLES if values.get(name)), ""),
        "evidence": list(submission.content.evidence),
        "submitted_by": submission.submitted_by,
        "decided_by": submission.decided_by,
        "reason": submission.reason,
        # The reason is about an earlier version; the present one has not been decided on.
        "is_earlier_reason": submission.state in UNDECIDED,
        "updated_at": submission.updated_at.ToDatetime(tzinfo=UTC),
        "changes": changes(submission),
    }


async def read_again(page: Page, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the present submissions of some ids as `shown` does.

    Raises:
        Refused: the caller may not read one of them, or there is none of that id.
    """
    requests = [submission_service_pb2.GetSubmissionRequest(submission_id=name) for name in names]
    found = await asyncio.gather(*(page.call(SUBMISSIONS["GetSubmission"], r) for r in requests))
    return [shown(each.submission) for each in found]


def changes(submission: submission_pb2.Submission) -> list[tuple[str, str, str]]:
    """Return (name, verified text, claimed text) for each difference from the verified content.

    The names are those of `claimed`; a text is empty if that content lacks it. Empty if the
    submission has never been verified or does not differ.
    """
    if not submission.HasField("verified_content"):
        return []
    old, new = claimed(submission.verified_content), claimed(submission.content)
    names = [*new, *(name for name in old if name not in new)]
    pairs = [(name, old.get(name, ""), new.get(name, "")) for name in names]
    return [each for each in pairs if each[1] != each[2]]


def claimed(content: submission_pb2.Content) -> dict[str, str]:
    """Return name -> text of the claims in the content of a submission.

    Names are `type` (empty text if there are no facts), `unit_id`, `part`, `share_ppm` in parts
    per million if a share is declared, and those of the facts that are set.
    """
    type_ = content.facts.WhichOneof("kind") or ""
    part = submission_pb2.Part.Name(content.part).removeprefix("PART_").lower()
    own = {"type": Names(type_), "unit_id": content.unit_id, "part": Names(part)}
    own |= {"share_ppm": str(content.share_ppm)} if content.share_ppm else {}
    return own | (fact_values(getattr(content.facts, type_)) if type_ else {})


WITH_TERMS = frozenset({"fields", "areas", "quartile_source"})
"""Facts whose texts are codes with names, most of them in the catalogue."""


class Names(str):
    """A text of names of enum values or booleans, joined by commas; pages translate it to words."""


def fact_values(facts: Message) -> dict[str, str]:
    """Return name -> text of the fields that are set in a message.

    Enum values are in lower case and without prefix: `INDEX_SCOPUS` becomes `scopus`. Several
    values are joined by commas, and the fields of a nested message by semicolons.
    """
    found = {}
    for field, value in facts.ListFields():
        items = value if field.is_repeated else [value]
        text = ", ".join(_plain(field, item) for item in items)
        is_named = field.enum_type is not None or field.type == FieldDescriptor.TYPE_BOOL
        is_named |= field.name in WITH_TERMS
        found[field.name] = Names(text) if is_named else text
    return found


def _plain(field: Any, value: Any) -> str:
    if field.enum_type is not None:
        names = [each.name for each in field.enum_type.values]
        prefix = names[0].removesuffix("UNSPECIFIED")
        return str(field.enum_type.values_by_number[value].name).removeprefix(prefix).lower()
    if field.message_type is not None:
        return "; ".join(f"{name}: {text}" for name, text in fact_values(value).items())
    return str(value).lower() if isinstance(value, bool) else str(value)
