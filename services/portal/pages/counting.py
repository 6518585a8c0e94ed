"""In which numbers a submission may count: links to the pages that say whether it does, and why."""

from __future__ import annotations

from dataclasses import dataclass

from kieng.submissions.v1 import submission_pb2
from services.portal.calls import Refused
from services.portal.forms import answers_of
from services.portal.site import Page

ENDED = (
    submission_pb2.STATE_DRAFT,
    submission_pb2.STATE_WITHDRAWN,
    submission_pb2.STATE_REJECTED,
)
"""States in which a submission counts nowhere."""


@dataclass(frozen=True, slots=True)
class Place:
    """A number in which a submission may count: an indicator at its unit in the year of its date.

    ``href`` is the URL of the page that says whether it does.
    """

    code: str
    name: str
    href: str


async def places_of(page: Page, submission: submission_pb2.Submission) -> list[Place]:
    """Return the numbers that a submission is looked for in, in the order of the catalogue.

    They are those of its type. An indicator whose date the submission does not state is left out.
    There are none while the catalogue cannot be read, so that submissions are shown nevertheless.
    """
    facts = submission.content.facts
    type_ = facts.WhichOneof("kind") or ""
    if submission.state in ENDED or not type_ or not submission.work_key:
        return []
    given = answers_of(facts)
    try:
        catalogue = await page.site.catalogues.live(page.session.token)
    except Refused:
        return []
    found = list[Place]()
    for each in catalogue.message.indicators:
        year = next(iter(given.get(each.value.date, ())), "")[:4]
        if each.value.type == type_ and year:
            href = page.href(
                "/works",
                work=submission.work_key,
                unit=submission.content.unit_id,
                indicator=each.code,
                from_=f"{year}-01",
                to=f"{year}-12",
            )
            name = catalogue.indicator_name(each.code, page.lang)
            found.append(Place(each.code, name, href))
    return found
