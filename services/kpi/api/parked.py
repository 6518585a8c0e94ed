"""gRPC handlers of ParkedService.

They decide which parked records a caller may see, how much of each, and who may dismiss them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from google.protobuf.descriptor import MethodDescriptor

from kieng.kpi.v1 import parked_service_pb2
from services.kernel.access import Principal
from services.kernel.bell import Ringer
from services.kernel.errors import (
    AlreadyExists,
    Forbidden,
    InvalidArgument,
    NotFound,
    WrongState,
)
from services.kernel.grpc import CurrentCall, grpc
from services.kpi.config import VIEWS
from services.kpi.providers import Live, ParkedStore
from services.kpi.query.live_view import ViewState
from services.kpi.store.dismissals import Dismissal
from services.kpi.store.parked import ParkedRecords, StoredParked
from services.kpi.store.views import View
from services.policy.enforcement import need
from services.policy.rules import Decision, Resource, allow

OPERATOR = "operator"
PAGE_SIZE = 100
PLACE = re.compile(r"([0-9]{1,9})\|([0-9]{1,18})")
"""Partition and offset in a page token, of as many digits as the database holds."""
SHOWN_CHARACTERS_MAX = 256
"""Maximum length of a text from a parked record, so that 500 records fit into one response."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of an RPC of ParkedService, which decides what records they may see.

    Args:
        principal: identity, institution and roles of the caller.
        runs_platform: whether they operate the whole platform; they then also see records that name
            no institution, and those of all institutions in lists.
    """

    principal: Principal
    runs_platform: bool

    @staticmethod
    def of(principal: Principal, method: MethodDescriptor, root_id: str) -> Caller:
        """Return the caller of an RPC, who must act for their whole institution.

        Args:
            principal: identity, institution and roles of the caller.
            method: descriptor of the RPC.
            root_id: id of the root unit, whose operators operate the platform.

        Raises:
            Forbidden: the caller acts for only a part of their institution. The caller's fault.
        """
        need(principal, method, Resource.of([principal.institution_id]))
        platform = Resource.of([root_id], roles=[OPERATOR])
        return Caller(principal, allow(principal, method, platform) is Decision.ALLOW)


class ParkedApi:
    """Implements ParkedService; a base class of `KpiQuery`."""

    call = CurrentCall()
    live = Live()
    parked = ParkedStore()
    ring = Ringer()

    @grpc
    def list_parked(
        self, request: parked_service_pb2.ListParkedRequest
    ) -> parked_service_pb2.ListParkedResponse:
        """ListParked: return a page of the live view's parked records that the caller may see."""
        with self.live.read() as state:
            view, caller = state.view, self._caller(state)
        return list_parked(request, caller, view, self.parked)

    @grpc
    def get_parked(
        self, request: parked_service_pb2.GetParkedRequest
    ) -> parked_service_pb2.GetParkedResponse:
        """GetParked: return one parked record of the live view with its content.

        Refused like an unknown record if the caller may not see its content.
        """
        with self.live.read() as state:
            view, caller = state.view, self._caller(state)
        return get_parked(request, caller, view, self.parked)

    @grpc
    def dismiss_parked(
        self, request: parked_service_pb2.DismissParkedRequest
    ) -> parked_service_pb2.DismissParkedResponse:
        """DismissParked: record that a parked record of the live view's log stays unrepaired.

        It then no longer counts as parked, and can still be read. Safe to repeat for the same
        reason.
        """
        with self.live.read() as state:
            view, caller, tree = state.view, self._caller(state), state.catalogue.tree
        institutions = {tree.ids[number] for number in tree.institutions()}
        answer = dismiss_parked(request, caller, view, self.parked, institutions)
        self.live.dismissals_changed()
        self.ring(VIEWS)
        return answer

    def _caller(self, state: ViewState) -> Caller:
        return Caller.of(self.call.principal, self.call.method, state.catalogue.tree.ids[0])


def list_parked(
    request: parked_service_pb2.ListParkedRequest,
    caller: Caller,
    view: View,
    records: ParkedRecords,
) -> parked_service_pb2.ListParkedResponse:
    """Return a page of the parked records that the caller may see.

    Callers see the records of their institution; operators of the platform see all records.

    Args:
        request: the validated request.
        caller: the caller.
        view: the live view.
        records: stored parked records.

    Raises:
        InvalidArgument: the page token belongs to another view. The caller's fault.
    """
    limit = request.page_size or PAGE_SIZE
    found = records.page(
        view,
        "" if caller.runs_platform else caller.principal.institution_id,
        _decode_token(request.page_token, view.view_id),
        limit,
        with_mended=request.with_mended,
        with_dismissed=request.with_dismissed,
    )
    last = found[-1] if len(found) == limit else None
    return parked_service_pb2.ListParkedResponse(
        records=[_encode(each, caller.principal) for each in found],
        next_page_token=f"{view.view_id}|{last.partition}|{last.offset}" if last else "",
    )


