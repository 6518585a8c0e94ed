"""Completes an abbreviated id of a submission by asking the service."""

from __future__ import annotations

from typing import Any

from kieng.submissions.v1 import submission_service_pb2 as api
from services.cli.client.id_prefixes import SHOWN_MAX, ambiguous

FULL_LENGTH = 36
"""Length of the UUID in an id `INSTITUTION.UUID`."""
_SEPARATOR = "."


def full_id(stub: Any, given: str, institution: str) -> str:
    """Return the id of the only submission whose id begins with ``given``.

    A full id is returned as it is. So is a beginning that no submission has, which the service then
    refuses.

    Args:
        stub: stub of the SubmissionService.
        given: beginning of an id, e.g. `vnu.0192f0c1` or `0192f0c1`.
        institution: id of the institution, used if ``given`` names none; empty if unknown.

    Raises:
        Failure: it fits several submissions that the caller may read; the message lists some.
    """
    prefix = given.strip().rstrip("….")
    if institution and _SEPARATOR not in prefix:
        prefix = f"{institution}{_SEPARATOR}{prefix}"
    if len(prefix.rpartition(_SEPARATOR)[2]) >= FULL_LENGTH:
        return prefix
    request = api.ListSubmissionsRequest(submission_id_prefix=prefix, page_size=SHOWN_MAX + 1)
    found = [each.submission_id for each in stub.ListSubmissions(request).submissions]
    if len(found) > 1:
        raise ambiguous(given, found)
    return found[0] if found else prefix
