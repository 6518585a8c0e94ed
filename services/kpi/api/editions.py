"""gRPC handlers of EditionService: close, list and compare editions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1 import view_pb2
from services.kernel.grpc import CurrentCall, grpc
from services.kpi.editions.answers import encode_cell, encode_edition, encode_line
from services.kpi.editions.changes import Since, counted_code
from services.kpi.editions.closing import Period
from services.kpi.editions.restatements import Restated
from services.kpi.providers import Clock, EditionDesk, Live
from services.kpi.query import answers
from services.kpi.query.cells import check_unit, decode_day
from services.policy.enforcement import need
from services.policy.rules import Resource

LINES_PER_MESSAGE = 200
CELLS_PER_MESSAGE = 1000

T = TypeVar("T")
Answer = TypeVar("Answer", api.ListRestatementsResponse, api.ListChangesResponse)


class EditionApi:
    """Implements EditionService; a base class of `KpiQuery`."""

    call = CurrentCall()
    live = Live()
    now = Clock()
    desk = EditionDesk()

    @grpc
    def close_edition(self, request: api.CloseEditionRequest) -> Iterator[api.CloseEditionResponse]:
        """CloseEdition: close a period into a signed edition; stream progress, then the edition.

        Refused unless the caller may close editions of the unit; see also `EditionCloser.close`.
        """
        with self.live.read() as state:
            catalogue = state.catalogue
        unit_id = request.unit_id or catalogue.tree.ids[0]
        check_unit(unit_id, catalogue, "unit_id")
        resource = Resource.of([unit_id], above=catalogue.tree.above(unit_id))
        need(self.call.principal, self.call.method, resource)
        period = Period(
            request.edition_id,
            request.title,
            request.unit_id,
            request.from_month,
            request.to_month,
        )
        principal, is_active = self.call.principal, self.call.is_active
        for read, total, edition in self.desk.closer.close(
            self.live, period, principal, self.now(), is_active
        ):
            step = api.CloseEditionResponse(records_read=read, records_total=total)
            if edition is not None:
                step.edition.CopyFrom(encode_edition(edition))
            yield step

    @grpc
    def list_editions(self, request: api.ListEditionsRequest) -> api.ListEditionsResponse:
        """ListEditions: return all editions, newest first."""
        editions = self.desk.editions.all()
        return api.ListEditionsResponse(editions=[encode_edition(each) for each in editions])

    @grpc
    def get_edition(self, request: api.GetEditionRequest) -> api.GetEditionResponse:
        """GetEdition: return an edition with its content, signature and public key.

        Raises:
            NotFound: there is no such edition.
        """
        edition, content = self.desk.editions.get(request.edition_id)
        return api.GetEditionResponse(
            edition=encode_edition(edition),
            content=content,
            signature=edition.signature,
            public_key=edition.public_pem,
        )

    @grpc
    def get_edition_key(self, request: api.GetEditionKeyRequest) -> api.GetEditionKeyResponse:
        """GetEditionKey: return the public key that verifies newly signed editions, and its id.

        Raises:
            WrongState: no key is configured.
        """
        signer = self.desk.closer.signer
        return api.GetEditionKeyResponse(public_key=signer.public_pem, key_id=signer.key_id)

    @grpc
    def list_restatements(
        self, request: api.ListRestatementsRequest
    ) -> Iterator[api.ListRestatementsResponse]:
        """ListRestatements: stream progress, then how the present differs from an edition.

        Raises:
            NotFound: there is no such edition.
            WrongState: the edition does not match its signature, or the log is gone.
        """
        measure, is_active = answers.decode_measure(request.measure), self.call.is_active
        for read, total, restated in self.desk.comparer.compare(
            self.live, request.edition_id, measure, is_active
        ):
            if restated is None:
                yield api.ListRestatementsResponse(records_read=read, records_total=total)
            else:
                make = partial(
                    api.ListRestatementsResponse, records_read=total, records_total=total
                )
                yield from _messages(restated, make, request.unit_id, request.indicator_code)
                yield make(view=_view(restated), adds_up=restated.adds_up)

    @grpc
    def list_changes(self, request: api.ListChangesRequest) -> Iterator[api.ListChangesResponse]:
        """ListChanges: stream progress, then how the live view differs from an earlier position.

        Changed works come first, then changed cells, then whether the changes explain all cells;
        see `ChangesComparer.compare` for refusals. Of an attainment they are those of the indicator
        that it is of.

        Raises:
            InvalidArgument: the indicator is unknown. The caller's fault.
        """
        with self.live.read() as state:
            code = counted_code(request.indicator_code, state.catalogue)
        since = Since(
            request.unit_id,
            request.from_month,
            request.to_month,
            {p.partition: p.next_offset for p in request.at},
            decode_day(request.as_of, "as_of") if request.as_of else None,
            answers.decode_measure(request.measure),
        )
        steps = self.desk.changes.compare(self.live, since, self.now(), self.call.is_active)
        for read, total, changes in steps:
            make = partial(api.ListChangesResponse, records_read=read, records_total=total)
            if changes is None:
                yield make()
                continue
            restated, before = changes.restated, changes.before
            unit_id = changes.unit_id if request.unit_only else ""
            yield from _messages(restated, make, unit_id, code)
            yield make(
                view=_view(restated),
                before=answers.encode_view(restated.view, before.progress, before.digest),
                adds_up=restated.adds_up,
            )


def _view(restated: Restated) -> view_pb2.ViewInfo:
    return answers.encode_view(restated.view, restated.replayed.progress, restated.digest)


def _messages(
    restated: Restated, make: Callable[..., Answer], unit_id: str, code: str
) -> Iterator[Answer]:
    """Yield the works and the cells of a comparison, which ``make`` puts into messages.

    Args:
        restated: the comparison.
        make: returns a message with some fields set.
        unit_id: unit whose cells are wanted; empty for all.
        code: indicator whose cells are wanted; empty for all.
    """
    lines = [encode_line(line, restated.divisors, unit_id, code) for line in restated.lines]
    for several in _chunks([line for line in lines if line is not None], LINES_PER_MESSAGE):
        yield make(restatements=several)
    cells = [
        encode_cell(cell)
        for cell in restated.cells
        if unit_id in ("", cell.unit_id) and code in ("", cell.indicator_code)
    ]
    for some in _chunks(cells, CELLS_PER_MESSAGE):
        yield make(cells=some)


def _chunks(items: list[T], size: int) -> Iterable[list[T]]:
    return (items[begin : begin + size] for begin in range(0, len(items), size))