def get_parked(
    request: parked_service_pb2.GetParkedRequest,
    caller: Caller,
    view: View,
    records: ParkedRecords,
) -> parked_service_pb2.GetParkedResponse:
    """Return one parked record with its content.

    The content is shown only to callers of the record's institution. If a record names no
    institution, operators of the platform see it.

    Args:
        request: the validated request.
        caller: the caller.
        view: the live view.
        records: stored parked records.

    Raises:
        NotFound: there is no such record, or the caller may not see its content. The caller's
            fault.
    """
    found = records.get(view, (request.partition, request.offset))
    own = caller.principal.institution_id
    owner = "" if caller.runs_platform else own
    if found is None or found.parked.institution_id not in (owner, own):
        raise NotFound("no such parked record")
    return parked_service_pb2.GetParkedResponse(
        record=_encode(found, caller.principal),
        event_type=_cut(found.parked.type),
        value=found.parked.value,
    )


def dismiss_parked(
    request: parked_service_pb2.DismissParkedRequest,
    caller: Caller,
    view: View,
    records: ParkedRecords,
    institutions: Collection[str],
) -> parked_service_pb2.DismissParkedResponse:
    """Store that a parked record will not be repaired; return it with its dismissal.

    Operators dismiss the records of their institution. A record whose institution is empty or not
    in the tree has no operators of its own; those of the platform dismiss it.

    Args:
        request: the validated request.
        caller: the caller, an operator.
        view: the live view.
        records: stored parked records.
        institutions: ids of the institutions of the tree.

    Raises:
        NotFound: there is no such record, or the caller may not see it. The caller's fault.
        Forbidden: the caller operates the platform, and the record is of an institution with
            operators of its own. The caller's fault.
        WrongState: the record is mended. The caller's fault.
        AlreadyExists: the record was dismissed for another reason. The caller's fault.
    """
    place, principal = (request.partition, request.offset), caller.principal
    found = records.get(view, place)
    owner = found.parked.institution_id if found else ""
    is_own = owner == principal.institution_id
    if found is None or not (is_own or caller.runs_platform):
        raise NotFound("no such parked record")
    if owner in institutions and not is_own:
        raise Forbidden(f"only an operator of {owner} may dismiss this record")
    if found.dismissal is None:
        if not found.is_open:
            text = "a newer version of the submission counts; nothing is left to dismiss"
            raise WrongState(text, reason="MENDED")
        wanted = Dismissal(
            request.reason, principal.institution_id, principal.subject, datetime.now(UTC)
        )
        found = replace(found, dismissal=records.dismiss(view, place, wanted))
    if found.dismissal and found.dismissal.reason != request.reason:
        raise AlreadyExists("the record was dismissed before, for another reason")
    return parked_service_pb2.DismissParkedResponse(record=_encode(found, principal))


def _encode(stored: StoredParked, principal: Principal) -> parked_service_pb2.ParkedRecord:
    parked = stored.parked
    is_own = parked.institution_id == principal.institution_id
    message = parked_service_pb2.ParkedRecord(
        partition=stored.partition,
        offset=stored.offset,
        reason=parked.reason,
        institution_id=_cut(parked.institution_id),
        submission_id=_cut(parked.submission_id),
        version=parked.version,
        work_key=_cut(parked.work_key) if is_own else "",
        mended=not stored.is_open,
    )
    message.recorded_at.FromMilliseconds(parked.recorded_ms)
    if stored.dismissal is not None:
        message.dismissal.reason = stored.dismissal.reason
        message.dismissal.institution_id = stored.dismissal.institution_id
        message.dismissal.subject = stored.dismissal.subject
        message.dismissal.dismissed_at.FromDatetime(stored.dismissal.at)
    return message


def _cut(text: str) -> str:
    return text[:SHOWN_CHARACTERS_MAX]


def _decode_token(token: str, view_id: str) -> tuple[int, int]:
    if not token:
        return -1, -1
    named, _, text = token.partition("|")
    place = PLACE.fullmatch(text)
    if named != view_id or place is None:
        text = "the page token is of another view; begin with the first page"
        raise InvalidArgument(text, fields={"page_token": text})
    return int(place[1]), int(place[2])
