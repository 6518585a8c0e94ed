"""Notes on imported rows: rows still refused, rows on the same work or likely so, and shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import RenderableType

from kieng.submissions.v1 import import_service_pb2 as pb
from services.cli.terminal.render import number_text
from services.cli.terminal.screen import Screen

SHOWN_MAX = 50
OF_ITS_OWN = "sub:"
"""Prefix of the work keys made from a submission's id, as its facts have no public number."""


@dataclass(frozen=True, slots=True)
class LikePair:
    """An imported row, and another claim with another work key that may be about the same work.

    The fields `other_...` describe that claim; ``other_record_id`` is empty if it came from no
    import.
    """

    row: int
    record_id: str
    other_record_id: str
    other_work_key: str
    other_unit_id: str
    other_submission_id: str


@dataclass(frozen=True, slots=True)
class RowShares:
    """An imported row about a work whose shares contradict each other.

    Either the claims on the work declare more than the whole, or only some of them declare a share.
    ``declared_ppm`` is the sum of the shares in parts per million; ``declaring`` and ``silent`` are
    the numbers of claims with and without a share.
    """

    row: int
    record_id: str
    declared_ppm: int
    declaring: int
    silent: int


@dataclass(frozen=True, slots=True)
class SameWork:
    """An imported row that claims the same work for the same unit as an earlier row of the file.

    The work counts once: one of the rows is superfluous, or has the number of another work.
    """

    row: int
    record_id: str
    earlier_row: int
    earlier_record_id: str
    work_key: str
    unit_id: str


@dataclass(frozen=True, slots=True)
class StillRefused:
    """A row that did not change since its submission was returned or rejected, with the reason."""

    row: int
    record_id: str
    state: str
    reason: str
    submission_id: str


@dataclass
class Notes:
    """The notes on the rows of one import.

    ``still`` are rows still refused, ``same`` rows that repeat an earlier one, ``pairs`` likely
    duplicates, and ``shares`` contradictory shares. Two rows that may be about one work give one
    pair.
    """

    still: list[StillRefused] = field(default_factory=list)
    pairs: list[LikePair] = field(default_factory=list)
    shares: list[RowShares] = field(default_factory=list)
    same: list[SameWork] = field(default_factory=list)
    _claimed: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    _seen: set[frozenset[str]] = field(default_factory=set)

    def add(self, answer: pb.ImportSubmissionsResponse, record_id: str, still: str = "") -> None:
        """Add the notes in the service's answer to a row.

        Args:
            answer: answer to the row.
            record_id: id of the record in the row.
            still: `still_returned` or `still_rejected` for an unchanged row whose submission is in
                that state; otherwise empty.
        """
        if still:
            state = still.removeprefix("still_")
            told = (state, answer.reason, answer.submission_id)
            self.still.append(StillRefused(answer.row, record_id, *told))
        for other in answer.may_be_same:
            pair = frozenset((answer.submission_id, other.submission_id))
            if pair not in self._seen:
                self._seen.add(pair)
                self.pairs.append(
                    LikePair(
                        answer.row,
                        record_id,
                        other.source_record.record_id,
                        other.work_key,
                        other.unit_id,
                        other.submission_id,
                    )
                )
        if answer.HasField("shares"):
            said = answer.shares
            shares = (said.declared_ppm, said.declaring, said.silent)
            self.shares.append(RowShares(answer.row, record_id, *shares))

    def add_work(self, answer: pb.ImportSubmissionsResponse, record_id: str, unit_id: str) -> None:
        """Record that a row claims a work for a unit, with a note if an earlier row does, too.

        A work without a public number is ignored, because its key belongs to one row only.

        Args:
            answer: answer to the row, with the work key.
            record_id: id of the record in the row.
            unit_id: id of the claiming unit.
        """
        key = answer.work_key
        # A key of this kind belongs to one submission only.
        if not key or key.startswith(OF_ITS_OWN):
            return
        first = self._claimed.setdefault((key, unit_id), (answer.row, record_id))
        if first[0] != answer.row:
            self.same.append(SameWork(answer.row, record_id, *first, key, unit_id))

    def document(self) -> dict[str, Any]:
        """Return the notes as the object that `--output json` prints.

        Its keys `still_refused`, `same_work`, `may_be_same` and `shares` have lists, maybe empty,
        with an object per note.
        """
        return {
            "still_refused": [asdict(each) for each in self.still],
            "same_work": [asdict(each) for each in self.same],
            "may_be_same": [asdict(pair) for pair in self.pairs],
            "shares": [asdict(each) for each in self.shares],
        }

    def tables(self, screen: Screen, options: str = "") -> Iterator[RenderableType]:
        """Yield a table for each kind of note that there is, with at most `SHOWN_MAX` rows.

        ``options`` are the options that the user's next command needs, e.g. ` --institution vnu`.
        """
        if self.still:
            table = screen.table(">row", "record", "state", "reason", "submission_id")
            table.title = screen.text("import.still_refused", rows=len(self.still), options=options)
            for each in self.still[:SHOWN_MAX]:
                state = screen.text(f"state.{each.state}")
                table.add_row(str(each.row), each.record_id, state, each.reason, each.submission_id)
            yield table
        if self.same:
            table = screen.table(">row", "record", ">earlier_row", "work_key", "unit")
            table.title = screen.text("import.same_work", rows=len(self.same))
            for same in self.same[:SHOWN_MAX]:
                earlier = f"{same.earlier_row} ({same.earlier_record_id})"
                told = (same.record_id, earlier, same.work_key, same.unit_id)
                table.add_row(str(same.row), *told)
            yield table
        if self.pairs:
            like = screen.table(">row", "record", "may_be_same", "work_key", "unit")
            like.title = screen.text("import.may_be_same", pairs=len(self.pairs))
            for pair in self.pairs[:SHOWN_MAX]:
                other = pair.other_record_id or pair.other_submission_id
                named = (pair.other_work_key, pair.other_unit_id)
                like.add_row(str(pair.row), pair.record_id, other, *named)
            yield like
        if self.shares:
            shared = screen.table(">row", "record", ">shares", ">without_share")
            shared.title = screen.text("import.shares", rows=len(self.shares))
            for work in self.shares[:SHOWN_MAX]:
                shares = number_text(work.declared_ppm, screen.lang)
                shared.add_row(str(work.row), work.record_id, shares, str(work.silent))
            yield shared
