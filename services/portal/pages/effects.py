"""Previews which numbers would change if a claim were submitted or verified; nothing is stored."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import import_service_pb2, review_service_pb2, submission_pb2
from services.importing.event_previews import event_previews
from services.portal import wire
from services.portal.calls import Refused, of_status
from services.portal.catalogues import Catalogue
from services.portal.domain.figures import Number
from services.portal.numbers import full
from services.portal.pages.reading import KPI
from services.portal.pages.tables import Value, plain
from services.portal.site import Page
from services.refusals import head_of

IMPORTS = import_service_pb2.DESCRIPTOR.services_by_name["ImportService"].methods_by_name
REVIEWS = review_service_pb2.DESCRIPTOR.services_by_name["ReviewService"].methods_by_name
TRIAL_SYSTEM = "portal"
"""Source system of a row that is only tried, so that it matches no imported record."""
SIDES = ("editor.before", "editor.after")
"""Keys of the texts for a number before and after."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One number that would change.

    ``verified`` is the value once the claim is verified. ``declared`` is the value once the claim
    is submitted or, for a decision, once that has been made. Months are from ``first`` to ``last``,
    `YYYY-MM`. A value is None if it is not defined.
    """

    unit_id: str
    code: str
    first: str
    last: str
    declared_before: Number | None
    declared: Number | None
    verified_before: Number | None
    verified: Number | None


@dataclass(frozen=True, slots=True)
class Effects:
    """All numbers that would change as displayed, the catalogue with their names, and the view."""

    catalogue: Catalogue
    rows: Sequence[Effect]
    view: view_pb2.ViewInfo
    """What the numbers before were computed from."""

    def lines(self, page: Page) -> Iterator[list[Value]]:
        """Yield headings and rows of the file of these numbers, in the language of the page."""
        keys = ("column.unit", "column.name", "column.indicator", "column.from", "column.to")
        measures = ("editor.declared_change", "editor.verified_change")
        yield [
            *map(page.text, keys),
            *(f"{page.text(key)} ({page.text(at)})" for key in measures for at in SIDES),
        ]
        for each in self.rows:
            numbers = (
                *(each.declared_before, each.declared),
                *(each.verified_before, each.verified),
            )
            name = self.catalogue.unit_name(each.unit_id, page.lang)
            yield [each.unit_id, name, each.code, each.first, each.last, *map(plain, numbers)]


async def effects_of(
    page: Page, content: submission_pb2.Content, found: submission_pb2.Submission | None
) -> Effects:
    """Return which numbers would change if a content were submitted; nothing is submitted.

    Args:
        page: the page.
        content: the content that would be submitted.
        found: the submission that it belongs to; None for a new one.

    Raises:
        Refused: the content would be refused, or the services cannot try it now.
    """
    request = import_service_pb2.TryImportRequest(row=_row(content, found), with_events=True)
    tried = await _all(page, IMPORTS["TryImport"], request)
    answer = tried[0]
    if answer.answer.HasField("error"):
        raise of_status("INVALID_ARGUMENT", answer.answer.error)
    return await effects_of_events(page, answer.submitted, answer.verified)


async def mistakes_of(
    page: Page, content: submission_pb2.Content, found: submission_pb2.Submission | None
) -> Mapping[str, str]:
    """Return path -> problem of all fields that are wrong in a content; nothing is submitted.

    Empty if there are none, or the service cannot try it now.

    Args:
        page: the page.
        content: the content that would be submitted.
        found: the submission that it belongs to; None for a new one.
    """
    request = import_service_pb2.TryImportRequest(row=_row(content, found))
    try:
        (tried,) = await _all(page, IMPORTS["TryImport"], request)
    except Refused:
        return {}
    return of_status("INVALID_ARGUMENT", tried.answer.error).fields


def _row(
    content: submission_pb2.Content, found: submission_pb2.Submission | None
) -> import_service_pb2.ImportSubmissionsRequest:
    row = import_service_pb2.ImportSubmissionsRequest(
        row=1,
        source_record=submission_pb2.SourceRecord(system=TRIAL_SYSTEM, record_id=str(uuid.uuid4())),
        content=content,
    )
    if found is not None and found.HasField("source_record"):
        row.source_record.CopyFrom(found.source_record)
    return row


async def effects_of_events(
    page: Page, submitted: Sequence[bytes], verified: Sequence[bytes]
) -> Effects:
    """Return which numbers would change if these events were in the log; they are not sent to it.

    Without any event, no number changes.

    Args:
        page: the page.
        submitted: events of submitting something, each a serialized `SubmissionChanged`.
        verified: events of verifying it afterwards.

    Raises:
        Refused: the services cannot try it now.
    """
    asked = event_previews(submitted, verified) if submitted or verified else ()
    parts = await _all(page, KPI["TryEvents"], *asked) if asked else []
    effects = [each for part in parts for each in part.effects]
    return await _shown(page, parts, [_effect(each, each.once_submitted) for each in effects])


async def effects_of_decisions(
    page: Page, decisions: Sequence[review_service_pb2.DecideSubmissionsRequest]
) -> tuple[Effects, dict[str, str]]:
    """Return what some decisions would change together, and why some of them would be refused.

    Nothing is decided. If all would be refused, no number changes.

    Args:
        page: the page.
        decisions: the decisions as they would be sent.

    Returns:
        The numbers that would change; and submission id -> message of the refusal, for those that
            would be refused.

    Raises:
        Refused: the caller may not decide, or the services cannot try it now.
    """
    tries = [review_service_pb2.TryDecisionsRequest(decision=each) for each in decisions]
    answers = await _all(page, REVIEWS["TryDecisions"], *tries)
    refused = {
        decision.submission_id: problem
        for decision, answer in zip(decisions, answers, strict=True)
        if (problem := problem_of(page, answer.answer))
    }
    events = [event for answer in answers for event in answer.events]
    asked = kpi_service_pb2.TryEventsRequest(verified=events)
    parts = await _all(page, KPI["TryEvents"], asked) if events else []
    effects = [each for part in parts for each in part.effects]
    found = await _shown(page, parts, [_effect(each, each.once_verified) for each in effects])
    return found, refused


async def _shown(
    page: Page, parts: Sequence[kpi_service_pb2.TryEventsResponse], effects: Iterable[Effect]
) -> Effects:
    """Return those effects that change a number as displayed, with the view of the last message."""
    catalogue = await page.site.catalogues.live(page.session.token)
    view = parts[-1].result.view if parts else view_pb2.ViewInfo()
    return Effects(catalogue, visible(page, catalogue, effects), view)


def problem_of(page: Page, answer: review_service_pb2.DecideSubmissionsResponse) -> str:
    """Return why a decision was refused, in the language of the page; empty if it was not."""
    if not answer.HasField("error"):
        return ""
    refused = of_status("INVALID_ARGUMENT", answer.error)
    head = head_of(refused.message, refused.fields.items())
    return "; ".join(page.said(each) for each in (head, *refused.fields.values()) if each)


def visible(page: Page, catalogue: Catalogue, effects: Iterable[Effect]) -> list[Effect]:
    """Return those effects that change a number as it is displayed, in the given order.

    For example, a change by 0.001 is left out if two decimals are displayed.

    Args:
        page: the page, for its language.
        catalogue: catalogue with the indicators.
        effects: all effects.
    """

    def differ(effect: Effect, before: Number | None, after: Number | None) -> bool:
        unit = catalogue.unit_of(effect.code)
        return full(before, unit, page.lang) != full(after, unit, page.lang)

    return [
        each
        for each in effects
        if differ(each, each.declared_before, each.declared)
        or differ(each, each.verified_before, each.verified)
    ]


async def _all(page: Page, method: MethodDescriptor, *requests: Message) -> list[Any]:
    async def once() -> AsyncIterator[Message]:
        for request in requests:
            yield request

    exchanged = page.site.services.exchange(method, once(), page.session.token)
    return [each async for each in exchanged]


def _effect(effect: kpi_service_pb2.Effect, declared: kpi_service_pb2.BothMeasures) -> Effect:
    return Effect(
        effect.unit_id,
        effect.indicator_code,
        effect.from_month,
        effect.to_month,
        wire.number(effect.before.declared),
        wire.number(declared.declared),
        wire.number(effect.before.verified),
        wire.number(effect.once_verified.verified),
    )
