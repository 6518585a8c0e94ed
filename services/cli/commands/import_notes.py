"""Notes on imported rows: other claims that may be about the same work, contradictory shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import RenderableType

from kieng.submissions.v1 import import_service_pb2 as pb
from services.cli.terminal.screen import Screen

SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class LikePair:
    """A row, and a claim that may be about the same work under another key."""

    row: int
    record_id: str
    other_record_id: str
    other_work_key: str
    other_unit_id: str
    other_submission_id: str


@dataclass(frozen=True, slots=True)
class RowShares:
    """A row about a work whose claims declare more than the whole, or only some of them a share.

    ``declared_ppm`` is the sum of the shares, ``declaring`` and ``silent`` are the numbers of
    claims with and without a share.
    """

    row: int
    record_id: str
    declared_ppm: int
    declaring: int
    silent: int


@dataclass
class Notes:
    """The notes on the rows of one import; two rows about possibly one work are one pair."""

    pairs: list[LikePair] = field(default_factory=list)
    shares: list[RowShares] = field(default_factory=list)
    _seen: set[frozenset[str]] = field(default_factory=set)

    def add(self, answer: pb.ImportSubmissionsResponse, record_id: str) -> None:
        """Add the notes in the answer to a row."""
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

    def document(self) -> dict[str, Any]:
        """Return the notes in the form of `--output json`."""
        return {
            "may_be_same": [asdict(pair) for pair in self.pairs],
            "shares": [asdict(each) for each in self.shares],
        }

    def tables(self, screen: Screen) -> Iterator[RenderableType]:
        """Yield a table for each kind of note, unless there is none of that kind."""
        if self.pairs:
            like = screen.table(">row", "record", "may_be_same", "work_key", "unit")
            like.title = screen.text("import.may_be_same", pairs=len(self.pairs))
            for pair in self.pairs[:SHOWN_MAX]:
                other = pair.other_record_id or pair.other_submission_id
                work = (pair.other_work_key, pair.other_unit_id)
                like.add_row(str(pair.row), pair.record_id, other, *work)
            yield like
        if self.shares:
            table = screen.table(">row", "record", ">shares", ">without_share")
            table.title = screen.text("import.shares", rows=len(self.shares))
            for each in self.shares[:SHOWN_MAX]:
                shares = f"{each.declared_ppm:,}"
                table.add_row(str(each.row), each.record_id, shares, str(each.silent))
            yield table
