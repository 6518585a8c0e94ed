"""Answers TryEvents: which numbers would change if some events were in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.submissions.v1 import events_pb2
from services.kernel.errors import Exhausted, InvalidRecord, Unavailable
from services.kernel.interceptors import check
from services.kpi.domain.authority import source_of
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.fold import CellKey, RowKey
from services.kpi.domain.months import month_text
from services.kpi.domain.preview import Both, Effect, Effects, Preview
from services.kpi.domain.work import Statement, Work
from services.kpi.log.partitioning import partition_of
from services.kpi.query import answers
from services.kpi.query.explanation import restored_of
from services.kpi.query.live_view import LiveView
from services.kpi.store.reads import Progress, Snapshots, is_at
from services.kpi.store.views import View
from services.kpi.wire import events
from services.kpi.wire.values import encode_value

EVENTS_MAX = 200_000
EFFECTS_MAX = 100_000
EFFECTS_PER_MESSAGE = 500
UNCOUNTED_MAX = 100
ATTEMPTS = 10

Admit = Callable[[events_pb2.SubmissionChanged], None]
"""Function that raises a `Refusal` if the caller may not write the given event."""

Said = tuple[str, str, Statement]
"""(work key, full name of the submission, its statement)."""


@dataclass
class Asked:
    """The decoded events of a request, without those that the view would park.

    Args:
        by_month: whether months are to be compared instead of years.
        submitted: statements of the submissions as submitted.
        verified: statements of the same submissions once verified.
        uncounted: the first events that would be parked, with reasons.
        count: number of all events.
        left_out: number of events that would be parked.
    """

    by_month: bool = False
    submitted: list[Said] = field(default_factory=list)
    verified: list[Said] = field(default_factory=list)
    uncounted: list[api.Uncounted] = field(default_factory=list)
    count: int = 0
    left_out: int = 0

    def take(self, value: bytes, to: list[Said], catalogue: Catalogue, admit: Admit) -> None:
        """Decode an event as the log's are decoded, and add it to ``to``.

        An event that the view would park is recorded as uncounted instead.

        Args:
            value: the encoded event.
            to: list to which the decoded event is added.
            catalogue: the view's catalogue.
            admit: raises if the caller may not write the event.

        Raises:
            Exhausted: there are too many events. The caller's fault.
            Refusal: raised by ``admit``.
        """
        self.count += 1
        if self.count > EVENTS_MAX:
            raise Exhausted(f"over {EVENTS_MAX} events; try fewer at once")
        name = ""
        try:
            event = events.decode_changed(value)
            name = event.submission_id
            admit(event)
            events.check_authority(event, source_of(event.institution_id))
            statement = events.decode_statement(event, catalogue, b"")
            to.append((event.work_key, events.name_of(event), statement))
        except InvalidRecord as invalid:
            self.left_out += 1
            if len(self.uncounted) < UNCOUNTED_MAX:
                self.uncounted.append(api.Uncounted(submission_id=name, reason=str(invalid)))

    @property
    def keys(self) -> set[str]:
        """Keys of all works that the events are about."""
        return {key for said in (self.submitted, self.verified) for key, _, _ in said}


def try_events(
    requests: Iterable[api.TryEventsRequest],
    live: LiveView,
    snapshots: Snapshots,
    admit: Admit,
    now: datetime,
) -> Iterator[api.TryEventsResponse]:
    """Yield every number that the events would change, then one message with the position.

    At most `EFFECTS_MAX` numbers are sent; the last message says whether there are more. Nothing is
    stored.

    Args:
        requests: the events.
        live: the live view.
        snapshots: reads its stored works.
        admit: raises if the caller may not write an event.
        now: present time.

    Raises:
        Unavailable: no view is live, or it advances too fast. Retry.
        Exhausted: there are too many events. The caller's fault.
    """
    with live.read() as state:
        view, catalogue = state.view, state.catalogue
    asked = _asked(requests, catalogue, admit)
    for _ in range(ATTEMPTS):
        progress, works = _works(view, asked.keys, snapshots, catalogue)
        stages = _fold(asked, catalogue, works)
        effects = Effects(catalogue, stages, asked.by_month, now.year * 12 + now.month - 1)
        with live.read(progress.next_offsets) as state:
            # Works and cells of different positions would not be a state of the view.
            if state.view.view_id == view.view_id and is_at(progress, state.progress):
                before = effects.excerpt(state.cube)
                targets = {key: target.value for key, target in state.targets.items()}
                info = answers.encode_view_state(state)
                break
    else:
        raise Unavailable("the view moves too fast to try events on it; repeat", reason="BEHIND")
    result = api.TryEventsResult(
        view=info, events=asked.count - asked.left_out, uncounted=asked.uncounted
    )
    yield from _answer(effects.compare(before, targets), result)


def _asked(
    requests: Iterable[api.TryEventsRequest],
    catalogue: Catalogue,
    admit: Admit,
) -> Asked:
    asked = Asked()
    for request in requests:
        check(request)
        asked.by_month = asked.by_month or request.by_month
        for several, to in (
            (request.submitted, asked.submitted),
            (request.verified, asked.verified),
        ):
            for value in several:
                asked.take(value, to, catalogue, admit)
    return asked


def _works(
    view: View, keys: Iterable[str], snapshots: Snapshots, catalogue: Catalogue
) -> tuple[Progress, dict[str, Work]]:
    def place(key: str) -> int | None:
        return partition_of(key, view.partitions) if view.partitions else None

    progress, stored = snapshots.find_works(view.view_id, keys, place)
    return progress, {each.work_key: restored_of(each, catalogue)[0] for each in stored}


def _fold(
    asked: Asked, catalogue: Catalogue, works: dict[str, Work]
) -> list[dict[RowKey, dict[CellKey, int]]]:
    """Return how rows change once the events are submitted, and once they are verified as well."""
    preview, stages = Preview(catalogue, works), []
    for several in (asked.submitted, asked.verified):
        for said in several:
            preview.fold(*said)
        stages.append(preview.rows())
    return stages


def _answer(
    effects: Iterator[Effect], result: api.TryEventsResult
) -> Iterator[api.TryEventsResponse]:
    listed = islice(effects, EFFECTS_MAX)
    while several := list(islice(listed, EFFECTS_PER_MESSAGE)):
        yield api.TryEventsResponse(effects=map(_encode, several))
    result.is_cut = next(effects, None) is not None
    yield api.TryEventsResponse(result=result)


def _encode(effect: Effect) -> api.Effect:
    before, submitted, verified = map(_both, effect.stages)
    return api.Effect(
        unit_id=effect.unit_id,
        indicator_code=effect.code,
        from_month=month_text(effect.months[0]),
        to_month=month_text(effect.months[1]),
        before=before,
        once_submitted=submitted,
        once_verified=verified,
    )


def _both(values: Both) -> api.BothMeasures:
    declared, verified = map(encode_value, values)
    return api.BothMeasures(declared=declared, verified=verified)
