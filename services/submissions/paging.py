"""Lists submissions page by page; a page token is valid only for the query that returned it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from kieng.submissions.v1 import facts_pb2, submission_service_pb2
from services.kernel.access import Principal
from services.kernel.errors import InvalidArgument
from services.kernel.paging import Pages
from services.submissions.directory_cache import KnownUnits
from services.submissions.domain.submission import Submission
from services.submissions.store import Submissions
from services.submissions.work_keys import canonical_reference

ROWS_DEFAULT = 100
TYPES = [field.name for field in facts_pb2.Facts.DESCRIPTOR.fields if field.message_type]
LAST_CHARACTER = "\U0010ffff"
"""Sorts after every character of an id."""


@dataclass(frozen=True, slots=True)
class Page:
    """Submissions in order of id; ``next_token`` fetches the next page, empty on the last page."""

    submissions: list[Submission]
    next_token: str


def page_of(
    submissions: Submissions,
    principal: Principal,
    request: submission_service_pb2.ListSubmissionsRequest,
    units: KnownUnits,
    is_wanted: Callable[[], bool],
) -> Page:
    """Return the page that a request asks for, of the submissions that the caller may see.

    Args:
        submissions: submissions of the caller's institution.
        principal: the caller.
        request: filters and page.
        units: the units of the directory.
        is_wanted: returns False once the caller has left, whose page then ends early.

    Raises:
        InvalidArgument: the caller sent a page token of another query, an invalid time, or a unit
            or type that does not exist.
    """
    query = query_of(principal, request)
    comparable = json.loads(json.dumps(query, default=str))
    pages = Pages([principal.institution_id, comparable])
    after = pages.after(request.page_token)
    limit = request.page_size or ROWS_DEFAULT
    found = [each.submission for each in submissions.page(query, after, limit + 1, is_wanted)]
    # There may still be submissions of a unit that the directory no longer lists.
    if request.unit_id and not found:
        units.need(request.unit_id, "unit_id")
    more = len(found) > limit
    rows = found[:limit]
    return Page(rows, pages.token(rows[-1].submission_id) if more else "")


def query_of(
    principal: Principal, request: submission_service_pb2.ListSubmissionsRequest
) -> dict[str, Any]:
    """Return the MongoDB filter of a request, limited to the units that the caller reaches.

    A request without a unit means the caller's. For a unit above it, the filter selects the
    caller's part; for any other unit that the caller does not reach, nothing.

    Args:
        principal: the caller.
        request: the filters, which must all hold; an empty one is ignored.

    Raises:
        InvalidArgument: the caller sent an invalid time or an unknown type.
    """
    unit_id = request.unit_id or principal.unit_id
    query: dict[str, Any] = {"units": unit_id}
    if not principal.reaches(unit_id):
        # A caller who asks for a unit above their own sees their own part; for any other, nothing.
        is_above = principal.unit_id.startswith(f"{unit_id}/")
        query = {"units": principal.unit_id if is_above else {"$in": []}}
    if request.states:
        query["state"] = {"$in": sorted(set(request.states))}
    if request.work_key:
        query["work_key"] = canonical_reference(request.work_key)
    _check_type(request.type)
    for name in ("type", "source_system"):
        if getattr(request, name):
            query[name] = getattr(request, name)
    if request.record_id:
        query["source_record_id"] = request.record_id
    if request.mine:
        query["edited_by"] = principal.subject
    if request.HasField("changed_since"):
        query["updated_at"] = {"$gte": _moment(request.changed_since)}
    if prefix := request.submission_id_prefix:
        query["_id"] = {"$gte": prefix, "$lt": prefix + LAST_CHARACTER}
    return query


def _check_type(name: str) -> None:
    if name and name not in TYPES:
        text = f"unknown type {name!r}; known are {', '.join(TYPES)}"
        raise InvalidArgument(f"type: {text}", fields={"type": text})


def _moment(stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except ValueError:
        text = "is not a time of the years 1 to 9999"
        name = "changed_since"
        raise InvalidArgument(f"{name}: {text}", fields={name: text}) from None
