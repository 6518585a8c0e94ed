"""A log file says of each record what the log says of it."""

from __future__ import annotations

from io import BytesIO

import pytest

from services.kernel.kafka import header
from services.kpi.log.file import HEADERS_MAX, FileRecord, read_log, write_log
from services.kpi.offline.verification import verify
from services.kpi.wire.events import CHANGED
from tests.unit.kpi.builders import article, changed, real_catalogue, record

SURPLUS = [("x", str(number).encode()) for number in range(HEADERS_MAX + 10)]


def copied(headers: list[tuple[str, bytes | None]], value: bytes) -> tuple[FileRecord, FileRecord]:
    """A record with these headers, and what a file says of it."""
    whole, file = FileRecord(0, 0, 0, b"k", value, headers), BytesIO()
    write_log([whole], file)
    file.seek(0)
    (found,) = read_log(file)
    return whole, found


@pytest.mark.parametrize("types", [1, 2, HEADERS_MAX + 1])
def test_what_a_reader_looks_at_is_kept_of_more_headers_than_a_file_holds(types: int) -> None:
    said = record(0, changed(declared=article()))
    others = [("ce_type", b"another-%d" % number) for number in range(types - 1)]
    # Whoever sends so many may put what matters behind them.
    whole, found = copied([*SURPLUS, *others, *said.headers], said.value or b"")
    assert len(found.headers) == HEADERS_MAX
    for name in ("ce_source", "ce_time", "ce_id"):
        assert header(found, name) == header(whole, name)
    catalogue = real_catalogue()
    assert verify([found], catalogue) == verify([whole], catalogue)
    assert verify([found], catalogue)["parked"] == (types > 1)


def test_of_few_headers_all_are_kept() -> None:
    headers = [("ce_type", CHANGED.encode()), ("ce_type", CHANGED.encode()), ("", b"")]
    whole, found = copied(list(headers), b"")
    assert found.headers == whole.headers
