"""Completes an abbreviated id of a submission by asking the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kieng.submissions.v1 import submission_service_pb2 as api
from services.cli.client.id_prefixes import SHOWN_MAX, ambiguous
from services.cli.errors import Failure
from services.cli.terminal.submission_tables import title_of

FULL_LENGTH = 36
"""Length of the UUID in an id `INSTITUTION.UUID`."""
_SEPARATOR = "."


def full_id(stub: Any, given: str, institution: str, seen: Iterable[str] = ()) -> str:
    """Return the id of the only submission whose id begins with ``given``.

    A full id is returned as it is. So is a beginning that no submission has, which the service then
    refuses.

    Args:
        stub: stub of the SubmissionService.
        given: beginning of an id, e.g. `vnu.0192f0c1` or `0192f0c1`.
        institution: id of the institution, used if ``given`` names none; empty if unknown.
        seen: ids that commands have shown, among which one that ends with ``given`` is looked for.

    Raises:
        Failure: it fits several submissions that the caller may read, some of which the message
            lists with unit and title; or no id begins with it, but one seen id ends with it.
    """
    prefix = given.strip().rstrip("….")
    if institution and _SEPARATOR not in prefix:
        prefix = f"{institution}{_SEPARATOR}{prefix}"
    if len(prefix.rpartition(_SEPARATOR)[2]) >= FULL_LENGTH:
        return prefix
    request = api.ListSubmissionsRequest(submission_id_prefix=prefix, page_size=SHOWN_MAX + 1)
    found = list(stub.ListSubmissions(request).submissions)
    if len(found) > 1:
        raise ambiguous(given, [_described(each) for each in found])
    if found:
        return str(found[0].submission_id)
    end = given.strip().lstrip("….")
    meant = [each for each in seen if end and each.endswith(end)]
    if len(meant) == 1:
        raise Failure(f"no id begins with {given!r}; did you mean {meant[0]!r}?")
    return prefix


def _described(submission: Any) -> str:
    """Return the id of a submission with its unit and title, as far as they are known."""
    content = submission.content
    return "  ".join(filter(None, (submission.submission_id, content.unit_id, title_of(content))))
