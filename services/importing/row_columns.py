"""The columns of a table of submissions, and how the cells of its rows are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import submission_pb2
from services.importing.cells import Cell, cell_text, has_text
from services.importing.evidence import Digest, add_evidence, no_files
from services.importing.field_values import CellWrong, Reader, is_day, is_share, reader
from services.importing.headings import (
    CLAIM_COLUMNS,
    EVIDENCE_COLUMNS,
    NONE,
    Chosen,
    fact_columns,
    is_percent,
    read_header,
    slug,
)
from services.importing.unit_names import FIELDS, NO_UNITS, UnitNames

TOTAL = re.compile(r"(?:tong|tong_cong|tong_so|cong|total|grand_total|sum)(?:_\d+(?:_[a-z]+)?)?")
"""Matches the slug of a text that marks a row of totals, e.g. `Tổng cộng: 3 bài`."""
TOTAL_BEGINS = "tcgsTCGS"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A mistake because of which a row is not sent to the service.

    ``row`` is its number in the file; ``column`` is empty if the whole row is wrong; ``problem`` is
    the key of a message, and ``values`` are the values of its placeholders.
    """

    row: int
    column: str
    problem: str
    values: Mapping[str, str]


@cache
def _targets(type_name: str) -> Sequence[tuple[str, bool, FieldDescriptor]]:
    """Return (column, whether its field is of the claim rather than the facts, field) of a type."""
    claim = submission_pb2.Content.DESCRIPTOR.fields_by_name
    targets = [(name, True, claim[name]) for name in CLAIM_COLUMNS]
    return targets + [(name, False, each) for name, each in fact_columns(type_name).items()]


class Columns:
    """The columns of a table: their positions and how to read their cells.

    ``names`` has the column of each heading, empty for an ignored one; ``days`` maps the index of
    each date column to its name.
    """

    def __init__(
        self,
        type_name: str,
        header: Sequence[str],
        chosen: Chosen = NONE,
        digest: Digest = no_files,
        units: UnitNames = NO_UNITS,
    ) -> None:
        self.header, self.width, self._digest = header, len(header), digest
        self._units = units
        self.names = read_header(type_name, header, chosen)
        self._type_name = type_name
        self._at = {name: at for at, name in enumerate(self.names) if name}
        self._read = [
            (at, name, of_claim, each.name, each.is_repeated, self._reader(each, header[at]))
            for name, of_claim, each in _targets(type_name)
            if (at := self._at.get(name, -1)) >= 0
        ]
        fields = fact_columns(type_name)
        self.days = {
            at: name for name, at in self._at.items() if name in fields and is_day(fields[name])
        }
        self._proof = [self._at.get(name) for name in EVIDENCE_COLUMNS]

    @staticmethod
    def _reader(field: FieldDescriptor, heading: str) -> Reader:
        return reader(field, is_percent=is_share(field) and is_percent(heading))

    def cell(self, cells: Sequence[Cell], name: str) -> Cell:
        """Return the cell of a row in a column; blank if the row or the table lacks it."""
        at = self._at.get(name)
        return cells[at] if at is not None and at < len(cells) else ""

    def text(self, cells: Sequence[Cell], name: str) -> str:
        """Return the text of the cell that `cell` returns."""
        cell = self.cell(cells, name)
        return cell_text(cell) if cell != "" else ""

    def are_blank(self, cells: Sequence[Cell]) -> bool:
        """Return True if all cells of a row in known columns are blank."""
        return not any(at < len(cells) and has_text(cells[at]) for at in self._at.values())

    def has_sums(self, cells: Sequence[Cell], record_id: str) -> bool:
        """Return True if a row has totals, as `Tổng cộng: 3 bài`, or repeats the headings."""
        if record_id == self.header[self._at["record_id"]]:
            return True
        if record_id and (record_id[0] not in TOTAL_BEGINS or not TOTAL.fullmatch(slug(record_id))):
            return False
        texts = (
            cell_text(cells[at])
            for at in self._at.values()
            if at < len(cells) and isinstance(cells[at], str)
        )
        first = next(filter(None, texts), "")
        return TOTAL.fullmatch(slug(first)) is not None

    def fill(
        self, content: submission_pb2.Content, cells: Sequence[Cell], number: int
    ) -> list[Wrong]:
        """Set the fields of a content from the cells of a row; return the cells that are wrong."""
        facts, mistakes = getattr(content.facts, self._type_name), list[Wrong]()
        facts.SetInParent()
        for at, name, of_claim, target, is_list, read in self._read:
            if (cell := cells[at]) == "":
                continue
            try:
                value = read.of_text(cell) if isinstance(cell, str) else read.of_cell(cell)
                if target in FIELDS and value is not None:
                    id_of = self._units.id_of
                    value = [id_of(each) for each in value] if is_list else id_of(value)
            except CellWrong as error:
                mistakes.append(Wrong(number, name, error.problem, error.values))
                continue
            if value is None:
                continue
            message = content if of_claim else facts
            if is_list:
                getattr(message, target).extend(value)
            else:
                setattr(message, target, value)
        files, sha256, title, uri = [
            "" if at is None else cell_text(cells[at]) for at in self._proof
        ]
        try:
            add_evidence(content, files, sha256, title, uri, self._digest)
        except CellWrong as error:
            mistakes.append(Wrong(number, EVIDENCE_COLUMNS[0], error.problem, error.values))
        return mistakes
