"""What an import tells of rows that it took: works that may be the same, shares that contradict."""

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
    """A row whose work has shares that are more than the whole, or are not declared by all."""

    row: int
    record_id: str
    declared_ppm: int
    declaring: int
    silent: int


@dataclass
class Notes:
    """The notes of one import; each pair of records of the file is there once."""

    pairs: list[LikePair] = field(default_factory=list)
    shares: list[RowShares] = field(default_factory=list)
    _seen: set[frozenset[str]] = field(default_factory=set)

    def add(self, answer: pb.ImportSubmissionsResponse, record_id: str) -> None:
        """Take the notes of one answer."""
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
        """Return them as JSON."""
        return {
            "may_be_same": [asdict(pair) for pair in self.pairs],
            "shares": [asdict(each) for each in self.shares],
        }

    def tables(self, screen: Screen) -> Iterator[RenderableType]:
        """Yield a table for each kind of note that there is."""
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
