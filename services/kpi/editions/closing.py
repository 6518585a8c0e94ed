"""Closes a period: freezes numbers and works of one position of the log as a signed edition."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.access import Principal
from services.kernel.errors import InvalidArgument, WrongState
from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube, Range, Ratio, Value
from services.kpi.domain.months import month_range
from services.kpi.domain.targets import Target, target_of
from services.kpi.query.cells import check_unit
from services.kpi.query.history import History
from services.kpi.query.live_view import LiveView, ViewState
from services.kpi.replay.memory_projection import ReplayBound
from services.kpi.replay.runner import Replayed
from services.kpi.replay.tasks import Task
from services.kpi.signing import Signer
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.editions import Edition, Editions
from services.kpi.store.views import View
from services.kpi.wire.frozen import canonical
from services.kpi.wire.rows import decode_cube

FORMAT = "kieng-edition-1"
DECLARED, VERIFIED = 0, 1


@dataclass(frozen=True, slots=True)
class Period:
    """The period that an edition closes, as the caller requested it.

    Args:
        edition_id: id of the new edition.
        title: title to display.
        unit_id: root of the subtree to close; empty for the root of the tree.
        from_month: first month, `YYYY-MM`.
        to_month: last month, included.
    """

    edition_id: str
    title: str
    unit_id: str
    from_month: str
    to_month: str


@dataclass(frozen=True, slots=True)
class ClosingPosition:
    """The state of the live view when closing began; the edition freezes this state.

    Args:
        view: the live view.
        bound: position up to which the log is replayed.
        digest: digest of the view at this position; the replay must give the same.
        targets: key of a target -> target.
    """

    view: View
    bound: ReplayBound
    digest: str
    targets: Mapping[str, Target]


class EditionCloser:
    """Closes editions. Thread-safe.

    Args:
        catalogues: stored catalogues and views.
        editions: store of editions.
        history: replays the log.
        signer: signs editions; None if no key is configured.
    """

    def __init__(
        self, catalogues: Catalogues, editions: Editions, history: History, signer: Signer | None
    ) -> None:
        self.editions = editions
        self._catalogues = catalogues
        self._history = history
        self._signer = signer

    @property
    def signer(self) -> Signer:
        """The signer of editions.

        Raises:
            WrongState: no key is configured.
        """
        if self._signer is None:
            text = "this installation has no key for editions: set KIENG_EDITION_KEY_FILE"
            raise WrongState(text, reason="NO_EDITION_KEY")
        return self._signer

    def close(
        self,
        live: LiveView,
        period: Period,
        principal: Principal,
        now: datetime,
        is_wanted: Callable[[], bool],
    ) -> Iterator[tuple[int, int, Edition | None]]:
        """Close a period by replaying the log, and store the signed edition.

        Yields (records read, records to read, edition); the edition is None until the last step.

        Args:
            live: the live view, with which the replay has to agree.
            period: the period to close.
            principal: the caller, who is named in the edition.
            now: time of the closing.
            is_wanted: returns False once the caller has left; the replay then ends and nothing is
                stored.

        Raises:
            InvalidArgument: the unit is unknown or the range is invalid. The caller's fault.
            AlreadyExists: an edition with this id exists. The caller's fault.
            WrongState: no key is configured, or the replay differs from the live view.
        """
        with live.read() as state:
            unit_id, months = check_period(period, state, now)
            start = start_of(state)
        signer = self.signer
        self.editions.check_free(period.edition_id)
        total = start.bound.records
        for step in self._history.run(start.view, start.bound, is_wanted, Task(unit_id)):
            if not isinstance(step, Replayed):
                yield step, total, None
                continue
            if step.digest != start.digest:
                text = "the log does not give the numbers of the view; ask `kieng doctor`"
                raise WrongState(text, reason="NOT_REPRODUCED")
            content = self._content(period, unit_id, months, start, step, principal, now)
            edition = Edition(
                period.edition_id,
                period.title,
                unit_id,
                period.from_month,
                period.to_month,
                now,
                start.view.view_id,
                start.view.catalogue_version,
                start.digest,
                signer.sign(content),
                signer.key_id,
                signer.public_pem,
            )
            self.editions.close(edition, content, step.made)
            yield total, total, edition

    def _content(
        self,
        period: Period,
        unit_id: str,
        months: Range,
        start: ClosingPosition,
        replayed: Replayed,
        principal: Principal,
        now: datetime,
    ) -> bytes:
        view = start.view
        catalogue = self._catalogues.catalogue(view.catalogue_version)
        cube = decode_cube(replayed.rows, catalogue)
        targets = {key: target.value for key, target in start.targets.items()}
        document = {
            "format": FORMAT,
            "edition_id": period.edition_id,
            "title": period.title,
            "unit": unit_id,
            "from": period.from_month,
            "to": period.to_month,
            "closed_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "closed_by": {"institution": principal.institution_id, "subject": principal.subject},
            "view": {
                "view_id": view.view_id,
                "catalogue_version": view.catalogue_version,
                "progress": {str(p): n for p, n in replayed.progress.next_offsets.items()},
                "newest_event_ms": replayed.progress.newest_event_ms,
                "parked": replayed.progress.parked,
                "digest": replayed.digest,
            },
            "definitions": definitions(self._catalogues.message(view.catalogue_version)),
            "targets": {k: v for k, v in targets.items() if _is_of(k, months, catalogue, unit_id)},
            "cells": frozen_cells(cube, unit_id, months, start.targets),
            **replayed.facts,
        }
        return canonical(document)


def check_period(period: Period, state: ViewState, now: datetime) -> tuple[str, Range]:
    """Check the period of a new edition; return the id of its unit and its range of months.

    Args:
        period: the period as requested.
        state: state of the live view, whose tree contains the units.
        now: the present time.

    Raises:
        InvalidArgument: the unit is unknown, the range is invalid, or a month has not begun.
    """
    unit_id = period.unit_id or state.catalogue.tree.ids[0]
    check_unit(unit_id, state.catalogue, "unit_id")
    months = month_range(period.from_month, period.to_month)
    if months[1] > now.year * 12 + now.month - 1:
        text = "the period has not begun to end; close it when its last month has come"
        raise InvalidArgument(f"to_month: {text}", fields={"to_month": text})
    return unit_id, months


def start_of(state: ViewState) -> ClosingPosition:
    """Return the live view's present state as the position at which an edition is closed.

    Call it while ``state`` is locked, i.e. within `LiveView.read`.
    """
    view = state.view
    bound = ReplayBound(dict(state.progress.next_offsets), 0, view.generation, view.begins)
    return ClosingPosition(view, bound, state.cube.digest(), state.targets)


def definitions(message: catalogue_pb2.Catalogue) -> dict[str, Any]:
    """Return a catalogue message in the JSON form of the contract, as an edition holds it.

    It contains all fields that are set, e.g. indicators, taxonomies and units.
    """
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found


def subtree(catalogue: Catalogue, unit_id: str) -> list[str]:
    """Return the ids of a unit and its descendants, in tree order; empty for an unknown unit."""
    tree = catalogue.tree
    top = tree.number.get(unit_id)
    if top is None:
        return []
    return [each for number, each in enumerate(tree.ids) if tree.holds(top, number)]


def _is_of(key: str, months: Range, catalogue: Catalogue, unit_id: str) -> bool:
    unit, _, year = key.split("|")
    return int(year) == months[1] // 12 and unit in subtree(catalogue, unit_id)


def frozen_cells(
    cube: Cube, unit_id: str, months: Range, targets: Mapping[str, Target]
) -> list[list[Any]]:
    """Return the cells of an edition as lists [unit id, indicator code, declared, verified].

    A value is an integer, or [numerator, denominator] of a ratio. Cells that are zero in both
    measures are left out.

    Args:
        cube: the view's cells when the period is closed.
        unit_id: root of the subtree.
        months: first and last month of the period.
        targets: `<unit id>|<indicator code>|<year>` -> target.
    """
    cells = []
    for unit in subtree(cube.catalogue, unit_id):
        for indicator in cube.catalogue.indicators.values():
            base = cube.catalogue.indicators.get(indicator.attainment_of, indicator)
            target = target_of(targets, unit, base, months)
            both = [
                cube.value(unit, indicator, measure, *months, target.value if target else 0)
                for measure in (DECLARED, VERIFIED)
            ]
            if any(any(parts(indicator, value)) for value in both):
                cells.append([unit, indicator.code, *map(value_json, both)])
    return cells


def value_json(value: Value) -> Any:
    """Return the JSON form of a value in an edition: `3`, or `[1, 4]` for a ratio."""
    return [value.numerator, value.denominator] if isinstance(value, Ratio) else value


def parts(indicator: Indicator, value: Value) -> tuple[int, int]:
    """Return (numerator, denominator) of a ratio of an edition; (value, 0) for other values.

    Of a fraction that is no ratio of two components it is (numerator, 0).
    """
    if isinstance(value, Ratio):
        return value.numerator, value.denominator if indicator.denominator else 0
    return value, 0


def read_content(content: bytes) -> dict[str, Any]:
    """Return the decoded JSON content of an edition."""
    document: dict[str, Any] = json.loads(content)
    return document
